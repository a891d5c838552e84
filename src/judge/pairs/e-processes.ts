// Tests on pairs that may be looked at after every pair and stopped at any time. Pure. Each returns the natural
// logarithm of an e-process: of a bet against a hypothesis that on average wins nothing while the hypothesis is true,
// so that P(it ever reaches 1/a) <= a whoever looks, and however often (Ville 1939). All are closed forms of counts:
// what is stored with a decision gives the same number again. A bet is a mixture of fixed stakes, the stake that suits
// the true difference among them (Waudby-Smith & Ramdas, Estimating means of bounded variables by betting, 2023).
import { binomialUpperTail } from '../statistics/binomial.ts';
import { lnGamma } from '../statistics/gamma.ts';
import type { Differences } from './pair-schema.ts';

/** Parts of the largest stake, for differences in {-1, 0, 1}. */
const STAKES = [1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 3 / 4, 15 / 16];
/** The same for shares: rare events need small stakes. */
const SHARE_STAKES = [
  1 / 4096, 1 / 2048, 1 / 1024, 1 / 512, 1 / 256, 1 / 128, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 15 / 16,
];

/** Differences in [-1, 1], each with the number of pairs that have it. */
export type Levels = readonly (readonly [level: number, pairs: number])[];

// ln of the mean of exp(values): no term overflows.
function lnMeanExp(values: readonly number[]): number {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0) / values.length);
}

// count × ln(1 + x), where nothing that was not seen is multiplied by the logarithm of 0.
const lnBets = (count: number, x: number): number => (count === 0 ? 0 : count * Math.log1p(x));

/** Against E[D | past] <= `margin`: large where the new version does worse by more than the margin. */
export const lnWorse = (counts: Differences, margin: number): number => lnAbove(levelsOf(counts), margin);

/** Against E[D | past] >= `margin`: large where the new version does not do worse by as much as the margin. */
export const lnNotWorse = (counts: Differences, margin: number): number => lnBelow(levelsOf(counts), margin);

const levelsOf = ({ plus, zero, minus }: Differences): Levels => [[1, plus], [0, zero], [-1, minus]];

/** The same as lnWorse for graded differences in [-1, 1]: how many pairs had each. */
export function lnAbove(levels: Levels, margin: number): number {
  return lnMeanExp(STAKES.map((part) => {
    const stake = part / (1 + margin);
    return levels.reduce((sum, [level, count]) => sum + lnBets(count, stake * (level - margin)), 0);
  }));
}

/** The same as lnNotWorse for graded differences. */
export function lnBelow(levels: Levels, margin: number): number {
  return lnMeanExp(STAKES.map((part) => {
    const stake = part / (1 - margin);
    return levels.reduce((sum, [level, count]) => sum + lnBets(count, stake * (margin - level)), 0);
  }));
}

/** Against P(hit | past) <= `share`: large where `hits` of `pairs` are more than the share explains. */
export function lnOver(hits: number, pairs: number, share: number): number {
  return lnMeanExp(SHARE_STAKES.map((part) => {
    const stake = part / share;
    return lnBets(hits, stake * (1 - share)) + lnBets(pairs - hits, -stake * share);
  }));
}

/** Against P(hit | past) >= `share`: large where they are fewer. */
export function lnUnder(hits: number, pairs: number, share: number): number {
  return lnMeanExp(SHARE_STAKES.map((part) => {
    const stake = part / (1 - share);
    return lnBets(hits, -stake * (1 - share)) + lnBets(pairs - hits, stake * share);
  }));
}

/**
 * McNemar's test, valid at any time: of `pairs` in which only one of the two did badly, `hits` in which it was the new
 * version. Against P(hit) <= 1/2, with a uniform mixture over all larger probabilities (Lindon & Malek 2022).
 */
export function lnDiscordant(hits: number, pairs: number): number {
  const lnBeta = lnGamma(hits + 1) + lnGamma(pairs - hits + 1) - lnGamma(pairs + 2);
  // 1 - I_1/2(k+1, n-k+1) = P(Bin(n+1, 1/2) <= k), by symmetry an upper tail.
  const above = binomialUpperTail(pairs + 1 - hits, pairs + 1, 1 / 2);
  return (pairs + 1) * Math.LN2 + lnBeta + Math.log(above);
}

/** A share with an interval that holds at every look, at once: those p that a uniform mixture does not rule out. */
export function shareInterval(
  hits: number, pairs: number, alpha: number,
): { readonly low: number; readonly high: number } {
  const lnBeta = lnGamma(hits + 1) + lnGamma(pairs - hits + 1) - lnGamma(pairs + 2);
  const isRuledOut = (share: number): boolean => lnBeta - lnPower(hits, share) - lnPower(pairs - hits, 1 - share) >=
    -Math.log(alpha);
  const seen = pairs === 0 ? 1 / 2 : hits / pairs;
  return {
    low: isRuledOut(0) ? edgeBetween(seen, 0, isRuledOut) : 0,
    high: isRuledOut(1) ? edgeBetween(seen, 1, isRuledOut) : 1,
  };
}

const lnPower = (count: number, base: number): number => (count === 0 ? 0 : count * Math.log(base));

// The point between one that is not ruled out and one that is, to the last bit.
function edgeBetween(inside: number, outside: number, isRuledOut: (share: number) => boolean): number {
  let [kept, out] = [inside, outside];
  for (;;) {
    const middle = (kept + out) / 2;
    if (middle === kept || middle === out) return kept;
    if (isRuledOut(middle)) out = middle;
    else kept = middle;
  }
}
