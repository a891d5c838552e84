// JSON of TensorFlow Serving's bodies against JSON.parse, what is decoded from them against plain arrays, and packed
// bodies against zlib itself.
import assert from 'node:assert/strict';
import { deflateSync, gzipSync, gunzipSync, inflateSync } from 'node:zlib';
import { inflateSmall } from '../../src/http/inflate.ts';
import type { Signature } from '../../src/domain/records.ts';
import { decodeTfsRequest } from '../../src/protocols/tfs/request.ts';
import { arrayText, objectText, singleText } from './json-text.ts';
import { decodeInPlace, isRecord, outcome, parsed } from './target.ts';
import type { FuzzTarget } from './target.ts';

const WIDTH = 3;
const SIGNATURE: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, WIDTH] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
};
const BARE_TOKEN = /NaN|Infinity/;

function checkTfs(bytes: Uint8Array): boolean {
  const result = decodeInPlace(bytes, (placed) => decodeTfsRequest(placed, SIGNATURE));
  if (result === null) return false;
  const { data, shape } = result.value.inputs[0]!;
  assert.equal(data.length, shape.reduce((product, size) => product * size, 1));
  const document = parsed(bytes);
  if (document === undefined) {
    assert.match(Buffer.from(bytes).toString(), BARE_TOKEN, 'what is no JSON was taken');
    return true;
  }
  assert.ok(isRecord(document));
  const given = document['instances'] ?? document['inputs'];
  const rows = Array.isArray(given) ? given.map((row: unknown) => (isRecord(row) ? row['x'] : row)) : given;
  const values = (isRecord(rows) ? rows['x'] : rows) as unknown[];
  const flat = values.flat(Infinity);
  assert.equal(flat.length, data.length);
  flat.forEach((value, at) =>
    assert.ok(Object.is(data[at], value === null ? NaN : Math.fround(value as number)), `value ${at}`));
  return true;
}

const tfs: FuzzTarget = {
  name: 'tfs-request',
  good: (random) => {
    const row = (): string => arrayText(Array.from({ length: WIDTH }, () => singleText(random)), random);
    const rows = Array.from({ length: 1 + random.below(4) }, row);
    const isNamed = random.below(2) === 0;
    const isRowForm = random.below(2) === 0;
    const value = isRowForm
      ? arrayText(isNamed ? rows.map((one) => objectText([['x', one]], random)) : rows, random)
      : isNamed ? objectText([['x', arrayText(rows, random)]], random) : arrayText(rows, random);
    const members: [string, string][] = [[isRowForm ? 'instances' : 'inputs', value]];
    if (random.below(2) === 0) members.push(['signature_name', '"serving_default"']);
    const bytes = Buffer.from(objectText(members, random));
    assert.ok(checkTfs(bytes), `a good body was refused: ${bytes.toString()}`);
    return bytes;
  },
  check: (bytes) => void checkTfs(bytes),
};

const packed: FuzzTarget = {
  name: 'inflate',
  good: (random) => {
    const plain = Buffer.from(Array.from({ length: random.below(2_000) }, () => random.below(7)));
    const isGzip = random.below(2) === 0;
    const bytes = isGzip ? gzipSync(plain) : deflateSync(plain);
    assert.ok(plain.equals(inflateSmall(isGzip ? 'gzip' : 'deflate', bytes) ?? Buffer.alloc(0)));
    return bytes;
  },
  check: (bytes) => {
    for (const [encoding, inflate] of [['gzip', gunzipSync], ['deflate', inflateSync]] as const) {
      const result = outcome(() => inflateSmall(encoding, bytes));
      if (result === null || result.value === null) continue;
      assert.ok(inflate(bytes).equals(result.value));
    }
  },
};

export const tfsTargets: readonly FuzzTarget[] = [tfs, packed];
