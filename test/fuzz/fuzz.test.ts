// A fixed corpus for every wire decoder: the same seeds, the same messages, in every run. `npm run fuzz` goes on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TARGETS, fuzz } from './fuzz.ts';
import { decodeInPlace } from './target.ts';

const SEEDS = [1, 2, 3];
const ROUNDS = 60;
/** A round of a whole batch takes longer. */
const BATCH_ROUNDS = 15;

describe('Every decoder gives a right result or refuses as the client\'s fault', () => {
  for (const target of TARGETS) {
    test(target.name, async () => {
      const rounds = target.name === 'worker-batch' ? BATCH_ROUNDS : ROUNDS;
      for (const seed of SEEDS) assert.ok((await fuzz(target, seed, rounds)) > rounds);
    });
  }
});

describe('The fuzzer notices', () => {
  const bytes = Buffer.from('[1,2]');
  test('an exception that is no refusal', () => {
    assert.throws(() => decodeInPlace(bytes, () => (null as unknown as string).length), TypeError);
  });
  test('a read out of bounds', () => {
    assert.throws(() => decodeInPlace(bytes, (placed) => new Uint8Array(placed.buffer)[placed.byteOffset - 1]));
  });
  test('a write out of bounds', () => {
    assert.throws(() => decodeInPlace(bytes, (placed) => {
      new Uint8Array(placed.buffer)[placed.byteOffset + placed.length] = 1;
    }));
  });
  test('a message that is written to', () => {
    assert.throws(() => decodeInPlace(bytes, (placed) => (placed[0] = 1)));
  });
  test('a wrong result, and says by which seed it comes again', async () => {
    const target = { name: 'wrong', good: () => bytes, check: (broken: Uint8Array) => assert.ok(broken.length < 9) };
    await assert.rejects(fuzz(target, 4, 100), /wrong, seed 4, round \d+: /);
  });
});
