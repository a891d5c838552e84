// How far a measure that truly lies at its limit may be seen over it by chance. Pure. A distance like the PSI of a
// window of n answers, times n, follows a noncentral chi-square law, of which the limit times n is the noncentrality.
import { chiSquareQuantile } from './gamma.ts';

const deviations = new Map<number, number>();

/** Returns the number of deviations that a normal variable exceeds with probability `tail` (below 1/2); remembered. */
export function normalDeviations(tail: number): number {
  let value = deviations.get(tail);
  if (value === undefined) deviations.set(tail, (value = Math.sqrt(chiSquareQuantile(2 * tail, 1))));
  return value;
}

/**
 * Returns the x that a noncentral chi-square variable exceeds with probability `tail`, by Sankaran's power
 * transformation to a normal one (Biometrika 50, 1963). At 1e-6 it is right to 0.5 % from a noncentrality of 50 on, and
 * too large by a few per cent below.
 */
export function noncentralQuantile(tail: number, degrees: number, noncentrality: number): number {
  const mean = degrees + noncentrality;
  const twice = degrees + 2 * noncentrality;
  const power = 1 - (2 * mean * (degrees + 3 * noncentrality)) / (3 * twice * twice);
  const part = twice / (mean * mean);
  const skew = (power - 1) * (1 - 3 * power);
  const middle = 1 + power * part * (power - 1 - 0.5 * (2 - power) * skew * part);
  const deviation = power * Math.sqrt(2 * part) * (1 + 0.5 * skew * part);
  return mean * (middle + normalDeviations(tail) * deviation) ** (1 / power);
}
