// Exact binomial tails: how likely so many failures are if the true rate were exactly the limit. They decide; the
// Wilson interval is only shown, because its true error rate is far above its nominal one for few failures. Pure, with
// a bounded cache.
import { lnGamma } from './gamma.ts';

/** Terms smaller than this share of the sum no longer change it. */
const NEGLIGIBLE = 1e-18;
/** Numbers of trials that one table remembers before it starts anew. */
const TABLE_ENTRIES_MAX = 20_000;

/** Returns P(X >= hits) of a binomial variable with `trials` trials at `rate` (0 < rate < 1). */
export function binomialUpperTail(hits: number, trials: number, rate: number): number {
  if (hits <= 0) return 1;
  if (hits > trials) return 0;
  // Sums run away from the mode, so that they start with their largest term.
  if (hits > trials * rate) return sumTerms(hits, trials, rate, 1);
  return 1 - sumTerms(hits - 1, trials, rate, -1);
}

function sumTerms(from: number, trials: number, rate: number, direction: 1 | -1): number {
  const odds = rate / (1 - rate);
  let term = Math.exp(
    lnGamma(trials + 1) - lnGamma(from + 1) - lnGamma(trials - from + 1) +
      from * Math.log(rate) + (trials - from) * Math.log1p(-rate),
  );
  let sum = 0;
  for (let hits = from; hits >= 0 && hits <= trials; hits += direction) {
    sum += term;
    if (term <= sum * NEGLIGIBLE) break;
    term *= direction === 1 ? ((trials - hits) / (hits + 1)) * odds : hits / ((trials - hits + 1) * odds);
  }
  return sum;
}

/**
 * The smallest number of hits that chance does not explain, for every number of trials: P(X >= k) <= alpha at exactly
 * `rate`. `trials + 1` says that no number of hits would be enough.
 */
export class BinomialLimits {
  readonly #rate: number;
  readonly #alpha: number;
  readonly #limits = new Map<number, number>();

  constructor(rate: number, alpha: number) {
    this.#rate = rate;
    this.#alpha = alpha;
  }

  /** Returns k(trials); computed once and remembered. */
  hitsNeeded(trials: number): number {
    const known = this.#limits.get(trials);
    if (known !== undefined) return known;
    let low = 0;
    let high = trials + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (binomialUpperTail(middle, trials, this.#rate) <= this.#alpha) high = middle;
      else low = middle + 1;
    }
    if (this.#limits.size >= TABLE_ENTRIES_MAX) this.#limits.clear();
    this.#limits.set(trials, low);
    return low;
  }
}

/** The 97.5 % quantile of the normal law: a two-sided interval of 95 %. */
const Z_95 = 1.959963984540054;

/** Returns the Wilson score interval of a share; for display. */
export function wilsonInterval(hits: number, trials: number, z = Z_95): { lower: number; upper: number } {
  if (trials === 0) return { lower: 0, upper: 1 };
  const share = hits / trials;
  const spread = (z * z) / trials;
  const middle = share + spread / 2;
  const half = Math.sqrt(spread * (share * (1 - share) + spread / 4));
  const scale = 1 + spread;
  const lower = hits === 0 ? 0 : Math.max(0, (middle - half) / scale);
  return { lower, upper: hits === trials ? 1 : Math.min(1, (middle + half) / scale) };
}
