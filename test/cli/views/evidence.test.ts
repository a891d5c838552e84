// What explain prints of a drift and of failures, from evidence as the suite stores it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decisionText } from '../../../src/cli/views/explain-view.ts';
import { decide } from '../../../src/judge/checks/table.ts';
import type { CheckEvidence } from '../../../src/judge/checks/check.ts';
import type { DecisionRecord } from '../../../src/domain/records.ts';

const errors: CheckEvidence = {
  check: 'error_rate', effect: 'rollback',
  rate: {
    limit: 0.01, samplesMin: 20, chance: 1e-6, twoLooksMs: 10_000, spreadOut: true,
    windows: [{
      hits: 37, trials: 1_184, windowMs: 60_000, rest: { hits: 25, trials: 900 }, oneInput: 1,
      firstLook: { hits: 30, trials: 1_000, agoMs: 10_000 },
    }],
  },
};
const window = { windowMs: 60_000, samples: 400, effective: 400, counts: [0, 300, 100, 0] };
const shape: CheckEvidence = {
  check: 'shape', effect: 'rollback', samplesMin: 200, inputs: null, inputsMin: 20, chance: 1e-6, twoLooksMs: 10_000,
  unjudged: null, rows: 1_000, psi: 0.25, baseline: { edges: [0, 1, 2], counts: [0, 500, 500, 0] },
  windows: [{ now: window, firstLook: { agoMs: 10_000, window: { ...window, counts: [0, 310, 90, 0] } } }],
};

function explain(inputs: readonly CheckEvidence[], evidence: object = {}): string {
  const failing = inputs.map(decide).filter(({ verdict }) => verdict === 'fail');
  const decision: DecisionRecord = {
    id: 'm-g2-a', model: 'm', version: '2', generation: 2, atMs: 1e12, trigger: failing[0]!.check, action: 'rollback',
    suppressedBy: null, rolledBackTo: '1', reason: failing.map(({ text }) => text).join('; '),
    evidence: {
      format: 'lastgood.evidence/1', suite: 'default', inputs, firstErrorAgoMs: 39_000,
      totals: { requests: 2_000, modelFailures: 37, nonFinite: 0 },
      exposure: {
        failed: {
          bad: 37, requests: 771, before: { bad: 0, requests: 1_229 }, firstAgoMs: 39_000, lastGoodAgoMs: 40_000,
        },
        nonFinite: null, slow: null,
      },
      ...evidence,
    },
  };
  return decisionText(decision, 1e12 + 5_000);
}

test('explain prints counts, interval, limit, chance and the looks of a share, and the exposure', () => {
  const text = explain([errors], { others: [], shielded: 12 });
  // The example of the interval and the chance that everybody can compute by hand.
  assert.match(text, /window 60 s: 37 of 1,184 = 3\.13 % \(95 % Wilson 2\.28 % to 4\.28 %\), limit 1 %/);
  assert.match(text, /chance of so many at the limit: 3e-9 \(needs 1e-6\); in breach since a look 10(\.0)? s before/);
  assert.match(text, /exposure +2,000 requests were answered by this version in this generation/);
  assert.match(text, /37 failed: the first bad request \S+ \S+, the last good one \S+ \S+\n/);
  assert.match(text, /delay 39(\.0)? s, requests answered .* since the first bad one 771\n/);
  assert.match(text, /the same version before: 0 of 1,229 \(0 %\)/);
  assert.match(text, /; 12 were answered by the standby instead\n/);
  assert.match(text, /other models on this host: quiet/);
  const others = [{ model: 'n', checks: ['error_rate', 'p95_latency'] }];
  assert.match(explain([errors], { others, shielded: 0 }), /on this host: n breaches error_rate and p95_latency/);
  assert.match(text, /the stored window gives the same verdict/);
});

test('explain names the most frequent errors, the requests by their ids, and how the version was that came back', () => {
  const failures = {
    failed: 37, nonFinite: 1, read: 30,
    errors: [
      { code: 'MODEL_FAILED', text: 'run model "m" version "N": Gather: idx=N is out of\nbounds', count: 29 },
      { code: 'INTERNAL', text: 'b', count: 1 },
    ],
    requests: [{ id: 'req-7', what: 'failed', agoMs: 39_000 }, { id: 'req-9', what: 'nonFinite', agoMs: 1_000 }],
  };
  const hour = { endedAgoMs: 220_000, windowMs: 3_600_000, requests: 70_310, failed: 4, nonFinite: 0 };
  const lastHours = [{ version: '1', ...hour, timed: 70_000, slow: 7 }];
  const text = explain([errors], { others: [], shielded: 0, failures, lastHours });
  assert.match(text, /top error: MODEL_FAILED \(29 of 30 that were read of 37\) run model .* idx=N is out of bounds\n/);
  assert.match(text, /then: INTERNAL \(1 of 30 that were read of 37\) b\n/);
  assert.match(text, /by their clients' ids: req-7 \(failed, \S+ \S+\), req-9 \(not finite, \S+ \S+\)\n/);
  assert.match(text, new RegExp('version 1, which came back, in its last 1 h, until 3 min 40 s before: ' +
    '4 of 70,310 \\(0.00569 %\\) failed, 0 not finite, 7 of 70,000 \\(0.01 %\\) slower than the limit'));
  assert.match(explain([errors], { others: [], shielded: 0, failures: null, lastHours: [] }),
    /version 1, which came back, was not judged since the engine started/);
});

test('explain draws both histograms of a drift, names the bins behind it, and says what was found out', () => {
  const values = Array.from({ length: 60 }, (_, at) => at);
  const answers = { values, classes: values.map(() => -1) };
  const facts = {
    kind: 'regression', version: '2', standby: '1', active: answers, good: answers, cosines: null,
    usual: { active: null, good: null },
  };
  const shifted = { ...shape, windows: [{ ...shape.windows[0]!, now: { ...window, counts: [0, 390, 10, 0] } }] };
  const first = { ...shifted.windows[0]!, firstLook: { agoMs: 10_000, window: shifted.windows[0]!.now } };
  const text = explain([{ ...shifted, windows: [first] }], { findings: [{ cause: 'drift', facts }] });
  assert.match(text, /shape: PSI [\d.]+ \(without a drift up to [\d.]+ at chance 1e-6, limit [\d.]+\)/);
  assert.match(text, /JS distance 0\.\d+, n = 400, m = 1,000/);
  assert.match(text, /most of it: 1 to 2 \([\d.]+\), 0 to 1/);
  assert.match(text, /0 to 1 +50 % +#{12,13} +97\.5 % +#{24}/);
  assert.match(text, /the data are to blame: versions 1 and 2 disagree on 0 of 60 recent inputs/);
});
