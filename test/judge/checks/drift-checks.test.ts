// The checks of the answers' distribution: what each must see, and what it must not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeBaseline } from '../../../src/judge/baseline/baseline.ts';
import type { CheckName } from '../../../src/judge/types/messages.ts';
import type { Baseline, OutputKind } from '../../../src/domain/records.ts';
import type { Sample } from '../../../src/shared-memory/sample-ring.ts';
import { predictionOf } from '../../../src/domain/sequence.ts';
import { judgeOptions, seededRandom } from '../fixtures.ts';
import type { SuiteSetting } from './suite-fixtures.ts';
import { SuiteRun } from './suite-fixtures.ts';

const random = seededRandom(20);
const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

function baseline(kind: OutputKind, row: () => number[], rows = 1_000): Baseline {
  const about = { output: 'y', kind, source: 'validation', createdAtMs: 0, origin: 'test' } as const;
  return computeBaseline(Array.from({ length: rows }, row), about);
}

/** A sample that answers `row`. */
function answered(kind: OutputKind, row: readonly number[]): Partial<Sample> {
  const summary = predictionOf(kind, row);
  return { ...summary, hash: row.reduce((hash, value) => Math.imul(hash ^ Math.round(value * 1e6), 31), 7) };
}

const bell = (): number[] => [10 + normal()];
const regression = baseline('regression', bell);
/** Ten minutes at twenty a second, against the baseline of a bell around 10. */
const served = (row: () => number[], setting: SuiteSetting = {}): SuiteRun =>
  new SuiteRun({ baseline: regression, ...setting }).feed(600, 20, () => answered('regression', row()));
const failedNames = (run: SuiteRun): CheckName[] => [...run.failedAt.keys()];

test('a version that answers like its baseline fails nothing, whatever law that is', () => {
  const laws: [OutputKind, () => number[]][] = [
    ['regression', bell],
    // Atoms, a heavy tail, a score of two humps.
    ['regression', () => [random() < 0.6 ? 0 : random() < 0.2 ? 5 : Math.exp(normal())]],
    ['regression', () => [normal() / Math.max(0.05, random())]],
    ['score', () => [random() < 0.5 ? 0.1 * random() : 1 - 0.1 * random()]],
  ];
  for (const [kind, row] of laws) {
    const run = new SuiteRun({ baseline: baseline(kind, row) }).feed(900, 20, () => answered(kind, row()));
    assert.deepEqual(failedNames(run), [], String(row));
  }
});

test('mean_drift sees a mean beyond its limit and is blind to a shape of the same mean', () => {
  const moved = served(() => [13 + normal()]);
  assert.ok(moved.failedAt.get('mean_drift')! < 60);
  assert.match(moved.check('mean_drift').text, /^mean prediction is 2\.\d+ standard deviations from .*over the limit/);
  const dollars = served(() => [1e6 * (10 + normal())]);
  assert.match(dollars.check('mean_drift').text, /is at least 5 standard deviations/);
  const split = served(() => [random() < 0.5 ? 8.5 : 11.5]);
  assert.equal(split.failedAt.has('mean_drift'), false);
  assert.ok(split.failedAt.has('shape'), 'which is what shape is for');
});

