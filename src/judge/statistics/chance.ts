// How far chance takes a window of answers: from a version that answers exactly like its baseline, which is itself a
// sample, and from one that lies exactly at a limit. Pure. What is further off is a breach.
import { chiSquareQuantile } from './gamma.ts';
import { noncentralQuantile, normalDeviations } from './noncentral.ts';

/** Deviations of its own standard error that a mean or a variance must be away to count. */
const SIGMAS = 6;

const quantiles = new Map<string, number>();

/** The statistic that chance exceeds with probability `tail`; remembered, because it is asked for at every look. */
function quantileOf(tail: number, degrees: number): number {
  const key = `${tail} ${degrees}`;
  let value = quantiles.get(key);
  if (value === undefined) quantiles.set(key, (value = chiSquareQuantile(tail, degrees)));
  return value;
}

/** How many independent answers a window's are worth: cautiously, and as far as their dependence is proven. */
export interface Worth {
  readonly effective: number;
  readonly proven?: number | undefined;
}
/**
 * What answers at the limit are measured by. Nearness to a limit and a dependence that does not show seldom meet, so
 * caution about both at once would only cost time.
 */
export const provenOf = ({ proven, effective }: Worth): number => proven ?? effective;

/** The population stability that chance gives a window without any drift. */
export function psiByChance(chance: number, bins: number, effective: number, rows: number): number {
  return quantileOf(chance, Math.max(1, bins - 1)) * (1 / effective + 1 / rows);
}

/**
 * The population stability that a window may have: what chance gives at these numbers without any drift, or what it
 * gives answers whose stability against the stored baseline is exactly `psi`.
 */
export function psiLimit(psi: number, chance: number, bins: number, worth: Worth, rows: number): number {
  const proven = provenOf(worth);
  const atLimit = noncentralQuantile(chance, Math.max(1, bins - 1), psi * proven) / proven;
  return Math.max(atLimit, psiByChance(chance, bins, worth.effective, rows));
}

const standardError = (effective: number, rows: number): number => Math.sqrt(1 / effective + 1 / rows);

interface Chance {
  readonly chance: number;
  readonly worth: Worth;
  /** Rows of the baseline. */
  readonly rows: number;
}

/** What chance adds to the mean of a window that lies at its limit, in deviations of one answer. */
const chanceOfMean = ({ chance, worth }: Chance): number => normalDeviations(chance) / Math.sqrt(provenOf(worth));

/** The baseline deviations that a mean may be off, when it may be `limit` off without any chance. */
export function meanLimit(limit: number, about: Chance): number {
  return Math.max(limit + chanceOfMean(about), SIGMAS * standardError(about.worth.effective, about.rows));
}

/**
 * The variances that a window may have, in those of the baseline. The variance of a variance grows with the kurtosis:
 * rare events come in very uneven numbers.
 */
export function varianceLimits(
  { low, high, kurtosis }: { readonly low: number; readonly high: number; readonly kurtosis: number }, about: Chance,
): { readonly low: number; readonly high: number } {
  const scale = Math.sqrt(Math.max(0, kurtosis - 1));
  const atLimit = scale * chanceOfMean(about);
  const byChance = scale * SIGMAS * standardError(about.worth.effective, about.rows);
  return {
    low: Math.min(low ** 2 * (1 - atLimit), 1 - byChance), high: Math.max(high ** 2 * (1 + atLimit), 1 + byChance),
  };
}
