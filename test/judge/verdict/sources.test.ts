// When one client alone is to blame for what a version failed.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { oneSourceOf, sourcesSchema } from '../../../src/judge/verdict/sources.ts';
import type { SourceFacts, SourceTally } from '../../../src/judge/verdict/sources.ts';

const tally = (requests: number, failed = 0, nonFinite = 0): SourceTally => ({ requests, failed, nonFinite });
const LIMITS = { failed: 0.05, nonFinite: 0.001, chance: 1e-6, samplesMin: 20 };

/** Of one window, unless more are given. */
function facts(all: SourceTally, heaviest: SourceTally, more: Partial<SourceFacts> = {}): { sources: SourceFacts } {
  const windows = [{ windowMs: 300_000, all, heaviest }];
  return { sources: { heaviest: 'c0ffee00', windows, shares: [], limits: LIMITS, ...more } };
}

suite('oneSourceOf', () => {
  test('names the source that has it all, where the others do well', () => {
    const text = oneSourceOf(facts(tally(1_000, 202), tally(200, 200)), ['error_rate', 'hard_failure']);
    assert.equal(text, 'source c0ffee00 has 200 of 202 of it; without it 2 of 800 requests (0.25 %)');
    assert.match(oneSourceOf(facts(tally(1_000, 0, 30), tally(30, 0, 30)), ['non_finite'])!, /30 of 30/);
  });

  test('names nobody where the others are failed over the limit, also if seldomer, or in a short window only', () => {
    assert.equal(oneSourceOf(facts(tally(1_000, 360), tally(200, 200)), ['error_rate']), null);
    assert.equal(oneSourceOf(facts(tally(100, 100), tally(60, 60)), ['error_rate']), null);
    const windows = [
      { windowMs: 10_000, all: tally(60, 60), heaviest: tally(30, 30) },
      { windowMs: 300_000, all: tally(10_000, 60), heaviest: tally(30, 30) },
    ];
    assert.equal(oneSourceOf(facts(tally(0), tally(0), { windows }), ['hard_failure']), null);
  });

  test('leaves the decision to the only source, and to few others that cannot be told apart from it', () => {
    assert.equal(oneSourceOf(facts(tally(200, 200), tally(200, 200)), ['error_rate']), null);
    assert.equal(oneSourceOf(facts(tally(219, 200), tally(200, 200)), ['error_rate']), null);
    // 4 of 25 are too few for the limit's test, and not clearly fewer than 30 of 100.
    assert.equal(oneSourceOf(facts(tally(125, 34), tally(100, 30)), ['error_rate']), null);
  });

  test('says nothing of checks that are not about who was hit, and where no source is known', () => {
    const known = facts(tally(1_000, 202), tally(200, 200));
    assert.equal(oneSourceOf(known, ['error_rate', 'p95_latency']), null);
    assert.equal(oneSourceOf(known, []), null);
    assert.equal(oneSourceOf({ sources: null }, ['error_rate']), null);
    assert.equal(oneSourceOf({}, ['error_rate']), null);
    assert.equal(oneSourceOf(facts(tally(1_000, 202), tally(0), { heaviest: null }), ['error_rate']), null);
  });

  test('says the same of what was stored', () => {
    const known = facts(tally(1_000, 202), tally(200, 200));
    const stored = JSON.parse(JSON.stringify(known)) as typeof known;
    assert.deepEqual(sourcesSchema.parse(stored.sources), known.sources);
    assert.equal(oneSourceOf(stored, ['error_rate']), oneSourceOf(known, ['error_rate']));
  });
});
