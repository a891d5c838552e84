import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../../src/base/package-root.ts';
import {
  lnDiscordant, lnNotWorse, lnOver, lnUnder, lnWorse, shareInterval,
} from '../../../src/judge/pairs/e-processes.ts';

type Row = Readonly<Record<string, number>>;
interface PairedVectors {
  readonly tolerance: number;
  readonly ln_worse: readonly Row[];
  readonly ln_over: readonly Row[];
  readonly ln_discordant: readonly Row[];
  readonly cs_share: readonly Row[];
  readonly sequence: {
    readonly D: readonly number[]; readonly delta: number;
    readonly ln_worse: readonly number[]; readonly ln_not_worse: readonly number[];
  };
}
const vectors = JSON.parse(
  readFileSync(join(packageRoot(), 'test', 'judge', 'pairs', 'paired-vectors.json'), 'utf8')) as PairedVectors;

function assertNear(got: number, wanted: number | undefined, about: unknown, tolerance = vectors.tolerance): void {
  assert.ok(wanted !== undefined && Math.abs(got - wanted) <= tolerance,
    `${got}; wanted ${wanted} for ${JSON.stringify(about)}`);
}

test('the bets on differences, shares and discordant pairs give the published numbers', () => {
  for (const row of vectors.ln_worse) {
    const counts = { plus: row['plus']!, zero: row['zero']!, minus: row['minus']! };
    assertNear(lnWorse(counts, row['delta']!), row['value'], row);
    assertNear(lnNotWorse(counts, row['delta']!), row['opposite'], row);
  }
  for (const row of vectors.ln_over) {
    assertNear(lnOver(row['k']!, row['n']!, row['limit']!), row['over'], row);
    assertNear(lnUnder(row['k']!, row['n']!, row['limit']!), row['under'], row);
  }
  for (const row of vectors.ln_discordant) assertNear(lnDiscordant(row['k']!, row['n']!), row['value'], row);
  for (const row of vectors.cs_share) {
    const { low, high } = shareInterval(row['k']!, row['n']!, row['alpha']!);
    assertNear(low, row['low'], row);
    assertNear(high, row['high'], row);
  }
});

test('counts that grow pair by pair give the published numbers after each', () => {
  const { D, delta, ln_worse: worse, ln_not_worse: notWorse } = vectors.sequence;
  const counts = { plus: 0, zero: 0, minus: 0 };
  D.forEach((difference, at) => {
    counts[difference > 0 ? 'plus' : difference < 0 ? 'minus' : 'zero'] += 1;
    assertNear(lnWorse(counts, delta), worse[at], { at });
    assertNear(lnNotWorse(counts, delta), notWorse[at], { at });
  });
});

test('no bet wins on average while its hypothesis is true', () => {
  // All outcomes of a few pairs, each with its probability.
  const mean = (pairs: number, law: readonly number[], value: (counts: readonly number[]) => number): number => {
    const after = (counts: readonly number[], kind: number): number[] => counts.map((n, i) => n + Number(i === kind));
    const at = (left: number, counts: readonly number[], probability: number): number => left === 0
      ? probability * Math.exp(value(counts))
      : law.reduce((sum, p, kind) => sum + at(left - 1, after(counts, kind), probability * p), 0);
    return at(pairs, law.map(() => 0), 1);
  };
  const differences = (counts: readonly number[]) => ({ plus: counts[0]!, zero: counts[1]!, minus: counts[2]! });
  assertNear(mean(7, [0.1, 0.85, 0.05], (counts) => lnWorse(differences(counts), 0.05)), 1, 'worse', 1e-9);
  assertNear(mean(7, [0.1, 0.85, 0.05], (counts) => lnNotWorse(differences(counts), 0.05)), 1, 'not worse', 1e-9);
  assertNear(mean(9, [0.1, 0.9], ([k]) => lnOver(k!, 9, 0.1)), 1, 'over', 1e-9);
  assertNear(mean(9, [0.1, 0.9], ([k]) => lnUnder(k!, 9, 0.1)), 1, 'under', 1e-9);
  assertNear(mean(9, [0.5, 0.5], ([k]) => lnDiscordant(k!, 9)), 1, 'discordant', 1e-9);
});

test('enormous counts give numbers, and no stake is lost on what was not seen', () => {
  const many = { plus: 0, zero: 5e8, minus: 0 };
  for (const value of [lnWorse(many, 0), lnNotWorse(many, 0.005), lnOver(0, 1e9, 1e-3), lnUnder(0, 1e9, 1e-3)]) {
    assert.ok(Number.isFinite(value), `${value}`);
  }
  assert.equal(lnWorse({ plus: 0, zero: 0, minus: 0 }, 0.1), 0);
  assert.deepEqual(shareInterval(0, 0, 0.05), { low: 0, high: 1 });
});
