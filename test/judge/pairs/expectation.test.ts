// What may be expected of a version beside its twin, and what follows from pairs that show more.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { expectOf } from '../../../src/domain/known-answers.ts';
import type { ExpectedChange, Expectations } from '../../../src/domain/known-answers.ts';
import { expectationText, expectationWarnings, pairExpectation } from '../../../src/judge/pairs/expectation.ts';
import { PairCounts } from '../../../src/judge/pairs/pair-counts.ts';
import type { PairExpectation, PairFacts } from '../../../src/judge/pairs/pair-schema.ts';
import { pairsEvidenceSchema, PAIRS_FORMAT } from '../../../src/judge/pairs/pair-schema.ts';
import { judgePairs } from '../../../src/judge/pairs/pair-verdict.ts';

const measured = (differing: number, compared = 256, more: Partial<ExpectedChange> = {}): ExpectedChange => ({
  against: '1', rows: compared, unanswered: 0, compared, differing, classes: [], distance: null, atMs: 0, ...more,
});
const classes = (expectations: Expectations): Expectations & { readonly outputKind: 'classes' } =>
  ({ ...expectations, outputKind: 'classes' });

/** Pairs of answers with the class that the twin gives, and whether the version gives another. */
function factsOf(
  pairs: number, about: (at: number) => { readonly twin: number; readonly differs: boolean },
  expectation: PairExpectation | null,
): PairFacts {
  const counts = new PairCounts({ version: '2', twin: '1', kind: 'classes', sigma: null });
  for (let at = 0; at < pairs; at += 1) {
    const { twin, differs } = about(at);
    const answer = (classIndex: number) => ({ outcome: 'answered', value: 0.9, classIndex } as const);
    counts.add({ input: 0, atUs: at, fresh: answer(differs ? twin + 1 : twin), twin: answer(twin), cosine: null });
  }
  return counts.facts(expectation);
}
const every = (part: number) => (at: number) => ({ twin: at % 3, differs: at % part === 0 });

suite('what an operator declares', () => {
  test('is same or a percentage above 0 and up to 100, and nothing else', () => {
    assert.deepEqual(expectOf('same'), { expect: 'same', percent: null });
    assert.deepEqual(expectOf('change=12.5'), { expect: 'change=12.5', percent: 12.5 });
    assert.deepEqual(expectOf('change=100')?.percent, 100);
    for (const wrong of ['', 'Same', 'same ', 'change', 'change=', 'change=0', 'change=0.0', 'change=101', 'change=-1',
      'change=1e1', 'change=5%', 'change=NaN', 'other']) assert.equal(expectOf(wrong), null, wrong);
  });

  test('comes before what was measured, whoever the twin is', () => {
    const declared = pairExpectation(classes({ expect: 'change=30', expected: measured(0) }), '7');
    assert.deepEqual(declared, { source: 'declared', change: 0.3, classes: [], otherClasses: null });
    const same = pairExpectation(classes({ expect: 'same' }), '1');
    assert.deepEqual([same?.change, same?.otherClasses], [0.02, 0.25]);
  });
});

