import assert from 'node:assert/strict';
import { test } from 'node:test';
import { priceOf } from '../../src/judge/price.ts';
import { judgeOptions } from './fixtures.ts';

test('priceOf says the budget and the smallest fault that each check can see at this traffic', () => {
  const [budget, errors, slow, nonFinite, shape] = priceOf(judgeOptions({ mode: 'default' }), 2);
  assert.match(budget!, /^chance may explain a breach with 0\.000001 per look .* \(86400 looks a day/);
  // 600 requests: the exact table's smallest count at 5 % and 1e-6 is between those of 500 (52) and of 1,000 (87).
  const share = Number(/^error rate: ([\d.]+) % and more is seen \(limit 5 %\) in 300 s of 2\/s$/.exec(errors!)?.[1]);
  assert.ok(share > 8.7 && share < 10.4, errors);
  assert.match(slow!, /^requests over 500 ms: /);
  assert.match(nonFinite!, /^non-finite answers: 1\.\d+ % and more/);
  assert.equal(shape, 'shape of the answers: 200 predictions are needed, 100 s of 2/s');
});

test('priceOf says where there is too little traffic, and nothing of checks that are off or of compat', () => {
  assert.match(priceOf(judgeOptions({ mode: 'default' }), 0.05)[1]!, /^error rate: nothing \(15 of 20 requests\)/);
  const { checks } = judgeOptions();
  const off = judgeOptions({ mode: 'default', checks: { ...checks, error_rate: { mode: 'off' } } });
  assert.ok(priceOf(off, 2).every((line) => !line.startsWith('error rate')));
  assert.deepEqual(priceOf(judgeOptions({ mode: 'compat' }), 2), []);
});
