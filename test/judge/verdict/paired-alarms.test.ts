// What pairs are counted for a failing check: those since its alarm, of its generation, against what is known before.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeBaseline } from '../../../src/judge/baseline/baseline.ts';
import { referenceOf } from '../../../src/judge/baseline/reference.ts';
import type { CheckEvidence } from '../../../src/judge/checks/check.ts';
import { judgeOf } from '../../../src/judge/checks/suite.ts';
import type { AnswerView } from '../../../src/judge/pairs/paired-change.ts';
import { PairedAlarms } from '../../../src/judge/verdict/paired-alarms.ts';
import { optionsOfModel, resolveOptions } from '../../../src/options/options.ts';
import { emptySample } from '../../../src/shared-memory/sample-ring.ts';

const { judge } = optionsOfModel(resolveOptions({}), 'm');
const rows = Array.from({ length: 1_000 }, (_, at) => [((at * 7) % 1_000) / 1_000]);
const baseline = computeBaseline(rows, {
  output: 'y', kind: 'regression', source: 'validation', createdAtMs: 0, origin: 'test',
});
const own = referenceOf(baseline);

/** What mean_drift says of answers that are all at 3. */
function alarm(): CheckEvidence {
  const generation = judgeOf(judge, baseline);
  for (let at = 0; at < 200; at += 1) {
    generation.add({ ...emptySample(), generation: 1, atUs: at * 1e5, input: at + 1, value: 3, rows: 1, batchRows: 1 });
  }
  const { evidence } = generation.look(20e6, 'probation', null);
  return (evidence['inputs'] as CheckEvidence[]).find(({ check }) => check === 'mean_drift')!;
}
const view = (value: number): AnswerView =>
  ({ outcome: 'answered', value, classIndex: -1, entropy: NaN, hash: value * 1_000, projection: () => NaN });
const pair = (input: number, atUs: number) => ({ input, atUs, fresh: view(3), twin: view(0.5) });
const known = { own, twin: own, expected: [] };

test('a pair counts for a check from the alarm on, the same alarm goes on for a minute, and the next is another one', () => {
  const alarms = new PairedAlarms();
  const evidence = [alarm()];
  const pairsAt = (nowUs: number): number[] => {
    alarms.raise(evidence, 1, known, nowUs);
    const { changes, episode, waitedMs } = alarms.facts(['mean_drift'], null, nowUs);
    return [changes[0]!.levels.reduce((sum, { pairs }) => sum + pairs, 0), episode, waitedMs];
  };
  alarms.add(pair(1, 0));
  assert.deepEqual(pairsAt(1e6), [0, 0, 0], 'what raised it is not counted');
  alarms.add(pair(2, 2e6));
  alarms.add(pair(2, 3e6));
  alarms.add(pair(3, 3e6));
  assert.deepEqual(pairsAt(31e6), [2, 0, 30_000], 'a question counts once in a slot');
  assert.ok(alarms.isRaised(90e6) && !alarms.isRaised(92e6));
  assert.deepEqual(pairsAt(92e6), [0, 1, 0]);
  alarms.raise(evidence, 2, known, 93e6);
  assert.equal(alarms.facts(['mean_drift'], null, 93e6).episode, 0, 'another generation has alarms of its own');
});

test('the change that both versions showed where they were validated is expected, when there are enough of them', () => {
  const expectedOf = (count: number): number => {
    const alarms = new PairedAlarms();
    const expected = Array.from({ length: count }, () => ({ fresh: view(0.6), twin: view(0.5) }));
    alarms.raise([alarm()], 1, { own, twin: own, expected }, 0);
    return alarms.facts(['mean_drift'], null, 0).changes[0]!.expected;
  };
  assert.equal(expectedOf(49), 0);
  assert.ok(expectedOf(50) > 0);
});
