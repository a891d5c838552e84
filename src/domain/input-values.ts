// Takes the watched columns out of a row's inputs as row-codec.ts writes them, without decoding the rest. One reader
// per version; allocates one view a row.
import type { Datatype, Signature } from './records.ts';
import { halfToNumber } from './half.ts';
import type { InputColumn } from './input-columns.ts';
import { elementBytes } from './datatype.ts';

const WORD_BYTES = 4;

export class InputColumnReader {
  readonly #datatypes: readonly Datatype[];
  /** Per input: where its columns go and which element each one is. */
  readonly #wanted: readonly (readonly { readonly to: number; readonly element: number }[])[];
  /** The columns of the row that was read last; NaN for one that it has not. */
  readonly values: Float64Array;

  constructor({ inputs }: Signature, columns: readonly InputColumn[]) {
    this.#datatypes = inputs.map(({ datatype }) => datatype);
    this.#wanted = inputs.map((_, input) => columns.flatMap((column, to) =>
      (column.input === input ? [{ to, element: column.element }] : [])));
    this.values = new Float64Array(columns.length);
  }

  /** Reads one row into `values`; false when the bytes do not fit the signature, and then they mean nothing. */
  read(bytes: Uint8Array): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.values.fill(NaN);
    let at = 0;
    for (const [input, datatype] of this.#datatypes.entries()) {
      if (at + WORD_BYTES > view.byteLength) return false;
      // The rank, the dimensions, and the length of what follows.
      const data = at + (view.getUint32(at, true) + 2) * WORD_BYTES;
      if (data > view.byteLength) return false;
      const end = data + view.getUint32(data - WORD_BYTES, true);
      if (end > view.byteLength) return false;
      const size = elementBytes(datatype);
      for (const { to, element } of this.#wanted[input]!) {
        const from = data + element * size;
        if (from + size <= end) this.values[to] = numberAt(view, datatype, from);
      }
      at = end;
    }
    return at === view.byteLength;
  }
}

function numberAt(view: DataView, datatype: Datatype, at: number): number {
  switch (datatype) {
    case 'FP32': return view.getFloat32(at, true);
    case 'FP64': return view.getFloat64(at, true);
    case 'FP16': return halfToNumber(view.getUint16(at, true));
    case 'INT8': return view.getInt8(at);
    case 'INT16': return view.getInt16(at, true);
    case 'INT32': return view.getInt32(at, true);
    case 'INT64': return Number(view.getBigInt64(at, true));
    case 'BOOL':
    case 'UINT8': return view.getUint8(at);
    case 'UINT16': return view.getUint16(at, true);
    case 'UINT32': return view.getUint32(at, true);
    case 'UINT64': return Number(view.getBigUint64(at, true));
    case 'BYTES': return NaN;
  }
}
