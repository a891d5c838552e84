// Tensors as raw bytes: packed, row-major, little-endian; BOOL one byte per element, BYTES a u32 length and its bytes.
// Pure; worker thread. Typed arrays have the host's byte order, which is little-endian on every supported platform.
import { endianness } from 'node:os';
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import type { DeclaredTensor } from './json.ts';
import { readText } from '../json/element.ts';
import { createElements, elementBytes, shapeText } from '../../domain/datatype.ts';
import type { NumericArray, TensorData } from '../../domain/datatype.ts';

const LENGTH_BYTES = 4;

if (endianness() !== 'LE') throw new Error('load the tensor codec: the host is big-endian; wanted a little-endian one');

/** Bytes of a tensor on the wire, or -1 for BYTES, whose elements have any length. */
export function binarySize({ datatype, elements }: DeclaredTensor): number {
  return datatype === 'BYTES' ? -1 : elements * elementBytes(datatype);
}

/** Returns the elements in `bytes`, copied; throws INVALID_REQUEST when they are not exactly those of the tensor. */
export function readBinaryData(bytes: Uint8Array, tensor: DeclaredTensor): TensorData {
  const { name, datatype, elements, shape } = tensor;
  if (datatype === 'BYTES') return readTexts(bytes, tensor);
  const wanted = binarySize(tensor);
  if (bytes.length !== wanted) {
    throw invalid(`input "${name}" has ${bytes.length} bytes of binary data; wanted ${wanted} for ${datatype} ` +
      shapeText(shape));
  }
  const data = createElements(datatype, elements) as NumericArray;
  new Uint8Array(data.buffer).set(bytes);
  if (datatype === 'BOOL') {
    const bad = data.findIndex((value) => value > 1);
    if (bad >= 0) throw invalid(`element ${bad} of input "${name}" is ${data[bad] ?? 0}; wanted 0 or 1`);
  }
  return data;
}

function readTexts(bytes: Uint8Array, { name, elements, shape }: DeclaredTensor): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const texts: string[] = [];
  // Every element takes its length at least: a shape cannot make us loop further than the bytes go.
  let at = 0;
  while (at < bytes.length) {
    if (texts.length === elements) {
      throw invalid(`input "${name}" has ${bytes.length - at} bytes too many; ` +
        `wanted ${elements} texts for ${shapeText(shape)}`);
    }
    const end = at + LENGTH_BYTES + (at + LENGTH_BYTES <= bytes.length ? buffer.readUInt32LE(at) : 0);
    if (end > bytes.length) throw invalid(`text ${texts.length} of input "${name}" goes beyond its binary data`);
    const text = buffer.subarray(at + LENGTH_BYTES, end);
    texts.push(readText(text, name, texts.length));
    at = end;
  }
  if (texts.length < elements) {
    throw invalid(`input "${name}" has ${texts.length} texts; wanted ${elements} for ${shapeText(shape)}`);
  }
  return texts;
}

/** The bytes of `data` as they travel; for fixed-size datatypes a view, not a copy. */
export function binaryBytes(data: TensorData): Uint8Array {
  if (!Array.isArray(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const lengths = data.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + LENGTH_BYTES + length, 0));
  let at = 0;
  data.forEach((text, index) => {
    at = bytes.writeUInt32LE(lengths[index] ?? 0, at);
    at += bytes.write(text, at);
  });
  return bytes;
}

const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });
