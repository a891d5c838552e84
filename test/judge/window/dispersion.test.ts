// How much a window of dependent answers overstates what is known, on made streams whose true factor is known.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dispersionOf } from '../../../src/judge/window/dispersion.ts';
import type { ColumnGroup } from '../../../src/judge/window/dispersion.ts';
import { seededRandom } from '../fixtures.ts';

const BINS = 10;
const ORDERED: ColumnGroup = { from: 0, length: BINS, isOrdered: true };
const CLASSES: ColumnGroup = { from: 0, length: BINS, isOrdered: false };
const UNKNOWN = 8;
const SLOTS = 120;
/** Between two blocks of every size. */
const MOVED_AT = 64;

/** Slots of `answers` each; `binOf` is asked for each answer with its number in the whole stream. */
function slotsOf(count: number, answers: number, binOf: (answer: number, slot: number) => number): Float64Array[] {
  let answer = 0;
  return Array.from({ length: count }, (_, slot) => {
    const bins = new Float64Array(BINS);
    for (let at = 0; at < answers; at += 1) bins[binOf(answer++, slot)]! += 1;
    return bins;
  });
}

/** Clumps of `size` like answers, one after the other. */
function clumps(size: number, seed: number): (answer: number) => number {
  const random = seededRandom(seed);
  let bin = 0;
  return (answer) => (answer % size === 0 ? (bin = Math.floor(random() * BINS)) : bin);
}

const none: readonly (readonly Float64Array[])[] = [];
const SEEDS = [1, 2, 3, 4, 5];

describe('dispersionOf', () => {
  test('proves nothing of independent answers, and leaves little possible', () => {
    for (const seed of SEEDS) {
      for (const group of [ORDERED, CLASSES]) {
        const own = [slotsOf(SLOTS, 50, clumps(1, seed))];
        const { possible, proven } = dispersionOf({ own, before: none }, [group]);
        assert.equal(proven, 1);
        assert.ok(possible >= 1 && possible < 2.5, `${possible} of 1`);
      }
    }
  });

  test('proves clumps of like answers that end within a slot', () => {
    for (const seed of SEEDS) {
      for (const group of [ORDERED, CLASSES]) {
        const { possible, proven } = dispersionOf(
          { own: [slotsOf(SLOTS, 50, clumps(10, seed))], before: none }, [group]);
        assert.ok(proven > 5 && proven < 50, `${proven} of 10`);
        assert.ok(possible >= proven);
      }
    }
  });

  test('sees clumps that share no bin and lie on one side, where bins have an order', () => {
    for (const seed of SEEDS) {
      const random = seededRandom(seed);
      const side = clumps(20, seed);
      const slots = slotsOf(SLOTS, 60, (answer) => (side(answer) < 5 ? 0 : 5) + Math.floor(random() * 5));
      const provenOf = (group: ColumnGroup): number => dispersionOf({ own: [slots], before: none }, [group]).proven;
      assert.ok(provenOf(ORDERED) > 2 * provenOf(CLASSES));
    }
  });

  test('sees clumps that are longer than a slot in the blocks that hold whole ones', () => {
    for (const seed of SEEDS) {
      // A clump fills four slots: slot by slot it looks like forty, it is one hundred and sixty.
      const own = [slotsOf(SLOTS, 40, clumps(160, seed))];
      assert.ok(dispersionOf({ own, before: none }, [ORDERED]).proven > 80);
    }
  });

  test('takes a lasting change for what it is, however large, and not for a clump', () => {
    for (const seed of SEEDS) {
      const random = seededRandom(seed);
      const moved = slotsOf(SLOTS, 50, (_, slot) => Math.floor(random() * 5) + (slot < MOVED_AT ? 5 : 0));
      const { possible, proven } = dispersionOf({ own: [moved], before: none }, [ORDERED, CLASSES]);
      assert.equal(proven, 1);
      assert.ok(possible < 2.5, `${possible} of 1`);
    }
  });

  test('assumes the worst that is usual while there are too few blocks', () => {
    const few = slotsOf(3, 50, clumps(1, 1));
    assert.deepEqual(dispersionOf({ own: [few], before: none }, [ORDERED]), { possible: UNKNOWN, proven: 1 });
    const empty = [...few, ...slotsOf(20, 0, () => 0)];
    assert.deepEqual(dispersionOf({ own: [empty], before: none }, [ORDERED]), { possible: UNKNOWN, proven: 1 });
    assert.deepEqual(dispersionOf({ own: none, before: none }, [ORDERED]), { possible: UNKNOWN, proven: 1 });
  });

  test('few blocks of independent answers leave more possible than many', () => {
    const possibleOf = (slots: number): number =>
      dispersionOf({ own: [slotsOf(slots, 50, clumps(1, 1))], before: none }, [ORDERED]).possible;
    assert.ok(possibleOf(5) > 1.5 * possibleOf(SLOTS));
  });

  test('what lay before the window counts as much as what is in it', () => {
    const quiet = slotsOf(SLOTS, 50, clumps(1, 1));
    const clumped = slotsOf(SLOTS, 50, clumps(10, 1));
    const { possible, proven } = dispersionOf({ own: [quiet], before: [clumped] }, [ORDERED]);
    assert.ok(proven > 5);
    assert.equal(possible, proven);
  });

  test('says nothing by events that hardly ever or nearly always happen', () => {
    // Nine answers of another bin in one clump: below the ten from which an event counts.
    const rare = slotsOf(SLOTS, 50, (answer) => (answer >= 1_000 && answer < 1_009 ? 7 : 2));
    assert.deepEqual(dispersionOf({ own: [rare], before: none }, [ORDERED, CLASSES]), { possible: 1, proven: 1 });
    const enough = slotsOf(SLOTS, 50, (answer) => (answer >= 1_000 && answer < 1_030 ? 7 : 2));
    assert.ok(dispersionOf({ own: [enough], before: none }, [CLASSES]).proven > 5);
  });
});
