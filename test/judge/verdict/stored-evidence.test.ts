// Decisions stay explainable: evidence that an earlier build stored gives the same verdicts, values and sentences.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../../src/base/package-root.ts';
import type { CheckEvidence } from '../../../src/judge/checks/check.ts';
import { checkVerdict, decide } from '../../../src/judge/checks/table.ts';
import type { CheckResult } from '../../../src/judge/types/messages.ts';
import type { Recomputed } from '../../../src/judge/verdict/recompute.ts';
import { recompute } from '../../../src/judge/verdict/recompute.ts';

interface StoredEvidence {
  /** One of each kind of result that each check has. */
  readonly checks: readonly { readonly evidence: CheckEvidence; readonly result: CheckResult }[];
  /** Whole records, healthy and failing ones, of both suites and with findings. */
  readonly records: readonly {
    readonly name: string; readonly evidence: Readonly<Record<string, unknown>>; readonly recomputed: Recomputed;
  }[];
}
const path = join(packageRoot(), 'test', 'judge', 'vectors', 'stored_evidence.json');
const { checks, records } = JSON.parse(readFileSync(path, 'utf8')) as StoredEvidence;

describe('Evidence that build 2fd54f4 stored', () => {
  test('covers every check of that build, passing, failing and undecided', () => {
    const names = [...new Set(checks.map(({ result }) => result.check))];
    assert.equal(names.length, 13);
    for (const name of names) {
      const verdicts = checks.filter(({ result }) => result.check === name).map(({ result }) => result.verdict);
      assert.deepEqual([...new Set(verdicts)].sort(), ['fail', 'inconclusive', 'pass'], name);
    }
  });

  test('gives each check the same result', () => {
    for (const { evidence, result } of checks) {
      assert.deepEqual(decide(evidence), result);
      assert.equal(checkVerdict(evidence), result.verdict);
    }
  });

  for (const { name, evidence, recomputed } of records) {
    test(`gives the same verdict: ${name}`, () => assert.deepEqual(recompute(evidence), recomputed));
  }
});
