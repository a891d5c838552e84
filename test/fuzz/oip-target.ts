// Requests of the Open Inference Protocol, over HTTP and in oip.v2 frames, against JSON.parse and plain views of the
// raw tensors; and the scans that the main thread makes of them.
import assert from 'node:assert/strict';
import type { Datatype, Signature } from '../../src/domain/records.ts';
import { topLevelMember } from '../../src/protocols/json/member-scan.ts';
import { binaryBytes } from '../../src/protocols/oip/binary.ts';
import {
  FRAME_LENGTH_BYTES, frameJson, frameJsonBytes, oipErrorFrame, writeJsonBytes,
} from '../../src/protocols/oip/frame.ts';
import { RequestDecoder } from '../../src/protocols/oip/request.ts';
import { requestId } from '../../src/protocols/oip/scan.ts';
import type { TensorRequest } from '../../src/protocols/tensor-request.ts';
import { createElements, elementBytes } from '../../src/domain/datatype.ts';
import type { NumericArray, TensorData } from '../../src/domain/datatype.ts';
import type { Random } from '../protocols/random.ts';
import { arrayText, integerText, objectText, singleText } from './json-text.ts';
import { decodeInPlace, isRecord, parsed } from './target.ts';
import type { FuzzTarget } from './target.ts';

const DATATYPES = ['FP32', 'INT64', 'BYTES', 'FP16', 'BOOL', 'UINT8', 'FP64'] as const;
const SIGNATURE: Signature = {
  inputs: DATATYPES.map((datatype) => ({ name: datatype.toLowerCase(), datatype, shape: [-1] })),
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }, { name: 'z', datatype: 'FP16', shape: [-1] }],
};
const BARE_TOKEN = /NaN|Infinity/;

/** Elements of a datatype by a seed, with the JSON of each; null where it has none. */
function elements(datatype: Datatype, length: number, random: Random): { data: TensorData; texts: string[] | null } {
  if (datatype === 'BYTES') {
    const data = Array.from({ length }, () => random.pick(['', 'a', 'é', '"\\', '\u0001', '\ud83d\ude00'.repeat(3)]));
    return { data, texts: data.map((text) => JSON.stringify(text)) };
  }
  const data = createElements(datatype, length) as NumericArray;
  const texts = Array.from({ length }, (_, at): string => {
    switch (datatype) {
      case 'INT64': {
        const text = integerText(random);
        (data as unknown as BigInt64Array)[at] = BigInt(text);
        return text;
      }
      case 'BOOL':
        data[at] = random.below(2);
        return random.pick([String(data[at] === 1), String(data[at])]);
      case 'UINT8':
      case 'FP16':
        data[at] = random.below(256);
        return String(data[at]);
      default: {
        const text = singleText(random);
        data[at] = Number(text);
        return text;
      }
    }
  });
  return { data, texts: datatype === 'FP16' ? null : texts };
}

interface Message {
  readonly json: Buffer;
  readonly tail: Buffer;
  readonly inputs: readonly TensorData[];
}

function goodMessage(random: Random): Message {
  const tails: Uint8Array[] = [];
  const order = SIGNATURE.inputs.map((input, index) => ({ input, index, at: random.bits() }));
  order.sort((left, right) => left.at - right.at);
  const inputs: TensorData[] = [];
  const texts = order.map(({ input: { name, datatype }, index }) => {
    const length = random.below(5);
    const { data, texts: json } = elements(datatype, length, random);
    inputs[index] = data;
    const members: [string, string][] = [
      ['name', JSON.stringify(name)], ['datatype', JSON.stringify(datatype)], ['shape', `[${length}]`],
    ];
    if (json !== null && random.below(2) === 0) {
      members.push(['data', arrayText(json, random)]);
    } else {
      const bytes = binaryBytes(data);
      tails.push(bytes);
      members.push(['parameters', `{"binary_data_size":${bytes.length}}`]);
    }
    return objectText(members, random);
  });
  const members: [string, string][] = [
    ['inputs', arrayText(texts, random)], ['outputs', '[{"name":"y"}]'], ['model_name', '"m"'],
  ];
  if (random.below(2) === 0) members.push(['id', random.pick(['"a"', '7', '"é"'])]);
  if (random.below(2) === 0) members.push(['parameters', '{"timeout":1000,"priority":1}']);
  return { json: Buffer.from(objectText(members, random)), tail: Buffer.concat(tails), inputs };
}

const isSame = (left: TensorData, right: TensorData): boolean =>
  Array.isArray(left) ? left.join('\n') === (right as string[]).join('\n')
    : Buffer.from(binaryBytes(left)).equals(binaryBytes(right));

