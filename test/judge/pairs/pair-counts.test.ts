import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { OutputKind } from '../../../src/domain/records.ts';
import { PairCounts } from '../../../src/judge/pairs/pair-counts.ts';
import type { PairedAnswer } from '../../../src/judge/pairs/pair-counts.ts';
import { judgePairs } from '../../../src/judge/pairs/pair-verdict.ts';
import { pairsEvidenceSchema } from '../../../src/judge/pairs/pair-schema.ts';
import { seededRandom } from '../fixtures.ts';

const MINUTE_US = 60e6;
const answered = (value: number, classIndex = -1): PairedAnswer => ({ outcome: 'answered', value, classIndex });
const FAILED: PairedAnswer = { outcome: 'failed', value: NaN, classIndex: -1 };
const NON_FINITE: PairedAnswer = { outcome: 'nonFinite', value: NaN, classIndex: -1 };

interface Asked {
  readonly input?: number;
  readonly atUs?: number;
  readonly cosine?: number | null;
  readonly source?: number;
}

class Bench {
  readonly counts: PairCounts;
  #asked = 0;

  constructor(kind: OutputKind = 'classes', sigma: number | null = null) {
    this.counts = new PairCounts({ version: '2', twin: '1', kind, sigma });
  }

  /** A question of its own every second, unless it says otherwise. */
  ask(fresh: PairedAnswer, twin: PairedAnswer, { input, atUs, cosine = null, source = 0 }: Asked = {}): boolean {
    this.#asked += 1;
    const at = atUs ?? this.#asked * 1e6;
    return this.counts.add({ input: input ?? this.#asked, atUs: at, fresh, twin, cosine, source });
  }

  get verdict() {
    return judgePairs(this.counts.facts());
  }
}

suite('PairCounts', () => {
  test('counts what only one of the two does badly, and by the class of the twin', () => {
    const bench = new Bench();
    bench.ask(FAILED, answered(0.9, 1));
    bench.ask(answered(0.9, 1), FAILED);
    bench.ask(FAILED, FAILED);
    bench.ask(NON_FINITE, answered(0.9, 1));
    bench.ask(answered(0.9, 1), answered(0.8, 1));
    bench.ask(answered(0.9, 2), answered(0.8, 1));
    bench.ask(answered(0.9, 2), answered(0.8, 2));
    const { failed, nonFinite, disagreement, classes, pairs } = bench.counts.facts();
    assert.equal(pairs, 7);
    assert.deepEqual(failed, { plus: 1, zero: 5, minus: 1 });
    assert.deepEqual(nonFinite, { plus: 1, zero: 6, minus: 0 });
    assert.deepEqual(disagreement, { hits: 1, pairs: 3 });
    assert.deepEqual(classes, [{ classIndex: 1, hits: 1, pairs: 2 }, { classIndex: 2, hits: 0, pairs: 1 }]);
  });

  test('is not shown by what one source of several asks alone, and is by one that asks alone', () => {
    const standing = (sources: readonly number[], of: (source: number, at: number) => boolean) => {
      const bench = new Bench();
      for (let at = 0; at < 300; at += 1) {
        for (const source of sources) {
          bench.ask(answered(0.9, of(source, at) ? 2 : 1), answered(0.9, 1), { source });
        }
      }
      return judgePairs({ ...bench.counts.facts(), expectation: {
        source: 'declared', change: 0.02, classes: [], otherClasses: 0.25,
      } }).disagrees;
    };
    assert.equal(standing([7, 8], (source) => source === 7)?.oneSource, '00000007');
    assert.match(standing([7, 8], (source) => source === 7)!.text, /without those of source 00000007 it is not shown$/);
    assert.equal(standing([0, 8], (source) => source === 0)?.oneSource, 'unknown');
    assert.equal(standing([7], () => true)?.oneSource, null);
    assert.equal(standing([0], () => true)?.oneSource, null, 'nobody can be told from anybody');
    assert.equal(standing([7, 8, 9], (_, at) => at % 3 === 0)?.oneSource, null, 'all of them show it');
    assert.equal(standing([7, 8], () => false), null);
  });

  test('a question that is asked again in the same ten seconds says no more than once', () => {
    const bench = new Bench();
    const all = Array.from({ length: 600 }, (_, at) =>
      bench.ask(FAILED, answered(1, 0), { input: 7, atUs: at * 1e5 }));
    assert.equal(all.filter(Boolean).length, 6);
    assert.deepEqual(bench.counts.facts().failed, { plus: 6, zero: 0, minus: 0 });
    const unknown = [1, 2].map(() => bench.ask(FAILED, FAILED, { input: 0 }));
    assert.deepEqual(unknown, [true, true], 'inputs that are not known count');
  });

  test('answers disagree by their kind: another side, half a deviation, another direction', () => {
    const of = (kind: OutputKind, sigma: number | null, fresh: number, twin: number, cosine: number | null = null) => {
      const bench = new Bench(kind, sigma);
      bench.ask(answered(fresh), answered(twin), { cosine });
      return bench.counts.facts().disagreement;
    };
    assert.deepEqual(of('score', null, 0.51, 0.49), { hits: 1, pairs: 1 });
    assert.deepEqual(of('score', null, 0.99, 0.51), { hits: 0, pairs: 1 });
    assert.deepEqual(of('regression', 2, 10, 11.1), { hits: 1, pairs: 1 });
    assert.deepEqual(of('regression', 2, 10, 10.9), { hits: 0, pairs: 1 });
    assert.equal(of('regression', null, 10, 99), null);
    assert.equal(of('scalar', 0, 10, 99), null);
    assert.deepEqual(of('vector', null, 1, 1, 0.89), { hits: 1, pairs: 1 });
    assert.equal(of('vector', null, 1, 1), null);
  });

  test('counting begins anew after a day, or 20,000 pairs, so that late damage is not diluted', () => {
    const bench = new Bench();
    for (let at = 0; at < 20_000; at += 1) bench.ask(answered(1, 0), answered(1, 0), { atUs: at * 1e5 });
    assert.equal(bench.counts.facts().block, 0);
    for (let at = 0; at < 8; at += 1) bench.ask(answered(1, 1), answered(1, 0), { atUs: 2e9 + at * 1e5 });
    const { block, pairs, pairsInAll } = bench.counts.facts();
    assert.deepEqual([block, pairs, pairsInAll], [1, 8, 20_008]);
    assert.ok(bench.verdict.disagrees !== null);
    bench.ask(answered(1, 0), answered(1, 0), { atUs: 2e9 + 86_400e6 });
    assert.deepEqual([bench.counts.facts().block, bench.counts.facts().pairs], [2, 1]);
  });
});

suite('judgePairs', () => {
  const pairsUntil = (isSeen: () => boolean, ask: (at: number) => void, most = 20_000): number => {
    for (let at = 1; at <= most; at += 1) {
      ask(at);
      if (isSeen()) return at;
    }
    return Infinity;
  };

  test('permuted labels are told after six pairs, and a version that fails everything is worse after two dozen', () => {
    const permuted = new Bench();
    assert.equal(pairsUntil(() => permuted.verdict.disagrees !== null,
      (at) => permuted.ask(answered(0.9, (at + 1) % 10), answered(0.9, at % 10))), 6);
    assert.equal(permuted.verdict.failed, 'open');
    const failing = new Bench();
    const worse = pairsUntil(
      () => failing.verdict.failed === 'worse', () => failing.ask(FAILED, answered(1, 0)));
    assert.ok(worse <= 24, `${worse}`);
  });

  test('one class that is lost is told though nearly all answers agree', () => {
    const bench = new Bench();
    const seen = pairsUntil(() => bench.verdict.disagrees !== null, (at) => {
      const isRare = at % 50 === 0;
      bench.ask(answered(0.9, 0), answered(0.9, isRare ? 1 : 0));
    });
    assert.ok(seen < 1_000, `${seen}`);
    const { disagrees } = bench.verdict;
    assert.equal(disagrees?.classIndex, 1);
    assert.match(disagrees.text, /questions differently that version 1 answers with class 1/);
  });

  test('what the twin fails as well speaks against nobody, and an equal version is cleared', () => {
    const both = new Bench();
    for (let at = 0; at < 2_000; at += 1) both.ask(FAILED, FAILED);
    assert.equal(both.verdict.failed, 'not worse');
    const equal = new Bench();
    const cleared = pairsUntil(() => equal.verdict.failed === 'not worse',
      () => equal.ask(answered(1, 0), answered(1, 0)));
    // As published with the formulas: to clear an equal version at half a point takes 1,360 pairs.
    assert.ok(cleared > 1_200 && cleared < 1_500, `${cleared}`);
    assert.deepEqual(equal.verdict.agreement?.share, 1);
    assert.match(equal.verdict.text, /questions to versions 2 and 1, they agree on 100 %/);
  });

  test('looked at again and again, a version at the margin is hardly ever blamed, nor for clumps of one input', () => {
    const runs = 300;
    let blamed = 0;
    let blamedInClumps = 0;
    for (let run = 0; run < runs; run += 1) {
      const chance = seededRandom(run + 1);
      const bench = new Bench();
      const clumps = new Bench();
      let isBlamed = false;
      let isBlamedInClumps = false;
      for (let at = 1; at <= 1_500; at += 1) {
        const isBad = chance() < 0.005;
        bench.ask(isBad ? FAILED : answered(1, 0), answered(1, 0));
        isBlamed ||= at % 10 === 0 && bench.verdict.failed === 'worse';
        // The same odds by blocks: one client that sends one bad input forty times in a slot, or none.
        for (let repeat = 0; repeat < (isBad ? 40 : 1); repeat += 1) {
          clumps.ask(isBad ? FAILED : answered(1, 0), answered(1, 0), { input: at, atUs: at * 1e6 });
        }
        isBlamedInClumps ||= at % 10 === 0 && clumps.verdict.failed === 'worse';
      }
      blamed += Number(isBlamed);
      blamedInClumps += Number(isBlamedInClumps);
    }
    assert.ok(blamed <= 2 && blamedInClumps <= 2, `${blamed} and ${blamedInClumps} of ${runs}`);
  });

  test('stored counts give the same verdict again', () => {
    const bench = new Bench();
    for (let at = 0; at < 50; at += 1) bench.ask(answered(0.9, 3), answered(0.9, 4), { atUs: at * MINUTE_US });
    const facts = bench.counts.facts();
    const stored = JSON.parse(JSON.stringify({ format: 'lastgood.pairs/1', pairs: facts })) as unknown;
    assert.deepEqual(judgePairs(pairsEvidenceSchema.parse(stored).pairs), judgePairs(facts));
  });
});
