// What each check looks at in a pair: by the evidence of an alarm, a version that does what raised it changes by more
// than the margin, and one that answers as its twin does not change at all.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { referenceOf } from '../../../src/judge/baseline/reference.ts';
import { constantEvent, differsBy, squaresEvent } from '../../../src/judge/checks/paired-events.ts';
import { CHECKS, CHECKS_IN_ORDER } from '../../../src/judge/checks/table.ts';
import type { CheckEvidence } from '../../../src/judge/checks/check.ts';
import type { AnswerView, PairEvent } from '../../../src/judge/pairs/paired-change.ts';
import { PairedChange } from '../../../src/judge/pairs/paired-change.ts';
import type { Baseline } from '../../../src/domain/records.ts';
import { seededRandom } from '../fixtures.ts';

const random = seededRandom(7);
const viewOf = (value: number, more: Partial<AnswerView> = {}): AnswerView =>
  ({
    outcome: 'answered', value, classIndex: -1, entropy: NaN, hash: Math.round(value * 1e6), projection: () => NaN,
    ...more,
  });

function meanOf(event: PairEvent, pairs: readonly (readonly [AnswerView, AnswerView])[]): number {
  const changes = pairs.map(([fresh, twin]) => event.change(fresh, twin)).filter((change) => change !== null);
  assert.ok(changes.length > 0 && changes.every((change) => change >= -1 && change <= 1));
  return changes.reduce((sum, change) => sum + change, 0) / changes.length;
}

const values = Array.from({ length: 400 }, () => random() + random() + random());
const baseline = { kind: 'regression', source: 'validation', rows: 400, values, mean: 1.5, standardDeviation: 0.5 } as
  unknown as Baseline;
const reference = referenceOf(baseline)!;
const window = { windowMs: 60_000, samples: 200, effective: 200, proven: 200 };
const shared = {
  effect: 'rollback', samplesMin: 50, inputs: null, inputsMin: 20, chance: 1e-6, twoLooksMs: 0, unjudged: null,
  rows: 400,
} as const;
type Reference = NonNullable<ReturnType<typeof referenceOf>>;
type EventOf = (evidence: CheckEvidence, own: Reference, twin: Reference | null) => PairEvent | null;
const eventOf = (evidence: CheckEvidence, twin: Reference | null = null): PairEvent =>
  (CHECKS[evidence.check].pairEvent as EventOf)(evidence, reference, twin)!;
const alike = values.map((value) => [viewOf(value), viewOf(value)] as const);
const by = (move: (value: number) => number) => values.map((value) => [viewOf(move(value)), viewOf(value)] as const);

