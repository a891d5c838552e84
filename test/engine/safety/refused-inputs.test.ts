// Which requests are not asked again, for how long, and what the next process knows of it.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isLastgoodError } from '../../../src/base/errors.ts';
import { RefusedInputs } from '../../../src/engine/safety/refused-inputs.ts';

const MINUTE_US = 60e6;

interface World {
  nowUs: number;
  kept: string;
}

function inputsOf(world: World): RefusedInputs {
  return new RefusedInputs({
    clock: { monotonicUs: () => world.nowUs, wallMs: () => 1e12 + world.nowUs / 1e3 },
    before: world.kept, keep: (text) => void (world.kept = text),
  });
}

const body = (text: string): Uint8Array => new TextEncoder().encode(text);

function isRefused(inputs: RefusedInputs, model: string, text: string): boolean {
  try {
    inputs.assertAllowed(model, body(text));
    return false;
  } catch (error) {
    assert.ok(isLastgoodError(error) && error.code === 'INPUT_REFUSED' && error.status === 422);
    return true;
  }
}

describe('RefusedInputs', () => {
  test('refuses the very bytes of one model for ten minutes, also in the next process', () => {
    const world = { nowUs: 0, kept: '' };
    inputsOf(world).refuse('m', '2', [body('deadly')], 'it ended the process');
    const next = inputsOf(world);
    assert.deepEqual(['deadly', 'harmless', 'daedly'].map((text) => isRefused(next, 'm', text)), [true, false, false]);
    assert.equal(isRefused(next, 'other', 'deadly'), false);
    const [one] = next.of('m');
    assert.deepEqual([one?.version, one?.bytes, one?.why], ['2', 6, 'it ended the process']);
    world.nowUs = 10 * MINUTE_US - 1;
    assert.equal(isRefused(next, 'm', 'deadly'), true);
    world.nowUs = 10 * MINUTE_US;
    assert.deepEqual([isRefused(next, 'm', 'deadly'), next.of('m')], [false, []]);
  });

  test('refuses for as long wherever the date is set meanwhile, and says until when by the date that it is', () => {
    const world = { nowUs: 0, kept: '', dateMs: 1e12 };
    const clock = { monotonicUs: () => world.nowUs, wallMs: () => world.dateMs };
    const inputs = new RefusedInputs({ clock, before: '', keep: () => undefined });
    inputs.refuse('m', '2', [body('deadly')], 'it ended the process');
    for (const dateMs of [0, 2e12]) {
      [world.nowUs, world.dateMs] = [10 * MINUTE_US - 1e6, dateMs];
      assert.equal(isRefused(inputs, 'm', 'deadly'), true);
      assert.equal(inputs.of('m')[0]?.untilMs, dateMs + 1_000);
    }
    world.nowUs = 10 * MINUTE_US;
    assert.equal(isRefused(inputs, 'm', 'deadly'), false);
  });

  test('lets in what was there at one death, and refuses it after a second until it is found harmless', () => {
    const world = { nowUs: 0, kept: '' };
    inputsOf(world).suspect('m', '2', [body('a'), body('b')]);
    const second = inputsOf(world);
    assert.deepEqual([isRefused(second, 'm', 'a'), second.of('m')], [false, []]);
    second.suspect('m', '2', [body('a'), body('c')]);
    const third = inputsOf(world);
    assert.deepEqual(['a', 'b', 'c'].map((text) => isRefused(third, 'm', text)), [true, false, false]);
    third.clear('m', [body('a')]);
    assert.equal(isRefused(third, 'm', 'a'), false);
    world.nowUs = MINUTE_US;
    const late = inputsOf(world);
    late.suspect('m', '2', [body('b')]);
    assert.equal(isRefused(late, 'm', 'b'), false, 'the first death is forgotten');
  });

  test('suspecting what is refused already does not shorten that', () => {
    const world = { nowUs: 0, kept: '' };
    const inputs = inputsOf(world);
    inputs.refuse('m', '2', [body('deadly')], 'it ended the process');
    inputs.suspect('m', '2', [body('deadly')]);
    world.nowUs = 9 * MINUTE_US;
    assert.equal(isRefused(inputs, 'm', 'deadly'), true);
  });

  test('knows 128 requests, the newest, and begins with nothing after a torn write', () => {
    const world = { nowUs: 0, kept: '' };
    const inputs = inputsOf(world);
    for (let at = 0; at < 200; at += 1) {
      world.nowUs = at;
      inputs.refuse('m', '2', [body(`request ${at}`)], 'why '.repeat(100));
    }
    assert.equal(inputs.of('m').length, 128);
    assert.deepEqual([isRefused(inputs, 'm', 'request 71'), isRefused(inputs, 'm', 'request 72')], [false, true]);
    assert.ok(Buffer.byteLength(world.kept) < 64 * 1_024 - 16, 'and they fit the in-flight record');
    world.kept = world.kept.slice(0, 1_000);
    assert.deepEqual(inputsOf(world).of('m'), []);
  });
});
