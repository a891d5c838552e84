// Reads of an ONNX file, without loading it, which operators it has, in its graph, in the graphs inside of loops and
// branches and in its own functions, and which other files its weights lie in. Weights are stepped over, so that a
// large file costs neither time nor memory. Worker threads, the trial process and backtests.
// Invariant: what the runtime's parser takes is understood here as well, and what is not understood is refused: no file
// beside the one that was hashed comes into a session unseen.
import { readSync } from 'node:fs';
import { reasonOf } from '../../base/errors.ts';
import { RegularFile } from '../../base/regular-file.ts';
import { ARTIFACT_BYTES_MAX } from '../../registry/artifacts.ts';

const WINDOW_BYTES = 64 * 1024;
/** Messages inside of messages; the runtime's parser goes no deeper. */
const DEPTH_MAX = 100;
/** Longer names are cut. */
const TEXT_BYTES_MAX = 256;
const FILES_NAMED = 3;

type Message = 'model' | 'graph' | 'function' | 'node' | 'attribute' | 'tensor' | 'sparse tensor' | 'external data';

/**
 * The messages inside of each message on the way to a node or a tensor, by the numbers of their fields in onnx.proto.
 * What is for training alone is not among them: the runtime does not look at it.
 */
const MESSAGES: Readonly<Record<Message, Readonly<Record<number, Message>>>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor', 15: 'sparse tensor' },
  function: { 7: 'node', 11: 'attribute' },
  node: { 5: 'attribute' },
  attribute: {
    5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph', 22: 'sparse tensor', 23: 'sparse tensor',
  },
  'sparse tensor': { 1: 'tensor', 2: 'tensor' },
  tensor: { 13: 'external data' },
  'external data': {},
};
/** The field of a node that names its operator. */
const OPERATOR_FIELD = 4;
/** The field of a tensor that says where its elements are: 0 for in the tensor itself. */
const LOCATION_FIELD = 14;
/** The fields of an entry of external data, and the key of the entry that names the file. */
const ENTRY = { key: 1, value: 2, fileKey: 'location' } as const;

const WireType = { varint: 0, eightBytes: 1, length: 2, groupBegin: 3, groupEnd: 4, fourBytes: 5 } as const;

interface OnnxFile {
  /** The operators' names, without their domains. */
  readonly operators: ReadonlySet<string>;
  /** The names of the other files that it takes weights from, as it has them; '' for one that it does not name. */
  readonly externalFiles: ReadonlySet<string>;
}

/** Throws an Error when the file is no protobuf, or what RegularFile.open does. */
export function readOnnxFile(path: string): OnnxFile {
  const file = RegularFile.open(path, ARTIFACT_BYTES_MAX);
  try {
    const reader = new ModelReader(file.descriptor);
    reader.walk('model', file.bytes, 0);
    return reader;
  } finally {
    file.close();
  }
}

/** Throws an Error, with what to do about it, when a session on `path` would read other files as well. */
export function assertWholeModel(path: string): void {
  let files: readonly string[];
  try {
    files = [...readOnnxFile(path).externalFiles];
  } catch (error) {
    throw new Error(`it is no ONNX file: ${reasonOf(error)}`);
  }
  if (files.length === 0) return;
  const named = files.filter((name) => name !== '');
  const names = named.slice(0, FILES_NAMED).map((name) => JSON.stringify(name)).join(', ');
  const more = named.length > FILES_NAMED ? ` and ${named.length - FILES_NAMED} more` : '';
  throw new Error(
    `its weights lie outside of it (external data${names === '' ? '' : ` in ${names}`}${more}), and a version is one ` +
      'file, because all of it is hashed: such a model cannot be served yet; wanted one with its weights inside ' +
      '(onnx.save_model(onnx.load(PATH), NEW_PATH), or torch.onnx.export(…, external_data=False))');
}

class ModelReader implements OnnxFile {
  readonly operators = new Set<string>();
  readonly externalFiles = new Set<string>();
  readonly #file: number;
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES);
  #windowAt = 0;
  #windowBytes = 0;
  #at = 0;
  /** The number that was read last. */
  #number = 0;
  /** Of the entry of external data that is being read. */
  #key = '';
  #value = '';

  constructor(file: number) {
    this.#file = file;
  }

  /** Reads a message that lies from here to `end`. */
  walk(message: Message, end: number, depth: number): void {
    if (depth > DEPTH_MAX) throw new Error(`its graphs are more than ${DEPTH_MAX} messages deep`);
    while (this.#at < end) {
      const { field, wireType } = this.#tag();
      const next = this.#endOfField(wireType);
      if (next > end) throw new Error('a field is longer than the message around it');
      const inner = wireType === WireType.length ? MESSAGES[message][field] : undefined;
      if (inner !== undefined) this.walk(inner, next, depth + 1);
      else if (wireType === WireType.length) this.#noteText(message, field, next);
      else if (wireType === WireType.varint) this.#noteNumber(message, field);
      this.#at = next;
    }
    if (message === 'external data') this.#noteEntry();
  }

  #noteText(message: Message, field: number, end: number): void {
    if (message === 'node' && field === OPERATOR_FIELD) this.operators.add(this.#text(end));
    else if (message === 'external data' && field === ENTRY.key) this.#key = this.#text(end);
    else if (message === 'external data' && field === ENTRY.value) this.#value = this.#text(end);
  }

  // Which file it is, the entries of the tensor tell, before or after this.
  #noteNumber(message: Message, field: number): void {
    if (message === 'tensor' && field === LOCATION_FIELD && this.#number !== 0) this.externalFiles.add('');
  }

  #noteEntry(): void {
    this.externalFiles.add(this.#key === ENTRY.fileKey ? this.#value : '');
    this.#key = '';
    this.#value = '';
  }

  #tag(): { readonly field: number; readonly wireType: number } {
    // The runtime's parser drops what is beyond 32 bits.
    const tag = this.#varint() % 2 ** 32;
    return { field: Math.floor(tag / 8), wireType: tag % 8 };
  }

  // Where the value that begins here ends; of one with a length, that length is read.
  #endOfField(wireType: number): number {
    if (wireType === WireType.length) {
      const bytes = this.#varint();
      return this.#at + bytes;
    }
    if (wireType === WireType.varint) this.#number = this.#varint();
    else if (wireType === WireType.eightBytes) return this.#at + 8;
    else if (wireType === WireType.fourBytes) return this.#at + 4;
    else if (wireType === WireType.groupBegin) this.#stepOverGroup();
    else throw new Error(`wire type ${wireType} is unknown`);
    return this.#at;
  }

  // Old files of other formats have groups; in this one they mean nothing, and the runtime steps over them too.
  #stepOverGroup(): void {
    for (let open = 1; open > 0; ) {
      const { wireType } = this.#tag();
      if (wireType === WireType.groupBegin) open += 1;
      else if (wireType === WireType.groupEnd) open -= 1;
      else this.#at = this.#endOfField(wireType);
    }
  }

  #varint(): number {
    let value = 0;
    // Multiplied, not shifted: lengths may take more than 31 bits.
    for (let unit = 1; unit < 2 ** 64; unit *= 128) {
      const byte = this.#byte();
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    throw new Error('a number does not end');
  }

  #text(end: number): string {
    const bytes: number[] = [];
    while (this.#at < end && bytes.length < TEXT_BYTES_MAX) bytes.push(this.#byte());
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
