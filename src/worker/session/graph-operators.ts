// Reads which operators an ONNX file has, in its graph, in the graphs inside of loops and branches, and in its own
// functions. Weights are stepped over, so that a large file costs neither time nor memory. Worker threads and the trial
// process.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const WINDOW_BYTES = 64 * 1024;
/** Graphs inside of graphs; deeper ones are written by nobody. */
const DEPTH_MAX = 64;

type Message = 'model' | 'graph' | 'function' | 'node' | 'attribute';

/** The messages inside of each message on the way to a node, by the numbers of their fields in onnx.proto. */
const MESSAGES: Readonly<Record<Message, Readonly<Record<number, Message>>>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node' },
  function: { 7: 'node' },
  node: { 5: 'attribute' },
  attribute: { 6: 'graph', 11: 'graph' },
};
/** The field of a node that names its operator. */
const OPERATOR_FIELD = 4;

const WireType = { varint: 0, eightBytes: 1, length: 2, fourBytes: 5 } as const;

/** The operators' names, without their domains; throws an Error when the file is no protobuf. */
export function operatorsOf(path: string): ReadonlySet<string> {
  const file = openSync(path, 'r');
  try {
    const reader = new ModelReader(file);
    reader.walk('model', fstatSync(file).size, 0);
    return reader.operators;
  } finally {
    closeSync(file);
  }
}

class ModelReader {
  readonly operators = new Set<string>();
  readonly #file: number;
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES);
  #windowAt = 0;
  #windowBytes = 0;
  #at = 0;

  constructor(file: number) {
    this.#file = file;
  }

  /** Reads a message that lies from here to `end`. */
  walk(message: Message, end: number, depth: number): void {
    if (depth > DEPTH_MAX) throw new Error(`its graphs are more than ${DEPTH_MAX} messages deep`);
    while (this.#at < end) {
      const tag = this.#varint();
      const field = Math.floor(tag / 8);
      const next = this.#endOfField(tag % 8);
      if (next > end) throw new Error('a field is longer than the message around it');
      const inner = MESSAGES[message][field];
      if (inner !== undefined) this.walk(inner, next, depth + 1);
      else if (message === 'node' && field === OPERATOR_FIELD) this.operators.add(this.#text(next));
      this.#at = next;
    }
  }

  // Where the value that begins here ends; of one with a length, that length is read.
  #endOfField(wireType: number): number {
    if (wireType === WireType.length) {
      const bytes = this.#varint();
      return this.#at + bytes;
    }
    if (wireType === WireType.varint) this.#varint();
    else if (wireType === WireType.eightBytes) return this.#at + 8;
    else if (wireType === WireType.fourBytes) return this.#at + 4;
    else throw new Error(`it is no protobuf: wire type ${wireType}`);
    return this.#at;
  }

  #varint(): number {
    let value = 0;
    // Multiplied, not shifted: lengths may take more than 31 bits.
    for (let unit = 1; unit < 2 ** 64; unit *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    throw new Error('it is no protobuf: a number does not end');
  }

  #text(end: number): string {
    const bytes: number[] = [];
    while (this.#at < end) bytes.push(this.#byte());
    return Buffer.from(bytes).toString();
  }

  #byte(): number {
    const at = this.#at - this.#windowAt;
    if (at >= 0 && at < this.#windowBytes) {
      this.#at += 1;
      return this.#window[at]!;
    }
    this.#windowAt = this.#at;
    this.#windowBytes = readSync(this.#file, this.#window, 0, WINDOW_BYTES, this.#at);
    if (this.#windowBytes === 0) throw new Error('it ends in the middle of a field');
    return this.#byte();
  }
}
