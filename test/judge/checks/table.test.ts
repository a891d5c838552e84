import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CHECKS, CHECKS_IN_ORDER } from '../../../src/judge/checks/table.ts';
import { CHECK_NAMES } from '../../../src/options/judge-options.ts';
import { judgeOptions } from '../fixtures.ts';
import { SuiteRun } from './suite-fixtures.ts';

describe('The table of checks', () => {
  test('has the checks of the options, in their order, each under the name that it gives itself', () => {
    assert.deepEqual(Object.keys(CHECKS), CHECK_NAMES);
    assert.deepEqual(CHECKS_IN_ORDER.map(({ name }) => name), CHECK_NAMES);
  });

  test('has a title of its own for each, and nobody who asks for nothing', () => {
    assert.equal(new Set(CHECKS_IN_ORDER.map(({ title }) => title)).size, CHECK_NAMES.length);
    const options = judgeOptions({ mode: 'default' });
    for (const { name, samplesMin, detectionLimit } of CHECKS_IN_ORDER) {
      assert.ok(samplesMin(options) >= 0, name);
      assert.notEqual(detectionLimit({ options, samples: 1_000, baseline: null, reference: null }).text, '', name);
    }
  });

  test('leaves out of a look what does not concern the answers, and without a baseline says why of the rest', () => {
    const checks = new SuiteRun().feed(5, 10, () => ({ value: 1 })).last!.checks;
    const left = CHECK_NAMES.filter((name) => !checks.some(({ check }) => check === name));
    assert.deepEqual(left, ['class_mix', 'confidence', 'projections']);
    for (const { check, verdict, text } of checks) {
      if (CHECKS[check].counts !== 'requests') assert.match(`${verdict}: ${text}`, /^inconclusive: .* no baseline/);
    }
  });
});