test('a drift that is over its limit says why it is none yet: a second look is wanted, or chance explains it', () => {
  const young = new SuiteRun({ baseline: regression }).feed(7, 20, () => answered('regression', [13 + normal()]));
  const { verdict, heldBack, text } = young.check('mean_drift');
  assert.deepEqual([verdict, heldBack], ['pass', 'looks']);
  assert.match(text, /over the limit of 2, not for long enough yet \(1 of 2 looks\) \(1\d\d predictions/);
  const small = baseline('regression', bell, 100);
  const options = judgeOptions({ mode: 'default', driftSigmaLimit: 0.3 });
  const few = new SuiteRun({ baseline: small, options }).feed(4, 20, () => answered('regression', [11 + normal()]));
  assert.deepEqual([few.check('mean_drift').verdict, few.check('mean_drift').heldBack], ['pass', 'chance']);
  assert.match(few.check('mean_drift').text, /over the limit of 0\.3, which chance explains \(/);
  assert.equal(served(bell).check('mean_drift').heldBack, undefined);
});

test('a baseline of one answer is no measure of mean, spread and constants, and each check says so', () => {
  const flat = baseline('regression', () => [3]);
  const run = new SuiteRun({ baseline: flat }).feed(300, 20, () => answered('regression', [3]));
  assert.deepEqual(failedNames(run), []);
  for (const name of ['mean_drift', 'spread'] as const) {
    assert.match(run.check(name).text, /is not judged: all answers of the baseline are equal$/);
  }
  assert.match(run.check('constant_output').text, /not judged: nearly all rows of the baseline have the same answer/);
  assert.match(new SuiteRun().feed(30, 20, () => ({ value: 1 })).check('shape').text, /the version has no baseline$/);
});

test('one wild answer moves neither the mean nor the spread over a limit', () => {
  const run = new SuiteRun({ baseline: regression })
    .feed(900, 2, (index) => answered('regression', index % 50 === 0 ? [1e30] : bell()));
  assert.deepEqual(failedNames(run), []);
});

test('shape sees a changed distribution with enough samples and waits while it has too few', () => {
  const few = new SuiteRun({ baseline: regression }).feed(50, 3, () => answered('regression', [10.9 + normal()]));
  assert.match(few.check('shape').text, /is not judged yet: 14\d of 200 predictions, 5\d more needed/);
  assert.ok(served(() => [10.9 + normal()]).failedAt.has('shape'));
  const slight = served(() => [10.2 + normal()]);
  assert.deepEqual(failedNames(slight), [], 'a fifth of a deviation is no change that matters');
});

test('shape allows a window of few samples what chance gives it, though naive limits call it drift', () => {
  // Summer against summer: 92 rows on each side.
  const small = baseline('regression', bell, 100);
  const run = new SuiteRun({ baseline: small }).feed(3_600, 0.2, () => answered('regression', bell()));
  assert.deepEqual(failedNames(run), []);
  const tiny = new SuiteRun({ baseline: baseline('regression', bell, 99) })
    .feed(60, 20, () => answered('regression', [0]));
  assert.match(tiny.check('shape').text, /not judged: the baseline has 99 rows; wanted at least 100/);
});

test('shape and class_mix stay silent for hours about answers that differ by nine tenths of their limits', () => {
  // Shifted normal answers have a PSI of the squared shift.
  const shifted = new SuiteRun({ baseline: baseline('regression', bell, 20_000) })
    .feed(7_200, 5, () => answered('regression', [10 + Math.sqrt(0.22) + normal()]));
  assert.deepEqual(failedNames(shifted), []);
  assert.ok(shifted.check('shape').value! > 0.17, shifted.check('shape').text);
  const even = (): number[] => digit(random() < 0.5 ? 0 : 1, 0.9);
  const mixed = new SuiteRun({ baseline: baseline('classes', even, 20_000) })
    .feed(7_200, 5, () => answered('classes', digit(random() < 0.59 ? 0 : 1, 0.9)));
  assert.deepEqual(failedNames(mixed), []);
});

test('spread sees answers that draw together or apart around the same mean, not a change within its limits', () => {
  assert.ok(served(() => [10 + 0.3 * normal()]).failedAt.get('spread')! < 60);
  assert.ok(served(() => [10 + 3 * normal()]).failedAt.get('spread')! < 60);
  assert.equal(served(() => [10 + 1.3 * normal()]).failedAt.has('spread'), false);
});

const TEN = Array.from({ length: 10 }, (_, index) => index);
function digit(best: number, top: number): number[] {
  const rest = TEN.map(() => random());
  const sum = rest.reduce((total, share) => total + share, 0) - rest[best]!;
  return rest.map((share, index) => (index === best ? top : ((1 - top) * share) / sum));
}
const anyDigit = (): number => Math.floor(10 * random());
const digits = baseline('classes', () => digit(anyDigit(), 0.5 + 0.5 * random()));
const classified = (row: () => number[]): SuiteRun =>
  new SuiteRun({ baseline: digits }).feed(600, 20, () => answered('classes', row()));

test('class_mix sees a class that takes over, not noise nor a class below its limit', () => {
  const collapsed = classified(() => digit(random() < 0.5 ? 3 : anyDigit(), 0.5 + 0.5 * random()));
  assert.ok(collapsed.failedAt.get('class_mix')! < 60);
  assert.match(collapsed.check('class_mix').text, /class 3 has a share of 5\d(\.\d)? % where the baseline has/);
  assert.deepEqual(failedNames(classified(() => digit(anyDigit(), 0.5 + 0.5 * random()))), []);
  const slight = classified(() => digit(random() < 0.05 ? 3 : anyDigit(), 0.5 + 0.5 * random()));
  assert.equal(slight.failedAt.has('class_mix'), false);
});

test('class_mix takes classes that the baseline has never seen for others, without an infinite statistic', () => {
  const two = baseline('classes', () => digit(random() < 0.5 ? 0 : 1, 0.9));
  const run = new SuiteRun({ baseline: two })
    .feed(600, 20, () => answered('classes', digit(random() < 0.01 ? 7 : random() < 0.5 ? 0 : 1, 0.9)));
  assert.equal(run.failedAt.has('class_mix'), false, 'one in a hundred is news, and no reason to go back');
});

test('confidence sees a model that became sure of everything while its classes stayed the same', () => {
  const run = classified(() => digit(anyDigit(), 0.995 + 0.004 * random()));
  assert.ok(run.failedAt.get('confidence')! < 60);
  assert.equal(run.failedAt.has('class_mix'), false);
});

test('repeats sees a new frequent answer, not an old one, nor one question that is asked again and again', () => {
  const zeros = served(() => (random() < 0.15 ? [0] : bell()));
  assert.ok(zeros.failedAt.has('repeats'));
  const withAtom = (): number[] => (random() < 0.4 ? [0] : bell());
  const usual = new SuiteRun({ baseline: baseline('regression', withAtom) })
    .feed(600, 20, () => answered('regression', withAtom()));
  assert.deepEqual(failedNames(usual), []);
  const polled = new SuiteRun({ baseline: regression }).feed(600, 20, (index) =>
    (index % 20 === 0 ? { ...answered('regression', [10]), input: 5 } : answered('regression', bell())));
  assert.deepEqual(failedNames(polled), [], 'a health check that asks the same row');
});

test('constant_output fails at fifty equal answers to different inputs, and only warns without a baseline', () => {
  const stuck = served(() => [10]);
  assert.ok(stuck.failedAt.get('constant_output')! <= 4);
  assert.equal(stuck.check('constant_output').effect, 'rollback');
  const one = new SuiteRun({ baseline: regression })
    .feed(600, 20, () => ({ ...answered('regression', [10]), input: 9 }));
  assert.deepEqual(failedNames(one), []);
  const blind = new SuiteRun().feed(60, 20, () => answered('regression', [10]));
  assert.equal(blind.check('constant_output').effect, 'warn', 'without a baseline nobody knows what is usual');
});

test('constant_output says nothing of few questions, nor of one that is asked again and again among many', () => {
  const three = new SuiteRun({ baseline: regression })
    .feed(60, 20, (index) => ({ ...answered('regression', [10]), input: 1 + (index % 3) }));
  assert.equal(three.check('constant_output').verdict, 'inconclusive');
  assert.match(three.check('constant_output').text, /equal answers in a row, but to few different inputs \(about 3\)/);
  const polled = new SuiteRun({ baseline: regression }).feed(60, 20, () => answered('regression', bell()));
  polled.feed(60, 20, () => ({ ...answered('regression', [10]), input: 9 }));
  assert.equal(polled.failedAt.has('constant_output'), false);
  assert.equal(polled.check('constant_output').value, 1);
});

test('constant_output allows the runs that the most frequent answer of the baseline makes by chance', () => {
  const rare = (): number[] => [random() < 0.98 ? 0 : random()];
  const run = new SuiteRun({ baseline: baseline('score', rare) }).feed(900, 20, () => answered('score', rare()));
  assert.deepEqual(failedNames(run), []);
  assert.ok(run.check('constant_output').limit > 500);
});

test('drift counts different inputs: a thousand answers to three questions decide nothing', () => {
  const run = new SuiteRun({ baseline: regression })
    .feed(600, 20, (index) => ({ ...answered('regression', [20 + (index % 3)]), input: 1 + (index % 3) }));
  assert.deepEqual(failedNames(run), []);
  assert.match(run.check('shape').text, /about 3 different inputs, wanted at least 20/);
});

test('drift that comes in clumps of like answers is no drift, however many answers a clump has', () => {
  let clump = 0;
  const run = new SuiteRun({ baseline: regression }).feed(3_600, 5, (index) => {
    if (index % 10 === 0) clump = normal();
    return answered('regression', [10 + 0.95 * clump + 0.31 * normal()]);
  });
  assert.deepEqual(failedNames(run), []);
});

test('a retrained version with its own baseline has not drifted; with the old one it would have', () => {
  const retrained = (): number[] => [14 + 2 * normal()];
  assert.deepEqual(failedNames(served(retrained, { baseline: baseline('regression', retrained) })), []);
  assert.ok(served(retrained).failedAt.has('shape'));
});

test('after the probation drift only warns unless it is asked to act, and failures still roll back', () => {
  const shifted = (): number[] => [10.9 + normal()];
  const steady = served(shifted, { phase: 'steady' });
  assert.ok(steady.failedAt.has('shape'));
  assert.equal(steady.check('shape').effect, 'warn');
  assert.equal(steady.check('error_rate').effect, 'rollback');
  assert.equal(served(shifted).check('shape').effect, 'rollback');
  assert.equal(served(shifted, { phase: 'steady', options: { steadyDrift: 'on' } }).check('shape').effect, 'rollback');
});

test('a damage that begins after an hour of good answers is found as one that begins at once', () => {
  const damages: [string, CheckName, () => number[]][] = [
    ['a collapse', 'shape', () => [10 + 0.02 * normal()]],
    ['two humps of the same mean', 'shape', () => [random() < 0.5 ? 8.5 : 11.5]],
    ['a mean that moved', 'mean_drift', () => [13 + normal()]],
    ['twice the spread', 'shape', () => [10 + 2.2 * normal()]],
  ];
  for (const [damage, check, row] of damages) {
    const run = new SuiteRun({ baseline: regression }).feed(3_600, 5, () => answered('regression', bell()));
    assert.deepEqual(failedNames(run), [], `${damage}, before it began`);
    run.feed(300, 20, () => answered('regression', row()));
    assert.ok(run.failedAt.has(check), `${damage}: ${check} stays silent, ${run.check(check).text}`);
  }
});

test('drift is silent where a few questions are most of the traffic, and sees a damage of all of them', () => {
  const questions = Array.from({ length: 3_000 }, () => bell()[0]!);
  const weights = questions.map((_, index) => 1 / (index + 1) ** 1.2);
  const sums: number[] = [];
  for (const weight of weights) sums.push((sums.at(-1) ?? 0) + weight);
  const asked = (): number => {
    const at = random() * sums.at(-1)!;
    return sums.findIndex((sum) => sum >= at);
  };
  const run = (change: (value: number) => number): SuiteRun =>
    new SuiteRun({ baseline: regression }).feed(900, 20, () => {
      const index = asked();
      return { ...answered('regression', [change(questions[index]!)]), input: 1 + index };
    });
  assert.deepEqual(failedNames(run((value) => value)), []);
  assert.ok(run(() => 30).failedAt.size > 0);
});

test('spread says at least where the answers are so far off that all were pulled in', () => {
  const far = served(() => [1e6 + normal()]);
  assert.match(far.check('spread').text,
    /^the answers are at least 4 standard deviations from the baseline's mean, too far to tell their spread: it /);
  const wide = served(() => [10 + 3 * normal()]);
  assert.match(wide.check('spread').text, /^the spread of the answers is 2\.\d+ times the baseline's, outside 0\.5 /);
});
