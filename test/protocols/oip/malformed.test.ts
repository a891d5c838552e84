// Malformed requests, made of good ones by a fixed seed: each is decoded, or refused as the client's fault.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isLastgoodError } from '../../../src/base/errors.ts';
import type { Signature } from '../../../src/domain/records.ts';
import { binaryBytes } from '../../../src/protocols/oip/binary.ts';
import { RequestDecoder } from '../../../src/protocols/oip/request.ts';
import { Random } from '../random.ts';

const SIGNATURE: Signature = {
  inputs: [
    { name: 'f', datatype: 'FP32', shape: [-1, -1] }, { name: 'i', datatype: 'INT64', shape: [-1] },
    { name: 't', datatype: 'BYTES', shape: [-1] },
  ],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
};
const TAIL = binaryBytes(['ab', 'c']);
const GOOD = JSON.stringify({
  id: '7',
  parameters: { timeout: 5, binary_data_output: true },
  inputs: [
    { name: 'f', shape: [2, 2], datatype: 'FP32', data: [[1.5, -2e3], [0, 4]] },
    { name: 'i', datatype: 'INT64', data: [12, -3], shape: [2] },
    { name: 't', datatype: 'BYTES', shape: [2], parameters: { binary_data_size: TAIL.length } },
  ],
  outputs: [{ name: 'y', parameters: { binary_data: false } }],
});
const PIECES = [
  '"', '[', ']', '{', '}', ',', ':', '\\', '-', 'NaN', '1e999', 'null', '"data":[', '\u0000', '9'.repeat(30), '"data"',
];
const ROUNDS = 20_000;
const decoder = new RequestDecoder(SIGNATURE);

function outcomeOf(bytes: Uint8Array, headerBytes: number): 'accepted' | 'refused' {
  try {
    decoder.decode(bytes, headerBytes);
    return 'accepted';
  } catch (error) {
    if (isLastgoodError(error) && error.status === 400) return 'refused';
    throw error;
  }
}

suite('RequestDecoder', () => {
  test('refuses malformed requests as the client\'s fault, whatever was done to them', () => {
    const random = new Random(5);
    const below = (limit: number): number => random.below(limit);
    let refused = 0;
    assert.equal(outcomeOf(Buffer.concat([Buffer.from(GOOD), TAIL]), GOOD.length), 'accepted');
    for (let round = 0; round < ROUNDS; round += 1) {
      let header = Buffer.from(GOOD);
      for (let edits = 1 + below(3); edits > 0; edits -= 1) {
        const at = below(header.length);
        const kind = below(4);
        const piece = Buffer.from(PIECES[below(PIECES.length)]!);
        const cut = kind === 0 ? 0 : 1 + below(kind === 1 ? 40 : 3);
        const put = kind === 2 ? Buffer.of(below(256)) : piece;
        header = Buffer.concat([header.subarray(0, at), put, header.subarray(at + cut)]);
      }
      const tail = TAIL.subarray(0, below(2) === 0 ? TAIL.length : below(TAIL.length));
      const body = Buffer.concat([header, tail]);
      const headerBytes = below(8) === 0 ? 1 + below(body.length + 3) : header.length;
      if (outcomeOf(body, headerBytes) === 'refused') refused += 1;
    }
    assert.ok(refused > ROUNDS / 2 && refused < ROUNDS, String(refused));
  });

  test('takes time in proportion to the body for deep nesting and huge claims', () => {
    const depth = 500_000;
    const data = `${'['.repeat(depth)}1${']'.repeat(depth)}`;
    const deep = `{"inputs":[{"name":"f","shape":[1,1],"datatype":"FP32","data":${data}}]}`;
    assert.equal(outcomeOf(Buffer.from(deep), deep.length), 'refused');
    for (const shape of [
      '[65536,65536]', '[16,1152921504606846978]', '[-5,3]', '[-0.5,3]', '[1e308,1e308]', '[2147483647,1]',
    ]) {
      const claim = `{"inputs":[{"name":"f","shape":${shape},"datatype":"FP32","data":[1]}]}`;
      assert.equal(outcomeOf(Buffer.from(claim), claim.length), 'refused', shape);
      const binary = `{"inputs":[{"name":"f","shape":${shape},"datatype":"FP32"}]}`;
      assert.equal(outcomeOf(Buffer.from(binary), binary.length), 'refused', shape);
    }
  });
});
