// How dependent the answers of a window are: clumps of like answers make a window say less than as many independent
// ones would. Pure. Batch means: if answers were independent, the share of any event would differ between blocks of
// neighbouring slots as chance says; by what factor it varies more is by what factor the window's number overstates
// what is known. The events are "at most this bin" for ordered columns and "this class" for others: clumps along one of
// them are what carries a whole histogram away, however alike the blocks are in every other respect.
import { chiSquareQuantile, chiSquareSurvival } from '../statistics/gamma.ts';
import type { Columns } from '../baseline/columns.ts';

export interface ColumnGroup extends Columns {
  /** Bins of a number, or else classes. */
  readonly isOrdered: boolean;
}

/** With fewer blocks nothing can be said of their differences. */
const BLOCKS_MIN = 4;
/** An event or its opposite that is rarer than this says nothing either. */
const EVENTS_MIN = 10;
/** A larger factor in larger blocks counts when chance explains it no better than this. */
const CHANCE = 1e-3;
/** How likely the true factor is larger than the one that few blocks are taken to allow. */
const UNDERRATED = 0.05;
/** What is assumed while no window has blocks enough. */
const UNKNOWN = 8;

/** What one window says of the factor. */
interface Estimate {
  /** The largest that its slots do not rule out; Infinity when there are too few of them. */
  readonly atMost: number;
  /** The largest that larger blocks of them prove; 1 when they prove none. */
  readonly atLeast: number;
}

/** What is known of a window's dependence, each as lists of slots, newest first. */
interface DispersionSlots {
  /** The window's own slots and those of the shorter windows. */
  readonly own: readonly (readonly Float64Array[])[];
  /** What lies well before the window: what it is full of cannot explain itself. */
  readonly before: readonly (readonly Float64Array[])[];
}

/** The factors by which a window overstates what is known. */
export interface Dispersion {
  /** The largest that one list of slots proves, and no less than the best of them leaves possible. */
  readonly possible: number;
  /** The largest that one list of slots proves. */
  readonly proven: number;
}

/**
 * How much a window overstates. A clump that is longer than a slot only shows in blocks that hold whole ones, so
 * blocks of one slot, two, four, … are looked at.
 */
export function dispersionOf({ own, before }: DispersionSlots, groups: readonly ColumnGroup[]): Dispersion {
  const estimates = [...own, ...before].map((slots) => estimateOf(slots, groups));
  const atMost = Math.min(UNKNOWN, ...estimates.map((estimate) => estimate.atMost));
  const proven = Math.max(1, ...estimates.map((estimate) => estimate.atLeast));
  return { possible: Math.max(atMost, proven), proven };
}

function estimateOf(slots: readonly Float64Array[], groups: readonly ColumnGroup[]): Estimate {
  let atMost = 1;
  let atLeast = 1;
  for (const group of groups) {
    if (group.length < 2) continue;
    for (let size = 1; size === 1 || slots.length >= size * BLOCKS_MIN; size *= 2) {
      const blocks = blocksOf(slots, group, size);
      if (blocks.length < BLOCKS_MIN) {
        if (size === 1) return { atMost: Infinity, atLeast };
        break;
      }
      // Two shares are fitted, one for each side of the moment.
      const degrees = blocks.length - 2;
      const statistic = largestStatistic(blocks, group.length);
      if (size === 1) atMost = Math.max(atMost, statistic / leastOf(degrees));
      if (chiSquareSurvival(statistic, degrees) < CHANCE) atLeast = Math.max(atLeast, statistic / degrees);
    }
  }
  return { atMost, atLeast };
}

const least: number[] = [];

/** The chi-square that chance falls short of as seldom as a factor may be underrated. */
function leastOf(degrees: number): number {
  return (least[degrees] ??= chiSquareQuantile(1 - UNDERRATED, degrees));
}

/** Per block with answers: events per column (running sums where the group is ordered), and behind them all of them. */
function blocksOf(
  slots: readonly Float64Array[], { from, length, isOrdered }: ColumnGroup, size: number,
): Float64Array[] {
  const blocks: Float64Array[] = [];
  // Whole blocks only: a shorter last one would weigh the oldest answers differently.
  for (let first = 0; first + size <= slots.length; first += size) {
    const block = new Float64Array(length + 1);
    for (let at = first; at < first + size; at += 1) {
      const slot = slots[at]!;
      for (let column = 0; column < length; column += 1) block[column]! += slot[from + column]!;
    }
    let all = 0;
    for (let column = 0; column < length; column += 1) {
      all += block[column]!;
      if (isOrdered) block[column] = all;
    }
    block[length] = all;
    if (all > 0) blocks.push(block);
  }
  return blocks;
}

/** The chi-square statistic of equal shares before and after one moment, of the event for which it is largest. */
function largestStatistic(blocks: readonly Float64Array[], length: number): number {
  let trials = 0;
  for (const block of blocks) trials += block[length]!;
  let largest = 0;
  for (let column = 0; column < length; column += 1) {
    let events = 0;
    let squares = 0;
    for (const block of blocks) {
      events += block[column]!;
      squares += block[column]! ** 2 / block[length]!;
    }
    if (events < EVENTS_MIN || trials - events < EVENTS_MIN) continue;
    let least = statisticOf(events, trials, squares);
    const side = { events: 0, trials: 0, squares: 0 };
    for (let at = 0; at < blocks.length - 1 && least > largest; at += 1) {
      const block = blocks[at]!;
      side.events += block[column]!;
      side.trials += block[length]!;
      side.squares += block[column]! ** 2 / block[length]!;
      least = Math.min(least, statisticOf(side.events, side.trials, side.squares) +
        statisticOf(events - side.events, trials - side.trials, squares - side.squares));
    }
    largest = Math.max(largest, least);
  }
  return largest;
}

/** Σ (events - trials p)² / (trials p (1 - p)) of blocks, by the sum of their events² / trials. */
function statisticOf(events: number, trials: number, squares: number): number {
  const share = events / trials;
  return events <= 0 || events >= trials ? 0 : Math.max(0, squares - events * share) / (share * (1 - share));
}

/** Remembers what each window overstates while a slot is open: it moves slowly and costs a walk through all slots. */
export class KnownDispersion {
  #slot = NaN;
  readonly #values = new Map<number, Dispersion>();

  of(slot: number, window: number, compute: () => Dispersion): Dispersion {
    if (slot !== this.#slot) {
      this.#values.clear();
      this.#slot = slot;
    }
    let value = this.#values.get(window);
    if (value === undefined) this.#values.set(window, (value = compute()));
    return value;
  }

  forget(): void {
    this.#slot = NaN;
  }
}
