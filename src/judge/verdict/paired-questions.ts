// May what pairs show be held against a version? Pure. What was shown is left out of account where the questions were
// chosen by somebody: where the twin, known to be right, does not answer them as usual either; where the votes of one
// source alone show it; and where nobody can be told from anybody and few different questions were asked.
import { mixOf } from '../checks/class-mix.ts';
import { lnAbove, lnBelow } from '../pairs/e-processes.ts';
import type { Levels } from '../pairs/e-processes.ts';
import type { ChangeFacts, TwinLevelFacts } from '../pairs/pair-schema.ts';
import { LN_CLEAR } from '../pairs/pair-verdict.ts';
import { psiByChance } from '../statistics/chance.ts';
import { populationStability } from '../statistics/statistics.ts';
import { countedText, numberText, percentText } from '../types/number-text.ts';

/** Chance takes the twin over a limit so seldom, over all of its levels. */
const LEVEL_CHANCE = 0.05;
/** Votes of the others without which they are not judged. */
const OTHERS_MIN = 20;
/** Different questions that show something although nobody can be told from anybody. */
const INPUTS_MIN = 50;

/** Why it is not held against the version: told as data or inputs, as one source's, or as long as more are needed. */
interface Objection {
  readonly kind: 'unusual' | 'one source' | 'more';
  /** A sentence without a full stop. */
  readonly text: string;
}

export const levelsOf = (levels: ChangeFacts['levels']): Levels => levels.map(({ level, pairs }) => [level, pairs]);

/**
 * What speaks against blaming a version for a change that is proven; null when nothing does. `needed`: the logarithm
 * that proves it. `isOver`: no more pairs are waited for.
 */
export function objectionTo(
  change: ChangeFacts, margin: number, needed: number, isOver: boolean, twin: string,
): Objection | null {
  const unusual = change.twin === undefined ? null : unusualOf(change.twin);
  if (unusual !== null) {
    return { kind: 'unusual', text: `version ${twin} answers them otherwise than usual: ${unusual}` };
  }
  if (change.sources === undefined) return null;
  const { seen, heaviest } = change.sources;
  if (heaviest !== null) return seen > 1 ? objectionOfOthers(change, heaviest, margin, needed, isOver) : null;
  const inputs = change.twin?.inputs ?? Infinity;
  return inputs >= INPUTS_MIN
    ? null : { kind: 'more', text: `only ${countedText(inputs, 'different question')}, and nobody knows whose` };
}

// What is left without the source that speaks most against the version has to show it too.
function objectionOfOthers(
  { levels }: ChangeFacts, heaviest: NonNullable<NonNullable<ChangeFacts['sources']>['heaviest']>,
  margin: number, needed: number, isOver: boolean,
): Objection | null {
  const ofHeaviest = new Map(levelsOf(heaviest.levels));
  const others: Levels = levelsOf(levels).map(([level, pairs]) => [level, pairs - (ofHeaviest.get(level) ?? 0)]);
  const votes = others.reduce((sum, [, pairs]) => sum + pairs, 0);
  const isEnough = votes >= OTHERS_MIN;
  if (isEnough && lnAbove(others, margin) >= needed) return null;
  const mean = votes === 0 ? 0 : others.reduce((sum, [level, pairs]) => sum + level * pairs, 0) / votes;
  const text = `without source ${heaviest.source} it is ${percentText(mean)} of ${countedText(votes, 'vote')}`;
  const isShown = isOver || (isEnough && lnBelow(others, margin) >= LN_CLEAR);
  return { kind: isShown ? 'one source' : 'more', text };
}

// How the twin's own answers lie beyond what its baseline and chance allow; null when they do not.
function unusualOf({ inputs, levels }: TwinLevelFacts): string | null {
  const chance = LEVEL_CHANCE / Math.max(1, levels.length);
  for (const { of, limit, baseline, counts } of levels) {
    const rows = sumOf(baseline);
    const answers = sumOf(counts);
    // A question that is asked again has the answer that it had.
    const effective = Math.min(answers, inputs);
    if (effective === 0 || rows === 0) continue;
    if (of === 'class_mix') {
      const mix = mixOf(baseline, counts, { effective }, 0);
      if (mix.difference > limit && mix.chance < chance) {
        return `a class's share is ${percentText(mix.difference)} off its baseline (limit ${percentText(limit)})`;
      }
      continue;
    }
    const psi = populationStability(baseline, counts);
    const used = baseline.filter((count, bin) => count + counts[bin]! > 0).length;
    if (psi > Math.max(limit, psiByChance(chance, used, effective, rows))) {
      return `PSI ${numberText(psi, limit)} of its ${TITLES[of]} (limit ${numberText(limit)})`;
    }
  }
  return null;
}

const TITLES = { shape: 'shape', confidence: 'confidence', projections: 'directions' } as const;

const sumOf = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
