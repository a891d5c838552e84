// The texts for people that are made from records: explanations of decisions, and the request of the greeting.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decisionText, inUnit } from '../../../src/cli/views/explain-view.ts';
import { exampleBody } from '../../../src/cli/views/greeting.ts';
import { judgeOf } from '../../../src/judge/checks/suite.ts';
import type { GenerationTotals } from '../../../src/judge/types/messages.ts';
import { verdictOf } from '../../../src/judge/verdict/verdict.ts';
import { resolveOptions } from '../../../src/options/options.ts';
import { emptySample, Outcome } from '../../../src/shared-memory/sample-ring.ts';
import type { DecisionRecord, GoldenCase, TensorSignature } from '../../../src/domain/records.ts';

const totals: GenerationTotals = {
  requests: 40, ok: 10, clientFaults: 0, modelFailures: 30, nonFinite: 0, nonFiniteInputs: 0,
  deadlines: 0, predictions: 10, lapped: 0,
};

function judged(mode: 'compat' | 'default' = 'compat'): DecisionRecord {
  const judge = judgeOf({ ...resolveOptions({}).judge, mode }, null);
  for (let request = 0; request < 40; request += 1) {
    const outcome = request < 10 ? Outcome.ok : Outcome.modelFailure;
    judge.add({ ...emptySample(), outcome, latencyUs: 2_000, atUs: request * 1e5, value: 1, input: request + 1 });
  }
  const verdict = verdictOf({
    model: 'm', version: '2', generation: 7, look: 3, atUs: 6e6, phase: 'probation', totals,
    judged: judge.look(6e6, 'probation', null), lateSamples: 0, failingSince: { look: 1, atUs: 4e6 },
    firstUs: 0, firstErrorUs: 1e6, exposure: null,
  });
  assert.ok(verdict);
  return {
    id: 'm-g7-x', model: 'm', version: '2', generation: 7, atMs: 0, trigger: verdict.trigger, action: 'rollback',
    suppressedBy: null, rolledBackTo: '1', reason: verdict.reason, evidence: verdict.evidence,
  };
}

describe('decisionText', () => {
  test('tells trigger, reason, deed, what was not wrong, and every check with value, limit and samples', () => {
    const text = decisionText(judged(), 90_000);
    for (const part of [
      /trigger +error rate\n/,
      /why +error rate 75 % is over the limit of 5 % \(30 of 40 requests failed\)\n/,
      /done +rolled back to 1; 2 was put into quarantine first/,
      /not wrong +p95 latency 2 ms is within the limit of 500 ms/,
      /not known +mean drift is not judged: the version has no baseline/,
      /failing +for 2 s/,
      /first error +5 s before/,
      /1 min 30 s ago/,
      /the stored window gives the same verdict/,
      /error rate +fail +75 % +5 % +40 +20/,
      /p95 latency +pass +2 ms +500 ms +40 +20/,
    ]) assert.match(text, part);
  });

  test('writes each check in its own unit', () => {
    const text = decisionText(judged('default'), 0);
    for (const part of [
      /hard failure +fail +\S+ % +50 %/, /non-finite answers +\S+ +\S+ % +0\.1 %/, /p95 latency .* 500 ms/,
      /constant answers +\S+ +\d+ in a row +50 in a row/, /mean drift +inconclusive +- +2 sd/,
      /shape +inconclusive +- +PSI 0\.25/, /spread +inconclusive +- +2 times/,
      /repeated answers +inconclusive +- +5 %/,
    ]) assert.match(text, part);
    assert.deepEqual([inUnit('class_mix', 0.1), inUnit('confidence', 0.5), inUnit('projections', 0.25)],
      ['10 %', '0.5 sd', 'PSI 0.25']);
  });

  test('does not count among what was not wrong a check that is over its limit and held back', () => {
    const text = decisionText(judged('default'), 0);
    assert.match(text, /over its limit +30 of 40 requests failed .* over the limit of 5 %, but only in one burst/);
    assert.doesNotMatch(text, /not wrong[^]*30 of 40[^]*over its limit/);
    assert.match(text, /error rate +over +75 %/);
  });

  test('says so when the stored window does not give the stored verdict', () => {
    const text = decisionText({ ...judged(), trigger: 'p95_latency' }, 0);
    assert.match(text, /the stored window gives another verdict: error rate 75 %/);
  });

  test('tells why nothing was done', () => {
    const suppressed = { ...judged(), action: 'suppressed', rolledBackTo: null } as const;
    assert.match(decisionText({ ...suppressed, suppressedBy: 'cooldown' }, 0), /done +nothing: .*cooldown/);
    assert.match(decisionText({ ...suppressed, suppressedBy: 'pinned' }, 0), /done +nothing: .*lastgood unpin m/);
    assert.match(decisionText({ ...suppressed, suppressedBy: 'observe' }, 0), /done +nothing: .*judge watched only/);
    assert.match(decisionText({ ...suppressed, action: 'no_target' }, 0), /done +nothing: no other healthy version/);
  });

  test('names the operator of a decision without a verdict', () => {
    const evidence = { by: 'cli:ann', health: null };
    const decision = { ...judged(), trigger: 'operator', reason: 'wrong', evidence } as const;
    assert.match(decisionText(decision, 0), /trigger +an operator \(cli:ann\)\nwhy +wrong\n/);
  });
});

describe('exampleBody', () => {
  const body = (inputs: TensorSignature[], cases?: GoldenCase[]): string | null =>
    exampleBody({ signature: { inputs, outputs: [] } }, cases === undefined ? null : { rtol: 0, atol: 0, cases });
  const input = (name: string, shape: number[], datatype: TensorSignature['datatype'] = 'FP32'): TensorSignature =>
    ({ name, datatype, shape });

  test('takes the first golden row, rounded to five digits', () => {
    const cases = [{ inputs: { x: { shape: [2, 3], data: [1.23456789, -2, 1e-9, 4, 5, 6] } }, outputs: {} }];
    assert.equal(body([input('x', [-1, 3])], cases), '{"features":[1.2346,-2,1e-9]}');
  });

  test('sends zeros without golden rows, by name when there are several inputs', () => {
    assert.equal(body([input('x', [-1, 2])]), '{"features":[0,0]}');
    const two = body([input('a', [-1, 1]), input('b', [-1, 2], 'INT64')]);
    assert.equal(two, '{"features":{"a":[0],"b":[0,0]}}');
  });

  test('is null for rows that are long, open, or no numbers', () => {
    for (const signature of [input('x', [-1, 65]), input('x', [-1, -1]), input('x', [-1, 1], 'BYTES')]) {
      assert.equal(body([signature]), null);
    }
  });
});
