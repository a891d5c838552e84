// What an operator may want of stacking, and what is refused.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Signature, StackingDecision } from '../../../src/domain/records.ts';
import { wishedStacking } from '../../../src/rollout/registration/wished-stacking.ts';

const tensor = (name: string, shape: readonly number[]): Signature['inputs'][number] =>
  ({ name, datatype: 'FP32', shape });
const OPEN: Signature = { inputs: [tensor('x', [-1, 2])], outputs: [tensor('y', [-1, 1])] };
const CLOSED: Signature = { inputs: [tensor('x', [2])], outputs: [tensor('y', [1])] };
const PROVEN: StackingDecision = { mode: 'rows', reason: 'proven', tolerance: 1e-4, rowOutputs: [true] };
const MIXING: StackingDecision = { mode: 'none', reason: 'its CumSum mixes', rowOutputs: [false] };

const about = (signature: Signature): Parameters<typeof wishedStacking>[2] => ({ model: 'm', version: '1', signature });

suite('wishedStacking', () => {
  test('is the proof when nobody says anything, or the same', () => {
    for (const proof of [PROVEN, MIXING]) assert.equal(wishedStacking(proof, undefined, about(OPEN)), proof);
    assert.equal(wishedStacking(PROVEN, 'rows', about(OPEN)), PROVEN);
    assert.equal(wishedStacking(PROVEN, 'rows!', about(OPEN)), PROVEN);
    assert.equal(wishedStacking(MIXING, 'none', about(OPEN)), MIXING);
  });

  test('is none for whoever wants none, with what is known of its outputs', () => {
    assert.deepEqual(wishedStacking(PROVEN, 'none', about(OPEN)),
      { ...PROVEN, mode: 'none', by: 'operator', reason: 'an operator wants none' });
  });

  test('refuses rows that are not proven, and says how to have them all the same', () => {
    assert.throws(() => wishedStacking(MIXING, 'rows', about(OPEN)),
      /STACKING_UNPROVEN|not proven that they keep apart: its CumSum mixes; wanted none, .* or rows! to have it/);
  });

  test('gives way to rows! against the proof, and says so', () => {
    assert.deepEqual(wishedStacking(MIXING, 'rows!', about(OPEN)), {
      mode: 'rows', by: 'operator', reason: 'an operator wants it, against the proof: its CumSum mixes',
        rowOutputs: [true],
    });
  });

  test('refuses rows! where no two rows fit into a run', () => {
    assert.throws(() => wishedStacking(MIXING, 'rows!', about(CLOSED)), /wanted none; nothing was registered/);
  });
});
