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

/** The cosine of two vectors; null for such of different lengths, 0 when only one of them is all zeros. */
export function cosineOf(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  if (a.length !== b.length) return null;
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let at = 0; at < a.length; at += 1) {
    product += a[at]! * b[at]!;
    squaresA += a[at]! ** 2;
    squaresB += b[at]! ** 2;
  }
  if (squaresA === 0 && squaresB === 0) return 1;
  const cosine = product / Math.sqrt(squaresA * squaresB || 1);
  return Number.isFinite(cosine) ? Math.max(-1, Math.min(1, cosine)) : null;
}
