// The check of the inputs: what it must see, what it must not, and that it never asks for a rollback.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { computeBaseline } from '../../../src/judge/baseline/baseline.ts';
import { effectOf } from '../../../src/judge/checks/table.ts';
import { computeInputBaseline } from '../../../src/judge/baseline/input-baseline.ts';
import { recompute } from '../../../src/judge/verdict/recompute.ts';
import { verdictOf } from '../../../src/judge/verdict/verdict.ts';
import { impossibleLimits } from '../../../src/options/judge-options.ts';
import { resolveOptions } from '../../../src/options/options.ts';
import type { Baseline, InputBaseline } from '../../../src/domain/records.ts';
import type { Sample } from '../../../src/shared-memory/sample-ring.ts';
import { judgeOptions, seededRandom } from '../fixtures.ts';
import type { SuiteSetting } from './suite-fixtures.ts';
import { SuiteRun } from './suite-fixtures.ts';

const random = seededRandom(31);
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const NAMES = ['age', 'income', 'children', 'flag'];
// A bell, a heavy tail, small whole numbers, and nearly always the same value.
const usual = (): number[] => [
  40 + 10 * normal(), Math.exp(10 + normal()), Math.floor(4 * random() ** 2), random() < 0.97 ? 0 : 1,
];

function inputs(row: () => number[], rows = 1_000): InputBaseline {
  const kept = Array.from({ length: rows }, row);
  const columns = NAMES.map((name, at) => ({ name, at, values: kept.map((values) => values[at]!) }));
  return computeInputBaseline(columns, { rows, source: 'validation', createdAtMs: 0 })!;
}

const answers = computeBaseline(Array.from({ length: 1_000 }, () => [10 + normal()]), {
  output: 'y', kind: 'regression', source: 'validation', createdAtMs: 0, origin: 'test',
});
const baseline: Baseline = { ...answers, inputs: inputs(usual) };
const answer = (): Partial<Sample> => ({ value: 10 + normal() });
const asked = (row: () => number[], setting: SuiteSetting = {}): SuiteRun =>
  new SuiteRun({ baseline, ...setting }).feedInputs(240, 10, NAMES, row, answer);