describe('The event of a check', () => {
  test('is there for every check that may lead to a rollback for what answers say', () => {
    const without = CHECKS_IN_ORDER.filter(({ pairEvent }) => pairEvent === null).map(({ name }) => name);
    assert.deepEqual(without, ['hard_failure', 'error_rate', 'non_finite', 'p95_latency', 'input_drift']);
  });

  test('of a mean is how far answers moved the way of the alarm', () => {
    const event = eventOf({
      check: 'mean_drift', ...shared, limit: 2, baseline: { mean: 1.5, standardDeviation: 0.5 },
      windows: [{ now: { ...window, sigmas: -4 }, firstLook: null }],
    });
    assert.equal(meanOf(event, alike), 0);
    assert.ok(meanOf(event, by((value) => value - 2)) > event.margin);
    assert.ok(meanOf(event, by((value) => value + 2)) < 0, 'the other way');
  });

  test('of a shape is who moved into the bins that have more, and scales the limit', () => {
    const { edges, counts } = reference.bins;
    const now = counts.map((_, bin) => (bin > counts.length / 2 ? 40 : 0));
    const of = (psi: number): PairEvent => eventOf({
      check: 'shape', ...shared, psi, baseline: { edges: [...edges], counts: [...counts] },
      windows: [{ now: { ...window, counts: now }, firstLook: null }],
    });
    assert.equal(meanOf(of(0.25), alike), 0);
    assert.ok(meanOf(of(0.25), by((value) => value + 0.6)) > of(0.25).margin);
    assert.ok(of(0.25).margin < of(1).margin);
  });

  test('of a class mix reads each version by its own classes, whatever number they have there', () => {
    const labelled = (labels: readonly [number, string][]): Reference => referenceOf({
      kind: 'labels', source: 'validation', rows: 400, values: [], mean: 0, standardDeviation: 0,
      labels: labels.map(([value, name], at) => ({ value, name, share: at === 0 ? 0.6 : 0.4 })),
    } as unknown as Baseline)!;
    const [own, twin] = [labelled([[0, 'cat'], [1, 'dog']]), labelled([[7, 'dog'], [8, 'cat']])];
    const event = (CHECKS.class_mix.pairEvent as EventOf)({
      check: 'class_mix', ...shared, limit: 0.1, names: ['cat', 'dog', 'others'], baseline: [240, 160, 0],
      windows: [{ now: { ...window, counts: [20, 180, 0] }, firstLook: null }],
    }, own, twin)!;
    assert.equal(meanOf(event, [[viewOf(1), viewOf(7)], [viewOf(0), viewOf(8)]]), 0, 'the same name');
    assert.equal(meanOf(event, [[viewOf(1), viewOf(8)]]), 1, 'a dog now that was a cat');
  });

  test('of a spread is seen around each version\'s own mean', () => {
    const narrow = (): PairEvent => eventOf({
      check: 'spread', ...shared, low: 0.5, high: 2, baseline: { standardDeviation: 0.5, kurtosis: 3 },
      windows: [{ now: { ...window, standardDeviation: 0.01 }, firstLook: null }],
    });
    assert.equal(meanOf(narrow(), alike), 0);
    assert.ok(meanOf(narrow(), by((value) => 2.4 + value / 100)) > narrow().margin, 'drawn together, beside the mean');
    const wide = squaresEvent(3, 1, ({ value }) => (value - 1.5) / 0.5, ({ value }) => (value - 1.5) / 0.5);
    assert.ok(meanOf(wide, by((value) => 1.5 + (value - 1.5) * 4)) > wide.margin);
  });

  test('reads the twin by its own baseline: two right versions that moved alike are alike, in other units too', () => {
    const other = referenceOf({
      ...baseline, mean: 15, standardDeviation: 5, values: values.map((value) => value * 10),
    })!;
    const { edges, counts } = reference.bins;
    const now = counts.map((_, bin) => (bin > counts.length / 2 ? 40 : 0));
    const evidence: CheckEvidence[] = [
      { check: 'shape', ...shared, psi: 0.25, baseline: { edges: [...edges], counts: [...counts] },
        windows: [{ now: { ...window, counts: now }, firstLook: null }] },
      { check: 'mean_drift', ...shared, limit: 2, baseline: { mean: 1.5, standardDeviation: 0.5 },
        windows: [{ now: { ...window, sigmas: 4 }, firstLook: null }] },
    ];
    for (const one of evidence) {
      const event = eventOf(one, other);
      const bothMoved = values.map((value) => [viewOf(value + 5), viewOf((value + 5) * 10)] as const);
      assert.ok(Math.abs(meanOf(event, bothMoved)) < 0.01, one.check);
      const neither = values.map((value) => [viewOf(value), viewOf(value * 10)] as const);
      assert.ok(Math.abs(meanOf(event, neither)) < 0.05, one.check);
      const alone = values.map((value) => [viewOf(value + 5), viewOf(value * 10)] as const);
      assert.ok(meanOf(event, alone) > event.margin, one.check);
    }
  });

  test('of equal answers is whose they are: two versions that saturate are alike, labels need no rare ones', () => {
    const differs = (a: AnswerView, b: AnswerView): boolean => a.hash !== b.hash;
    const constant = constantEvent(0.25, 'isRare', differs);
    assert.ok(meanOf(constant, by(() => 1)) > 0.9);
    const ends = (value: number): number => (value > 1.5 ? 1 : 0);
    const saturating = values.map((value) => [viewOf(1), viewOf(ends(value))] as const);
    assert.ok(Math.abs(meanOf(constantEvent(0.25, 'isRare', differs), saturating)) < 0.05);
    assert.ok(meanOf(constantEvent(0.25, 'isUnusual', differs), saturating) > 0.25);
    const far = differsBy(0.5, reference);
    assert.ok(meanOf(constantEvent(0.1, 'isUnusual', far), by(() => 1)) > 0.5);
    const rounded = by((value) => Math.round(value * 10) / 10);
    assert.equal(meanOf(constantEvent(0.1, 'isUnusual', far), rounded), 0);
  });
});

describe('PairedChange', () => {
  test('counts each different question once in ten seconds, and leaves out pairs that say nothing', () => {
    const change = new PairedChange({ margin: 0.1, change: (fresh) => (fresh.value < 0 ? null : fresh.value) }, 0.05);
    const add = (input: number, atUs: number, value: number): void =>
      change.add({ input, atUs, fresh: viewOf(value), twin: viewOf(0) });
    for (const atUs of [0, 1e6, 9e6, 11e6]) add(1, atUs, 0.5);
    add(2, 0, -1);
    add(0, 11e6, 1);
    add(0, 11e6, 1);
    const { margin, expected, levels } = change.facts();
    assert.deepEqual({ margin, expected, levels }, {
      margin: 0.1, expected: 0.05, levels: [{ level: 0.5, pairs: 2 }, { level: 1, pairs: 2 }],
    });
  });
});
