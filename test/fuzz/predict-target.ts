// The body of POST /predict and the text frames of lastgood.json, against JSON.parse and Math.fround.
import assert from 'node:assert/strict';
import type { Signature } from '../../src/domain/records.ts';
import { idIn } from '../../src/protocols/json/refusal.ts';
import { PredictDecoder } from '../../src/protocols/predict/request.ts';
import { RowBatch } from '../../src/domain/row-batch.ts';
import { rowLayout } from '../../src/domain/row-layout.ts';
import type { Random } from '../protocols/random.ts';
import { arrayText, integerText, objectText, singleText } from './json-text.ts';
import { decodeInPlace, isRecord, namesTwice, parsed } from './target.ts';
import type { FuzzTarget } from './target.ts';

const WIDTH = 3;
const NESTING_MAX = 100;

const signatureOf = (datatype: 'FP32' | 'INT64'): Signature => ({
  inputs: [{ name: 'x', datatype, shape: [-1, WIDTH] }], outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
});

interface Decoded {
  readonly rows: number;
  readonly isSingle: boolean;
  readonly id: string | null;
  readonly values: readonly (number | bigint)[];
}

function decode(datatype: 'FP32' | 'INT64', isFrame: boolean) {
  return (bytes: Uint8Array): Decoded => {
    const batch = new RowBatch(rowLayout(signatureOf(datatype), 64));
    const decoder = new PredictDecoder(batch);
    assert.ok(decoder.decode(bytes, isFrame), 'a first request has nothing to wait for');
    const { rows, isSingle, id } = decoder;
    const data = batch.inputs[0]!.data as ArrayLike<number | bigint>;
    return { rows, isSingle, id, values: Array.from({ length: rows * WIDTH }, (_, at) => data[at]!) };
  };
}

const isRow = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length === WIDTH && value.every((one) => typeof one === 'number');

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** The rows of a body that nobody could refuse, or null. */
function plainRows(
  value: unknown, datatype: 'FP32' | 'INT64', isFrame: boolean, text: string,
): readonly number[] | null {
  // Of an integer that is not written as one, JSON.parse does not know whether it is one.
  if (datatype === 'INT64' && /\d[.eE]/.test(text)) return null;
  if (!isRecord(value) || depthOf(value) > NESTING_MAX) return null;
  const { features, instances, id } = value;
  if (isFrame && id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') return null;
  const rows = features === undefined ? instances : instances === undefined ? [features] : null;
  if (!Array.isArray(rows) || rows.length === 0 || !rows.every(isRow)) return null;
  const flat = rows.flat();
  const fits = datatype === 'FP32' ? (one: number) => Number.isFinite(Math.fround(one)) : Number.isSafeInteger;
  return flat.every((one) => fits(one)) ? flat : null;
}

function isSame(stored: number | bigint, read: unknown): boolean {
  if (typeof stored === 'number') return Object.is(stored, read === null ? NaN : Math.fround(read as number));
  // JSON.parse has lost the last digits of large ones, but not the first.
  return Number(stored) === read;
}

function checkBody(bytes: Uint8Array, datatype: 'FP32' | 'INT64', isFrame: boolean): void {
  const result = decodeInPlace(bytes, decode(datatype, isFrame));
  idIn(bytes);
  const value = parsed(bytes);
  if (result === null) {
    const rows = plainRows(value, datatype, isFrame, Buffer.from(bytes).toString());
    assert.ok(rows === null || namesTwice(bytes, value), 'a good body was refused');
    return;
  }
  assert.ok(isRecord(value), 'what is no JSON object was taken');
  const { rows, isSingle, values, id } = result.value;
  const given = isSingle ? [value['features']] : (value['instances'] as unknown[]);
  const flat = given.flatMap((row) => (isRecord(row) ? row['x'] : row)).flat(Infinity);
  assert.equal(rows, given.length);
  assert.equal(values.length, flat.length);
  values.forEach((stored, at) => {
    assert.ok(isSame(stored, flat[at]), `value ${at} is ${stored}, not ${String(flat[at])}`);
  });
  if (isFrame && id !== null && value['id'] !== undefined) assert.deepEqual(JSON.parse(id), value['id']);
}

function goodBody(random: Random, datatype: 'FP32' | 'INT64', isFrame: boolean): Uint8Array {
  const number = datatype === 'FP32' ? singleText : integerText;
  const row = (): string => {
    const values = arrayText(Array.from({ length: WIDTH }, () => number(random)), random);
    return random.below(4) === 0 ? objectText([['x', values]], random) : values;
  };
  const isSingle = random.below(2) === 0;
  const rows = isSingle ? row() : arrayText(Array.from({ length: 1 + random.below(4) }, row), random);
  const members: [string, string][] = [[isSingle ? 'features' : 'instances', rows]];
  if (isFrame) members.push(['id', random.pick(['7', '"a"', '"\\u00e9"', 'null', '1e3'])]);
  if (random.below(3) === 0) members.push(['é', random.pick(['[{}]', 'null', '1'])]);
  return Buffer.from(objectText(members, random));
}

const target = (name: string, datatype: 'FP32' | 'INT64', isFrame: boolean): FuzzTarget => ({
  name,
  good: (random) => {
    const bytes = goodBody(random, datatype, isFrame);
    const text = Buffer.from(bytes).toString();
    assert.ok(decodeInPlace(bytes, decode(datatype, isFrame)), `a good body was refused: ${text}`);
    checkBody(bytes, datatype, isFrame);
    return bytes;
  },
  check: (bytes) => checkBody(bytes, datatype, isFrame),
});

export const predictTargets: readonly FuzzTarget[] = [
  target('predict-json', 'FP32', false), target('predict-json-int64', 'INT64', false),
  target('socket-json', 'FP32', true),
];
