// How tensors look on the wire, as a client writes and reads them: JSON that keeps 64-bit integers and NaN, raw
// little-endian bytes. Written from the protocols, not from the product's code.
import { request } from 'node:http';
import type { Agent, IncomingHttpHeaders } from 'node:http';
import { halfToNumber, numberToHalf } from '../../src/domain/half.ts';
import type { Datatype } from '../../src/domain/records.ts';
import type { GivenTensor, Value } from './collection.ts';

/** How a NaN is written where JSON has no word for it. */
export type NonFinite = 'token' | 'null';

export function jsonOf(value: Value, nonFinite: NonFinite): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'number') return JSON.stringify(value);
  if (Number.isFinite(value)) return Object.is(value, -0) ? '-0.0' : JSON.stringify(value);
  return nonFinite === 'token' || !Number.isNaN(value) ? String(value) : 'null';
}

/** The values as arrays nested as `shape` is, from element `from` on. */
export function nestedJson(
  values: readonly Value[], shape: readonly number[], nonFinite: NonFinite, from = 0,
): string {
  const [size, ...inner] = shape;
  if (size === undefined) return jsonOf(values[from]!, nonFinite);
  const step = inner.reduce((product, one) => product * one, 1);
  const parts = Array.from({ length: size }, (_, at) => nestedJson(values, inner, nonFinite, from + at * step));
  return `[${parts.join(',')}]`;
}

const NUMBER_OR_TEXT = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|NaN|-?Infinity/g;
/** Digits up to which an integer is exact as a number. */
const SAFE_DIGITS = 15;

/** Parses JSON with NaN and the infinities; they and integers of many digits come as texts. */
export function parseExactly(text: string): Record<string, unknown> {
  const quoted = text.replace(NUMBER_OR_TEXT, (token) =>
    (/^-?\d+$/.test(token) && token.length > SAFE_DIGITS) || /^-?[NI]/.test(token) ? `"${token}"` : token);
  return JSON.parse(quoted) as Record<string, unknown>;
}

interface Raw {
  readonly bytes: number;
  readonly write: (view: DataView, at: number, value: Value) => void;
  readonly read: (view: DataView, at: number) => Value;
}

const raw = (
  bytes: number, write: (view: DataView, at: number, value: never) => void, read: Raw['read'],
): Raw => ({ bytes, write: write as Raw['write'], read });

const RAW: Readonly<Record<Exclude<Datatype, 'BYTES'>, Raw>> = {
  BOOL: raw(1, (view, at, value: boolean) => view.setUint8(at, value ? 1 : 0), (view, at) => view.getUint8(at) === 1),
  UINT8: raw(1, (view, at, value: number) => view.setUint8(at, value), (view, at) => view.getUint8(at)),
  INT8: raw(1, (view, at, value: number) => view.setInt8(at, value), (view, at) => view.getInt8(at)),
  UINT16: raw(2, (view, at, value: number) => view.setUint16(at, value, true), (view, at) => view.getUint16(at, true)),
  INT16: raw(2, (view, at, value: number) => view.setInt16(at, value, true), (view, at) => view.getInt16(at, true)),
  UINT32: raw(4, (view, at, value: number) => view.setUint32(at, value, true), (view, at) => view.getUint32(at, true)),
  INT32: raw(4, (view, at, value: number) => view.setInt32(at, value, true), (view, at) => view.getInt32(at, true)),
  UINT64: raw(8, (view, at, value: bigint) => view.setBigUint64(at, value, true),
    (view, at) => view.getBigUint64(at, true)),
  INT64: raw(8, (view, at, value: bigint) => view.setBigInt64(at, value, true),
    (view, at) => view.getBigInt64(at, true)),
  FP16: raw(2, (view, at, value: number) => view.setUint16(at, numberToHalf(value), true),
    (view, at) => halfToNumber(view.getUint16(at, true))),
  FP32: raw(4, (view, at, value: number) => view.setFloat32(at, value, true), (view, at) => view.getFloat32(at, true)),
  FP64: raw(8, (view, at, value: number) => view.setFloat64(at, value, true), (view, at) => view.getFloat64(at, true)),
};

export function rawBytes({ datatype, values }: Pick<GivenTensor, 'datatype' | 'values'>): Buffer {
  if (datatype === 'BYTES') {
    return Buffer.concat(values.flatMap((value) => {
      const text = Buffer.from(value as string);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(text.length);
      return [length, text];
    }));
  }
  const { bytes, write } = RAW[datatype];
  const buffer = Buffer.alloc(bytes * values.length);
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  values.forEach((value, at) => write(view, at * bytes, value));
  return buffer;
}

export function rawValues(datatype: Datatype, buffer: Buffer): Value[] {
  if (datatype === 'BYTES') {
    const texts: string[] = [];
    for (let at = 0; at < buffer.length;) {
      const length = buffer.readUInt32LE(at);
      texts.push(buffer.toString('utf8', at + 4, at + 4 + length));
      at += 4 + length;
    }
    return texts;
  }
  const { bytes, read } = RAW[datatype];
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  return Array.from({ length: buffer.length / bytes }, (_, at) => read(view, at * bytes));
}

export interface Posted {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * A POST over a kept connection of `agent`; the answer as bytes. A connection that the server closed for being idle, at
 * the moment in which it was taken again, is replaced.
 */
export function post(
  port: number, path: string, body: Uint8Array | string, agent: Agent, headers: Record<string, string> = {},
): Promise<Posted> {
  return new Promise((resolve, reject) => {
    const length = String(typeof body === 'string' ? Buffer.byteLength(body) : body.length);
    const sent = request({
      host: '127.0.0.1', port, path, method: 'POST', agent, headers: { 'content-length': length, ...headers },
    }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(pieces) }));
    });
    sent.on('error', (error) => {
      if (sent.reusedSocket) resolve(post(port, path, body, agent, headers));
      else reject(error);
    });
    sent.end(body);
  });
}