describe('input_drift', () => {
  test('stays silent on inputs like those of the baseline, whatever their law, and on a change that is slight', () => {
    const run = asked(usual);
    assert.equal(run.failedAt.has('input_drift'), false);
    assert.match(run.check('input_drift').text,
      /^what is asked is like the baseline: PSI 0\.0\d+ of "\w+", the worst of 4 input columns, is within the limit/);
    const slight = asked(() => [43 + 10 * normal(), ...usual().slice(1)]);
    assert.equal(slight.failedAt.has('input_drift'), false, 'a third of a deviation');
  });

  test('names the column that moved, became constant, or lost its values', () => {
    const damages: [string, () => number[]][] = [
      ['age', () => [50 + 10 * normal(), ...usual().slice(1)]],
      ['income', () => usual().map((value, at) => (at === 1 ? value / 100 : value))],
      ['children', () => usual().map((value, at) => (at === 2 ? 0 : value))],
      ['flag', () => usual().map((value, at) => (at === 3 && random() < 0.3 ? 1 : value))],
      ['age', () => [random() < 0.3 ? NaN : 40 + 10 * normal(), ...usual().slice(1)]],
    ];
    for (const [column, row] of damages) {
      const run = asked(row);
      assert.ok(run.failedAt.get('input_drift')! < 180, `${column}: ${run.check('input_drift').text}`);
      assert.match(run.check('input_drift').text,
        new RegExp(`^what is asked differs .*: PSI \\S+ of "${column}" is over .*, the other 3 input columns within`));
    }
  });

  test('needs rows enough: below them nothing is judged, and it says how many are missing', () => {
    const few = new SuiteRun({ baseline }).feedInputs(49, 10, NAMES, () => [90, 1, 1, 1], answer);
    assert.match(few.check('input_drift').text,
      /^input drift is not judged yet: 48\d of 500 kept rows of inputs, 1\d more needed$/);
    const small = { ...answers, inputs: inputs(usual, 99) };
    assert.match(asked(() => [90, 1, 1, 1], { baseline: small }).check('input_drift').text,
      /^input drift is not judged: the baseline has 99 rows; wanted at least 100$/);
  });

  test('says that there is no baseline of inputs, or that no inputs are kept, and judges nothing', () => {
    const without = asked(() => [90, 1, 1, 1], { baseline: answers });
    assert.equal(without.check('input_drift').text, 'input drift is not judged: no baseline of inputs');
    assert.equal(without.check('input_drift').verdict, 'inconclusive');
    const off = new SuiteRun({ baseline }).feed(30, 10, answer);
    assert.match(off.check('input_drift').text, /is not judged: no inputs are kept \(--reservoir off\)$/);
    off.judge.keepInputs('paused');
    assert.match(off.feed(5, 10, answer).check('input_drift').text, /during the probation only/);
  });

  test('is blind to how columns hang together, and to what comes in clumps it gives the benefit of the doubt', () => {
    const two = (): number[] => { const x = normal(); return [x, x, 0, 0]; };
    const paired = { ...answers, inputs: inputs(two) };
    const torn = asked(() => [normal(), normal(), 0, 0], { baseline: paired });
    assert.equal(torn.failedAt.has('input_drift'), false, 'each column alone is as ever');
    let clump = 0;
    const clumps = new SuiteRun({ baseline }).feedInputs(1_200, 5, NAMES, (index) => {
      if (index % 50 === 0) clump = normal();
      return [40 + 9.5 * clump + 3.1 * normal(), ...usual().slice(1)];
    }, answer);
    assert.equal(clumps.failedAt.has('input_drift'), false);
  });

  test('never asks for a rollback: not on probation, not when told to be on, not after it', () => {
    const options = judgeOptions({ mode: 'default', steadyDrift: 'on' });
    const on = { ...options.checks.input_drift, mode: 'on' as 'warn' };
    const forced = { ...options, checks: { ...options.checks, input_drift: on } };
    for (const phase of ['probation', 'steady'] as const) {
      assert.equal(effectOf('input_drift', forced, phase), 'warn');
      const run = asked(() => [90, 1, 1, 1], { phase, options: { steadyDrift: 'on' } });
      assert.deepEqual([...run.failedAt.keys()].filter((name) => name !== 'input_drift'), []);
      assert.equal(run.check('input_drift').effect, 'warn');
      assert.deepEqual(run.last!.failing.map(({ effect }) => effect), ['warn']);
    }
    assert.throws(() => resolveOptions({ judge: { checks: { input_drift: { mode: 'on' } } } }), {
      code: 'INVALID_OPTION', message: /judge\.checks\.input_drift\.mode: input drift only warns; wanted warn or off/,
    });
  });

  test('is off when it is told so, and refuses a minimum that no window can hold', () => {
    const options = judgeOptions({ mode: 'default' });
    const off = { checks: { ...options.checks, input_drift: { ...options.checks.input_drift, mode: 'off' as const } } };
    const run = asked(() => [90, 1, 1, 1], { options: off });
    assert.equal(run.last!.checks.some(({ check }) => check === 'input_drift'), false);
    const much = { ...options.checks, input_drift: { ...options.checks.input_drift, samplesMin: 57_601 } };
    assert.deepEqual(impossibleLimits({ ...options, checks: much }), [
      'checks.input_drift.samplesMin: 57601 can never be reached, of a version that has served for a while the ' +
        'longest window holds 57600 rows of inputs',
    ]);
  });

  test('gives a warning whose evidence recomputes to the same sentence', () => {
    const run = asked(() => [50 + 10 * normal(), ...usual().slice(1)]);
    const verdict = verdictOf({
      model: 'm', version: '2', generation: 3, look: 9, atUs: run.nowUs, phase: 'probation', judged: run.last!,
      totals: {
        requests: 1, ok: 1, clientFaults: 0, modelFailures: 0, nonFinite: 0, nonFiniteInputs: 0,
        deadlines: 0, predictions: 1, lapped: 0,
      },
      lateSamples: 0, failingSince: { look: 9, atUs: 0 }, firstUs: 0, firstErrorUs: null, exposure: null,
    })!;
    assert.deepEqual([verdict.trigger, verdict.effect, verdict.cause], ['input_drift', 'warn', 'input']);
    const again = recompute(JSON.parse(JSON.stringify(verdict.evidence)) as Record<string, unknown>)!;
    assert.deepEqual([again.verdict, again.trigger, again.reason], ['fail', 'input_drift', verdict.reason]);
  });

  test('starts anew with another baseline of inputs', () => {
    const run = asked(() => [90, 1, 1, 1]);
    assert.equal(run.check('input_drift').verdict, 'fail');
    run.judge.setBaseline({ ...answers, inputs: inputs(() => [90, 1, 1, 1]) });
    run.feedInputs(240, 10, NAMES, () => [90, 1, 1, 1], answer);
    assert.equal(run.check('input_drift').verdict, 'pass');
  });
});
