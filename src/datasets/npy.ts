// Reads one array in NumPy's .npy format, strictly: a known element type, little-endian, C order, as many bytes as its
// shape says and none behind them. Pure; any thread or process. What is refused is refused with an Error that says what
// was found and what was wanted; whoever knows the file adds its name.
import { createElements, elementCount } from '../domain/datatype.ts';
import type { Tensor } from '../domain/datatype.ts';
import type { Datatype } from '../domain/records.ts';

/** An array as it stands in a file. */
export interface ArrayInFile extends Tensor {
  readonly datatype: Datatype;
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const HEADER_BYTES_MAX = 64 * 1024;
const RANK_MAX = 16;
const UTF32_BYTES = 4;
const CODE_POINT_MAX = 0x10_ffff;

const NUMBERS: Readonly<Record<string, Datatype>> = {
  '|b1': 'BOOL', '|u1': 'UINT8', '<u2': 'UINT16', '<u4': 'UINT32', '<u8': 'UINT64',
  '|i1': 'INT8', '<i2': 'INT16', '<i4': 'INT32', '<i8': 'INT64', '<f2': 'FP16', '<f4': 'FP32', '<f8': 'FP64',
};
const TEXT = /^(?<form>[<|]U|\|S)(?<length>\d{1,6})$/;
const HEADER = /^\{\s*(?<members>.*?),?\s*\}\s*$/s;
const MEMBER =
  /^'(?<key>descr|fortran_order|shape)'\s*:\s*(?:'(?<text>[^']*)'|(?<flag>True|False)|\((?<sizes>[\d,\s]*)\))$/;

interface Header {
  readonly descr: string;
  readonly shape: readonly number[];
  readonly dataAt: number;
}

/** Reads the bytes of a whole .npy file. */
export function readNpy(bytes: Uint8Array): ArrayInFile {
  const { descr, shape, dataAt } = headerOf(bytes);
  const data = bytes.subarray(dataAt);
  const count = elementCount(shape);
  const datatype = NUMBERS[descr];
  const text = TEXT.exec(descr)?.groups;
  if (datatype === undefined && text === undefined) {
    const known = Object.keys(NUMBERS).join(', ');
    throw new Error(`its elements are ${descr}; wanted one of ${known}, or texts (<U…, |S…)`);
  }
  if (datatype !== undefined) return { datatype, shape, data: numbersIn(data, datatype, count) };
  const size = Number(text!['length']) * (text!['form'] === '|S' ? 1 : UTF32_BYTES);
  assertBytes(data, count * size);
  return { datatype: 'BYTES', shape, data: textsIn(data, count, size, text!['form'] === '|S') };
}

function headerOf(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 10 || Buffer.compare(bytes.subarray(0, MAGIC.length), MAGIC) !== 0) {
    throw new Error('it does not begin as a .npy file does');
  }
  const version = bytes[6]!;
  if (version < 1 || version > 3) throw new Error(`it is of version ${version}; wanted 1, 2 or 3`);
  const lengthBytes = version === 1 ? 2 : 4;
  const headerAt = 8 + lengthBytes;
  const length = bytes.length < headerAt ? Infinity : version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > HEADER_BYTES_MAX || headerAt + length > bytes.length) {
    throw new Error('its header is cut off, or too long');
  }
  const text = Buffer.from(bytes.subarray(headerAt, headerAt + length)).toString('latin1');
  return { ...membersOf(text), dataAt: headerAt + length };
}

function membersOf(text: string): Omit<Header, 'dataAt'> {
  const members = HEADER.exec(text)?.groups?.['members'];
  const found = new Map<string, Record<string, string | undefined>>();
  // A comma within brackets belongs to the shape.
  for (const part of members?.split(/,\s*(?=')/) ?? []) {
    const groups = MEMBER.exec(part.trim())?.groups;
    if (groups !== undefined) found.set(groups['key']!, groups);
  }
  const [descr, order, shape] = ['descr', 'fortran_order', 'shape'].map((key) => found.get(key));
  if (descr?.['text'] === undefined || order?.['flag'] === undefined || shape?.['sizes'] === undefined) {
    throw new Error('its header names no plain element type, order and shape (an array of objects or of records?)');
  }
  if (order['flag'] === 'True') throw new Error('it is in Fortran order; wanted C order (numpy.ascontiguousarray)');
  const sizes = shape['sizes'].split(',').map((size) => size.trim()).filter((size) => size !== '').map(Number);
  if (sizes.length > RANK_MAX) throw new Error(`it has ${sizes.length} dimensions; wanted at most ${RANK_MAX}`);
  if (!Number.isSafeInteger(elementCount(sizes))) throw new Error('its shape is larger than any file');
  return { descr: descr['text'], shape: sizes };
}

function assertBytes(data: Uint8Array, wanted: number): void {
  if (data.length !== wanted) throw new Error(`it has ${data.length} bytes of elements; wanted ${wanted}`);
}

function numbersIn(data: Uint8Array, datatype: Datatype, count: number): ArrayInFile['data'] {
  const { BYTES_PER_ELEMENT: size } = createElements(datatype, 0) as Uint8Array;
  assertBytes(data, count * size);
  const elements = createElements(datatype, count) as Uint8Array;
  // In memory of its own: a file's data may lie at any byte.
  new Uint8Array(elements.buffer).set(data);
  return elements;
}

function textsIn(data: Uint8Array, count: number, size: number, isBytes: boolean): string[] {
  return Array.from({ length: count }, (_, index) => {
    const one = data.subarray(index * size, (index + 1) * size);
    return isBytes ? utf8Of(one) : utf32Of(one);
  });
}

// NumPy fills what a text does not need with zeros.
function utf8Of(bytes: Uint8Array): string {
  const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, end));
}

function utf32Of(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  let zeros = '';
  for (let at = 0; at < bytes.length; at += UTF32_BYTES) {
    const point = view.getUint32(at, true);
    if (point > CODE_POINT_MAX) throw new Error('it holds a text with what is no character');
    if (point === 0) {
      zeros += '\0';
      continue;
    }
    text += zeros + String.fromCodePoint(point);
    zeros = '';
  }
  return text;
}
