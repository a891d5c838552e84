// The watched inputs of one deployment: takes them out of the rows that its workers keep of late. Monitor thread. The
// workers keep a row every 20 ms to 1.5 s, so there are a few a second whatever the traffic; a look reads at most
// ROWS_PER_LOOK of them, and what it leaves is overwritten. Nothing here is asked of the workers.
import type { Signature } from '../../domain/records.ts';
import { RowReader, rowRingOffset } from '../../shared-memory/row-ring.ts';
import type { RingRow } from '../../shared-memory/row-ring.ts';
import { InputColumnReader } from '../../domain/input-columns.ts';
import type { InputColumn } from '../../domain/input-columns.ts';
import type { RowRings } from '../../worker/messages.ts';
import type { InputRow } from './input-counts.ts';

/** Rows that one look takes out of all rings together, and bytes out of each: a row may be as large as an image. */
const ROWS_PER_LOOK = 128;
const BYTES_PER_LOOK = 1024 * 1024;

/** The rings of one deployment, and which inputs of their rows are watched. */
type WatchedRows = RowRings & { readonly signature: Signature; readonly columns: readonly InputColumn[] };

export class InputFeed {
  readonly #readers: readonly RowReader[];
  readonly #columns: InputColumnReader;
  readonly #names: readonly string[];

  constructor({ memory, size, signature, columns }: WatchedRows, rings: number) {
    this.#readers = Array.from({ length: rings }, (_, ring) => new RowReader(memory, rowRingOffset(ring, size), size));
    this.#columns = new InputColumnReader(signature, columns);
    this.#names = columns.map(({ name }) => name);
  }

  /** Whether the workers keep rows now. */
  get isOpen(): boolean {
    return this.#readers.some((reader) => reader.isWanted);
  }

  /** Hands the unread rows of `generation` to `visit`; what it is given is valid during the visit. */
  drain(generation: number, visit: (row: InputRow) => void): void {
    const limit = Math.max(1, Math.floor(ROWS_PER_LOOK / this.#readers.length));
    for (const reader of this.#readers) {
      let bytes = 0;
      const take = (row: RingRow): void => {
        bytes += row.inputs.length + row.outputs.byteLength;
        if (row.generation !== generation || row.inputs.length === 0 || !this.#columns.read(row.inputs)) return;
        visit({ names: this.#names, values: this.#columns.values, atUs: row.atUs });
      };
      for (let rows = 0; rows < limit && bytes < BYTES_PER_LOOK; rows += 1) if (reader.drain(take, 1) === 0) break;
    }
  }
}
