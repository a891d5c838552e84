// When two versions' answers to one question differ, whoever asks: the pairs that are counted all the time, and the
// attribution of a drift. Pure.
//
//   labels       another label
//   classes      another best class
//   score        another side of the middle
//   vectors      another direction; where the cosine is not known, another length
//   numbers      further apart than a part of a deviation
import type { OutputKind } from '../../domain/records.ts';
import type { PredictionSummary } from '../../domain/prediction.ts';

/** Numbers further apart than this, in deviations, disagree. */
const FAR_SIGMAS = 0.5;
/** Vectors with a smaller cosine disagree. */
const NEAR_COSINE = 0.9;
const SCORE_MIDDLE = 0.5;

/** A finite answer. */
type Answer = Pick<PredictionSummary, 'value' | 'classIndex'>;

/** Whether the answers differ. `cosine`: of vectors, null when it is not known; `sigma`: the deviation of numbers. */
export function disagree(
  kind: OutputKind, left: Answer, right: Answer,
  { cosine, sigma }: { readonly cosine: number | null; readonly sigma: number },
): boolean {
  switch (kind) {
    case 'labels': return left.value !== right.value;
    case 'classes': return left.classIndex !== right.classIndex;
    case 'score': return left.value >= SCORE_MIDDLE !== right.value >= SCORE_MIDDLE;
    default: return cosine === null ? Math.abs(left.value - right.value) > FAR_SIGMAS * sigma : cosine < NEAR_COSINE;
  }
}