// What the JSON part says of an input, as far as JSON.parse can tell it.
function checkInputs(request: TensorRequest, json: Uint8Array, tail: Uint8Array): void {
  const document = parsed(json);
  if (document === undefined) {
    assert.match(Buffer.from(json).toString(), BARE_TOKEN, 'what is no JSON was taken');
    return;
  }
  assert.ok(isRecord(document) && Array.isArray(document['inputs']));
  let at = 0;
  for (const given of document['inputs'] as Readonly<Record<string, unknown>>[]) {
    const index = SIGNATURE.inputs.findIndex(({ name }) => name === given['name']);
    const { datatype } = SIGNATURE.inputs[index]!;
    const { data, shape } = request.inputs[index]!;
    assert.deepEqual(shape, given['shape']);
    assert.equal(data.length, (shape as number[]).reduce((product, size) => product * size, 1));
    if (given['data'] !== undefined && given['data'] !== null) {
      (given['data'] as (string | number | boolean | null)[]).flat(Infinity).forEach((value, place) => {
        const stored = data[place];
        if (value === null) {
          assert.ok(Number.isNaN(stored), 'a missing number is NaN');
          return;
        }
        const plain = typeof stored === 'number' ? Number(value) : value;
        const wanted = datatype === 'FP32' ? Math.fround(value as number) : plain;
        const found = typeof stored === 'bigint' ? Number(stored) : stored;
        const isSameValue = Object.is(found, wanted) || (found === 0 && wanted === 0);
        assert.ok(isSameValue, `${String(found)} is not ${String(wanted)}`);
        assert.ok(!String(value).includes('\0'), 'a text that the runtime would cut off was taken');
      });
    } else {
      const bytes = binaryBytes(data);
      assert.ok(Buffer.from(tail.subarray(at, at + bytes.length)).equals(bytes), 'raw bytes were changed');
      at += bytes.length;
    }
  }
  assert.equal(at, tail.length, 'bytes were left over');
}

/** Knows the request before; what it says of one must be what a decoder says that has seen none. */
const experienced = new RequestDecoder(SIGNATURE);

function checkBytes(bytes: Uint8Array, headerBytes: number): TensorRequest | null {
  const result = decodeInPlace(bytes, (placed) => new RequestDecoder(SIGNATURE).decode(placed, headerBytes));
  for (let time = 0; time < 2; time += 1) {
    const again = decodeInPlace(bytes, (placed) => experienced.decode(placed, headerBytes));
    assert.deepEqual(again, result, 'a decoder that remembers the request before reads another one');
  }
  requestId(bytes.subarray(0, headerBytes));
  if (result === null) return null;
  result.value.inputs.forEach(({ data }, index) => {
    const { datatype } = SIGNATURE.inputs[index]!;
    if (!Array.isArray(data)) assert.equal(data.byteLength, data.length * elementBytes(datatype));
  });
  if (headerBytes > 0) checkInputs(result.value, bytes.subarray(0, headerBytes), bytes.subarray(headerBytes));
  return result.value;
}

const oip: FuzzTarget = {
  name: 'oip-request',
  good: (random) => {
    const { json, tail, inputs } = goodMessage(random);
    const bytes = Buffer.concat([json, tail]);
    const request = checkBytes(bytes, json.length);
    assert.ok(request, `a good request was refused: ${json.toString()}`);
    request.inputs.forEach(({ data }, index) => assert.ok(isSame(data, inputs[index]!), SIGNATURE.inputs[index]!.name));
    return bytes;
  },
  check: (bytes, random) => {
    const brace = Buffer.from(bytes).lastIndexOf('}') + 1;
    checkBytes(bytes, random.pick([bytes.length, brace, brace, brace, random.below(bytes.length + 20)]));
  },
};

const frame: FuzzTarget = {
  name: 'oip-frame',
  good: (random) => {
    const { json, tail } = goodMessage(random);
    const bytes = Buffer.concat([Buffer.alloc(FRAME_LENGTH_BYTES), json, tail]);
    writeJsonBytes(bytes, json.length);
    assert.equal(frameJsonBytes(bytes), json.length);
    assert.ok(frameJson(bytes).equals(json));
    return bytes;
  },
  check: (bytes) => {
    const buffer = Buffer.from(bytes);
    const length = decodeInPlace(bytes, frameJsonBytes);
    const json = frameJson(buffer);
    assert.ok(json.length <= Math.max(0, bytes.length - FRAME_LENGTH_BYTES));
    if (length !== null) checkBytes(bytes.subarray(FRAME_LENGTH_BYTES), length.value);
    const refusal = Buffer.from(oipErrorFrame(new Error('x'), requestId(json)).bytes);
    assert.ok(isRecord(JSON.parse(refusal.toString('utf8', FRAME_LENGTH_BYTES))));
  },
};

const KEYS = ['id', 'model', 'parameters', 'model_name'];

const scan: FuzzTarget = {
  name: 'frame-scan',
  good: (random) => {
    const value = (): string => random.pick(['1', '"a\\"b"', '{"id":[1,"}"]}', 'null', '[]']);
    const members = KEYS.map((key): [string, string] => [key, value()]);
    const bytes = Buffer.from(objectText([...members, ['features', '[1,{"id":2},"id"]']], random));
    const document = parsed(bytes);
    assert.ok(isRecord(document));
    for (const key of KEYS) assert.deepEqual(topLevelMember(bytes, key), document[key]);
    return bytes;
  },
  check: (bytes) => {
    for (const key of KEYS) decodeInPlace(bytes, (placed) => topLevelMember(Buffer.from(placed), key) ?? null);
  },
};

export const oipTargets: readonly FuzzTarget[] = [oip, frame, scan];
