// How often the tests on pairs err when somebody looks after every pair and stops at the first sign, and when failures
// come in whole blocks of one client: simulated with fixed seeds, at the margin, where errors are likeliest.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { lnDiscordant, lnNotWorse, lnOver, lnUnder, lnWorse } from '../../../src/judge/pairs/e-processes.ts';
import { PairCounts } from '../../../src/judge/pairs/pair-counts.ts';
import type { PairedAnswer } from '../../../src/judge/pairs/pair-counts.ts';
import { randomOf } from '../../shared-memory/seeded.ts';

const ALPHA = 0.05;
const NEEDED = Math.log(1 / ALPHA);
const RUNS = 400;
const LOOK_PAIRS = 10;
type Random = () => number;

/** The share of runs in which a test ever crosses its limit, looked at all the time up to so many pairs. */
function everCrosses(pairs: number, begin: (random: Random) => { next: () => void; ln: () => number }): number {
  let crossed = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const { next, ln } = begin(randomOf(1_000 + run));
    for (let pair = 1; pair <= pairs; pair += 1) {
      next();
      if (pair % LOOK_PAIRS !== 0 || ln() < NEEDED) continue;
      crossed += 1;
      break;
    }
  }
  return crossed / RUNS;
}

/** Differences with this mean, both signs in them. */
const differences = (mean: number, ln: typeof lnWorse, margin: number) => (random: Random) => {
  const counts = { plus: 0, zero: 0, minus: 0 };
  const minus = 0.02;
  return {
    next: () => {
      const chance = random();
      counts[chance < minus ? 'minus' : chance < 2 * minus + mean ? 'plus' : 'zero'] += 1;
    },
    ln: () => ln(counts, margin),
  };
};
const hits = (share: number, ln: (hits: number, pairs: number) => number) => (random: Random) => {
  let [hit, pairs] = [0, 0];
  return {
    next: () => {
      pairs += 1;
      if (random() < share) hit += 1;
    },
    ln: () => ln(hit, pairs),
  };
};

suite('tests on pairs that are looked at all the time and stopped at the first sign', () => {
  test('err in no more runs than they say, exactly at their margins', () => {
    const rates = {
      worse: everCrosses(2_000, differences(0.05, lnWorse, 0.05)),
      notWorse: everCrosses(2_000, differences(0.05, lnNotWorse, 0.05)),
      over: everCrosses(2_000, hits(0.1, (hit, pairs) => lnOver(hit, pairs, 0.1))),
      under: everCrosses(2_000, hits(0.1, (hit, pairs) => lnUnder(hit, pairs, 0.1))),
      discordant: everCrosses(300, hits(0.5, lnDiscordant)),
    };
    for (const [name, rate] of Object.entries(rates)) assert.ok(rate <= ALPHA, `${name}: ${rate}`);
    assert.ok(Object.values(rates).some((rate) => rate > 0), 'they are no tests that never cross');
  });

  test('find what is beyond the margin, where a test of one look would be fooled by looking', () => {
    assert.ok(everCrosses(2_000, differences(0.15, lnWorse, 0.05)) > 0.99);
    assert.ok(everCrosses(2_000, hits(0.2, (hit, pairs) => lnOver(hit, pairs, 0.1))) > 0.99);
    const z = (hit: number, pairs: number): number =>
      ((hit - pairs * 0.1) / Math.sqrt(pairs * 0.09) > 1.645 ? Infinity : -Infinity);
    assert.ok(everCrosses(2_000, hits(0.1, z)) > 2 * ALPHA, 'a z-test at 5 % that is peeked at');
  });
});

suite('failures in whole blocks of one client', () => {
  const ANSWERED: PairedAnswer = { outcome: 'answered', value: 0.5, classIndex: -1 };
  const FAILED: PairedAnswer = { outcome: 'failed', value: NaN, classIndex: -1 };
  const about = { version: '2', twin: '1', kind: 'score', sigma: 0.3 } as const;
  const BLOCKS = 40;
  const MARGIN = 0.05;

  /** Blocks of 50 requests in ten seconds; in a twentieth of them the new version fails whatever is asked. */
  const blocks = (inputOf: (block: number, at: number) => number) => (random: Random) => {
    const counts = new PairCounts(about);
    let block = 0;
    return {
      next: () => {
        const fresh = random() < MARGIN ? FAILED : ANSWERED;
        for (let at = 0; at < 50; at += 1) {
          counts.add({ input: inputOf(block, at), atUs: block * 10e6, fresh, twin: ANSWERED, cosine: null });
        }
        block += 1;
      },
      ln: () => lnWorse(counts.facts().failed, MARGIN),
    };
  };

  test('err no more often than said where a question counts once in a slot, and often where every request does', () => {
    const once = everCrosses(BLOCKS, blocks((block) => block + 1));
    const every = everCrosses(BLOCKS, blocks(() => 0));
    assert.ok(once <= ALPHA, `one pair for a question and slot: ${once}`);
    assert.ok(every > 2 * ALPHA, `every request: ${every}`);
  });
});
