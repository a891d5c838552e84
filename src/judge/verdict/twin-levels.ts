// How the twin itself answers to the questions of pairs, counted by the bins and the classes of its own baseline. Pure;
// fixed memory. Where even the version that is known to be right does not answer as usual, the questions are no usual
// ones, and what they show of the other version holds for nobody who asks as ever.
import type { Reference } from '../baseline/reference.ts';
import { classSlotOf } from '../baseline/reference.ts';
import { binOf } from '../statistics/bins.ts';
import { scoreEntropy } from '../statistics/distribution.ts';
import type { AnswerView } from '../pairs/paired-change.ts';
import type { TwinLevelFacts } from '../pairs/pair-schema.ts';

/** Different questions that are told apart; further ones count as known. */
const INPUTS_MAX = 4_096;

/** From where on a level is no usual one: the largest change of a class's share, and population stability. */
export interface LevelLimits {
  readonly share: number;
  readonly psi: number;
}

interface Level {
  readonly of: TwinLevelFacts['levels'][number]['of'];
  readonly limit: number;
  readonly baseline: readonly number[];
  readonly counts: number[];
  /** The counter of an answer; null when it has none. */
  readonly slot: (answer: AnswerView) => number | null;
}

export class TwinLevels {
  readonly #levels: readonly Level[];
  readonly #inputs = new Set<number>();
  /** Questions without a hash: each counts as another one. */
  #unhashed = 0;

  /** `reference`: of the twin; without one no level is known. */
  constructor(reference: Reference | null, limits: LevelLimits) {
    this.#levels = reference === null ? [] : levelsOf(reference, limits);
  }

  add(input: number, twin: AnswerView): void {
    if (input === 0) this.#unhashed += 1;
    else if (this.#inputs.size < INPUTS_MAX) this.#inputs.add(input);
    for (const { slot, counts } of this.#levels) {
      const at = slot(twin);
      if (at !== null) counts[at]! += 1;
    }
  }

  facts(): TwinLevelFacts {
    return {
      inputs: this.#inputs.size + this.#unhashed,
      levels: this.#levels.map(({ of, limit, baseline, counts }) =>
        ({ of, limit, baseline: [...baseline], counts: [...counts] })),
    };
  }
}

function levelsOf(reference: Reference, { share, psi }: LevelLimits): Level[] {
  const { kind, bins, entropy, classes, projections } = reference;
  const level = (of: Level['of'], limit: number, baseline: readonly number[], slot: Level['slot']): Level =>
    ({ of, limit, baseline, counts: new Array<number>(baseline.length).fill(0), slot });
  const inBins = (of: Level['of'], by: typeof bins, read: (answer: AnswerView) => number): Level =>
    level(of, psi, by.counts, (answer) => {
      const value = read(answer);
      return Number.isFinite(value) ? binOf(by.edges, value) : null;
    });
  return [
    ...(kind === 'labels' ? [] : [inBins('shape', bins, ({ value }) => value)]),
    ...(classes === null ? [] : [level('class_mix', share, classes.counts, ({ value, classIndex }) =>
      classSlotOf(reference, value, classIndex))]),
    ...(entropy === null ? [] : [inBins('confidence', entropy.bins,
      (answer) => (kind === 'score' ? scoreEntropy(answer.value) : answer.entropy))]),
    ...projections.map((by, direction) => inBins('projections', by, (answer) => answer.projection(direction))),
  ];
}