suite('what was measured', () => {
  test('allows what it leaves possible and a margin, which is larger where fewer rows were asked', () => {
    const { change } = pairExpectation(classes({ expected: measured(0) }), '1')!;
    assert.ok(change > 0.1 && change < 0.15, String(change));
    const few = pairExpectation(classes({ expected: measured(0, 4) }), '1')!;
    assert.ok(few.change > 0.5, String(few.change));
    const most = pairExpectation(classes({ expected: measured(250) }), '1')!;
    assert.equal(most.change, 1, 'who answers everything otherwise cannot do more of it');
    const numbers = pairExpectation({ expected: measured(0), outputKind: 'regression' }, '1')!;
    assert.ok(numbers.change > 0.25, 'numbers of a retrained version move further');
  });

  test('says nothing beside another twin, and where nothing could be compared', () => {
    assert.equal(pairExpectation(classes({ expected: measured(0) }), '2'), null);
    assert.equal(pairExpectation(classes({ expected: measured(0, 0) }), '1'), null);
    assert.equal(pairExpectation(classes({}), '1'), null);
  });

  test('is warned of when it is large and nobody declared it, and when rows are not answered', () => {
    assert.deepEqual(expectationWarnings(classes({ expected: measured(253) })),
      ['answers differ from version "1" on 98.8 % of the 256 validation rows']);
    assert.deepEqual(expectationWarnings(classes({ expected: measured(10) })), []);
    assert.deepEqual(expectationWarnings(classes({ expect: 'change=99.9', expected: measured(253) })), []);
    assert.match(expectationWarnings(classes({ expect: 'same', expected: measured(20) })).join(),
      /on 7\.\d+ % of the 256 validation rows; 2 % at most were declared \(--expect same\)/);
    assert.deepEqual(expectationWarnings(classes({ expected: measured(0, 250, { rows: 256, unanswered: 6 }) })),
      ['it does not answer 6 of 256 validation rows that version "1" answers']);
  });

  test('stands in one line, with what is allowed in service', () => {
    assert.match(expectationText(classes({ expected: measured(13) }))!,
      /^answers differ from version "1" on 5\.\d+ % of the 256 validation rows; \d+(\.\d+)? % at most in service$/);
    assert.equal(expectationText(classes({ expect: 'same' })), 'declared as same; 2 % at most in service');
    assert.equal(expectationText(classes({})), null);
  });
});

suite('pairs', () => {
  const same = pairExpectation(classes({ expect: 'same' }), '1');
  const known = (expected: ExpectedChange): PairExpectation => pairExpectation(classes({ expected }), '1')!;

  test('over a declared or a measured expectation say whose it is', () => {
    for (const [expectation, over] of [[same, 'declared'], [known(measured(0)), 'validation'], [null, null]] as const) {
      const { disagrees } = judgePairs(factsOf(400, every(2), expectation));
      assert.deepEqual([disagrees?.classIndex, disagrees?.over], [null, over]);
    }
    assert.match(judgePairs(factsOf(400, every(2), same)).disagrees!.text,
      /200 of 400 questions differently \(50 %\); 2 % at most were declared/);
  });

  test('within it say nothing, although without it they would be told', () => {
    const facts = factsOf(2_000, every(4), known(measured(64)));
    assert.equal(judgePairs(facts).disagrees, null);
    assert.equal(judgePairs({ ...facts, expectation: null }).disagrees?.over, null);
    assert.equal(judgePairs(factsOf(2_000, every(4), pairExpectation(classes({ expect: 'change=30' }), '1'))).disagrees,
      null);
  });

  test('see an export that loses a rare class, which changes less in all than is allowed', () => {
    const rare = (at: number) => ({ twin: at % 100 === 0 ? 9 : at % 3, differs: at % 100 === 0 });
    const { disagrees } = judgePairs(factsOf(2_000, rare, same));
    assert.deepEqual([disagrees?.classIndex, disagrees?.over], [9, 'declared']);
    const seen = { classIndex: 9, compared: 60, differing: 2 };
    const byRows = judgePairs(factsOf(4_000, rare, known(measured(3, 256, { classes: [seen] }))));
    assert.deepEqual([byRows.disagrees?.classIndex, byRows.disagrees?.over], [9, 'validation']);
    const unseen = judgePairs(factsOf(4_000, rare, known(measured(3))));
    assert.equal(unseen.disagrees, null, 'of a class that no validation row is of nothing is expected');
  });

  test('are judged again from what is stored, also by builds that expected nothing', () => {
    const facts = factsOf(400, every(2), same);
    const stored: unknown = JSON.parse(JSON.stringify({ format: PAIRS_FORMAT, pairs: facts, inputDrift: 'pass' }));
    assert.deepEqual(judgePairs(pairsEvidenceSchema.parse(stored).pairs), judgePairs(facts));
    const before = { format: PAIRS_FORMAT, pairs: { ...facts, expectation: undefined } };
    const old: unknown = JSON.parse(JSON.stringify(before));
    assert.equal(judgePairs(pairsEvidenceSchema.parse(old).pairs).disagrees?.over, null);
  });
});
