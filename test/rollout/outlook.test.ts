// What would be done now, and what is waited for: from facts alone.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Now } from '../../src/base/moment.ts';
import { outlookText } from '../../src/cli/views/outlook-view.ts';
import type { PairFacts } from '../../src/judge/pairs/pair-schema.ts';
import { judgePairs } from '../../src/judge/pairs/pair-verdict.ts';
import type { CheckResult, HealthReport } from '../../src/judge/types/messages.ts';
import { resolveOptions } from '../../src/options/options.ts';
import { emptyModel } from '../../src/registry/rules.ts';
import { type OutlookFacts, outlookOf } from '../../src/rollout/outlook.ts';

const HOUR = 3_600_000;
const first = { wallMs: 1e12, monotonicUs: 1e9 };
const now: Now = { ...first, boot: 'b', first };

const check = (verdict: CheckResult['verdict'], effect: CheckResult['effect'] = 'rollback'): CheckResult => ({
  check: 'error_rate', verdict, effect, value: 0.2, limit: 0.05, samples: 100, samplesMin: 20, text: '20 of 100 failed',
});
const healthOf = (...checks: CheckResult[]): HealthReport => ({
  kind: 'health', model: 'm', version: '2', generation: 2, atUs: 0, checks, violations: [], warnings: [],
  windowSamples: 100, latencyMs: null, p95LatencyMs: null, errorRate: null, predictionDrift: null, lastHour: null,
  totals: {
    requests: 1_000, ok: 1_000, clientFaults: 10, modelFailures: 0, nonFinite: 0, nonFiniteInputs: 0, deadlines: 0,
    predictions: 0, lapped: 0,
  },
});
const pairsOf = (zero: number, plus = 0): OutlookFacts['pairs'] => {
  const differences = { plus, zero, minus: 0 };
  const facts: PairFacts = {
    version: '2', twin: '1', kind: 'score', block: 0, pairs: zero + plus, pairsInAll: zero + plus,
    failed: differences, nonFinite: { plus: 0, zero: zero + plus, minus: 0 }, disagreement: null, classes: [],
  };
  return { generation: 2, facts, verdict: judgePairs(facts) };
};
const facts = (more: Partial<OutlookFacts> = {}): OutlookFacts => ({
  record: { ...emptyModel('m', 0), activeVersion: '2', generation: 2, activatedAtMs: now.wallMs - HOUR / 2 },
  options: resolveOptions({}), phase: 'probation', version: '2', generation: 2,
  health: healthOf(check('fail')), pairs: null, sources: null, pairingMs: HOUR / 2, servedMs: HOUR / 2,
  target: { version: '1', trust: 'confirmed', isLoaded: true }, noTargetBecause: [], now, ...more,
});
const would = (more: Partial<OutlookFacts>): string => outlookOf(facts(more)).would;

describe('outlookOf', () => {
  test('says what would be done, by the first that applies', () => {
    assert.equal(would({}), 'ask first');
    assert.equal(would({ options: resolveOptions({ judge: { mode: 'compat' } }) }), 'roll back');
    const all = { requests: 1_000, failed: 202, nonFinite: 0 };
    const heaviest = { requests: 200, failed: 200, nonFinite: 0 };
    const sources = {
      heaviest: 'cafe0001', windows: [{ windowMs: 10_000, all, heaviest }], shares: [],
      limits: { failed: 0.05, nonFinite: 0.001, chance: 1e-6, samplesMin: 20 },
    };
    assert.equal(would({ sources }), 'one source');
    assert.match(outlookOf(facts({ sources })).oneSource!, /^source cafe0001 has 200 of 202 of it/);
    assert.equal(would({ target: null }), 'no target');
    assert.equal(would({ record: { ...facts().record, pin: { by: 'x', reason: '', atMs: 0 } }, target: null }), 'hold');
    assert.equal(would({ health: healthOf(check('fail', 'warn')) }), 'tell');
    assert.equal(would({ health: healthOf(check('pass'), check('inconclusive')) }), 'nothing');
    assert.equal(would({ health: null }), 'nothing');
    assert.equal(would({ version: null }), 'not judged');
    assert.equal(would({ options: resolveOptions({ samples: 'off' }) }), 'not judged');
  });

  test('counts the pairs that an equal version still needs, and the hours at the pace so far', () => {
    const open = outlookOf(facts({ pairs: pairsOf(360) })).pairs!;
    // Judge.md 4: to clear an equal version takes 1,360 pairs for failures and 6,810 for answers that are not finite.
    assert.ok(Math.abs(open.toClear.failed! - 1_000) < 15, String(open.toClear.failed));
    assert.ok(Math.abs(open.toClear.nonFinite! - 6_450) < 70, String(open.toClear.nonFinite));
    assert.equal(open.perHour, 720);
    assert.equal(open.hoursToClear, open.toClear.nonFinite! / 720);
    const done = outlookOf(facts({ pairs: pairsOf(10_000) })).pairs!;
    assert.deepEqual([done.toClear, done.hoursToClear], [{ failed: 0, nonFinite: 0 }, 0]);
    const worse = outlookOf(facts({ pairs: pairsOf(900, 100) })).pairs!;
    assert.deepEqual([worse.toClear.failed, worse.hoursToClear], [null, null]);
    assert.equal(outlookOf(facts({ pairs: pairsOf(0) })).pairs!.hoursToClear, null, 'none come');
  });

  test('says what a probation still wants, and nothing of it after its end', () => {
    const { probationMs, probationSamples } = resolveOptions({}).judge;
    assert.deepEqual(outlookOf(facts()).probation, { requests: probationSamples - 990, ms: probationMs - HOUR / 2 });
    assert.equal(outlookOf(facts({ phase: 'steady' })).probation, null);
  });
});

describe('outlookText', () => {
  test('says it in words', () => {
    const text = outlookText(outlookOf(facts({
      pairs: pairsOf(360),
      record: { ...facts().record, pause: { by: 'cli:ann', reason: '', since: now, forMs: 2 * HOUR } },
    })));
    assert.match(text, /would be done now +It would be written down, and nothing done: the machine is held still\./);
    assert.match(text, /checks +fail .*: 20 of 100 failed/);
    assert.match(text, /360 questions to versions 2 and 1; undecided: 6,\d+ more without a difference would clear/);
    assert.match(text, /would go back to +version 1 \(confirmed\), loaded and warm/);
    assert.match(text, /held still by +somebody who has it watch only .*, until \S+ \S+, for 2 h more/);
    assert.match(text, /probation +wants 4,010 more requests/);
  });

  test('says why there is nothing to go back to', () => {
    const noTargetBecause = [{ version: '1', reason: 'is in quarantine (slow)' }];
    const text = outlookText(outlookOf(facts({ target: null, noTargetBecause })));
    assert.match(text, /Nothing can be done: a check fails, and there is nothing to go back to\./);
    assert.match(text, /would go back to +nothing: version 1 is in quarantine \(slow\)/);
  });
});
