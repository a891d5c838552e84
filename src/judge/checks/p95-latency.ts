// p95_latency: are more than 5 % of the requests slower than the limit? That is what a p95 over it says, as a share
// that chance can be computed of. A version that begins cold is slow for a while: the alarm may be raised during the
// warm-up, because both versions are timed then, but where none can be timed beside it only requests after it count.
import { SLOW_SHARE } from '../../options/judge-constants.ts';
import { RATE } from '../baseline/columns.ts';
import { numberText } from '../types/number-text.ts';
import type { EvidenceOf } from './check.ts';
import type { Rate } from './rate-check.ts';
import { decideRate, rateCheck, rateOf, shareDetected } from './rate-check.ts';

const ALARM: Rate = { hits: RATE.slow, trials: RATE.timed, limit: SLOW_SHARE, twoLooks: true, spreadOut: true };
const WARM: Rate = { ...ALARM, hits: RATE.warmSlow, trials: RATE.warmTimed };

export const p95Latency = rateCheck({
  name: 'p95_latency', title: 'p95 latency', layer: 1, cause: 'latency', unit: 'ms',
  subject: 'p95 latency', verb: ({ limitMs }) => `took longer than ${limitMs} ms`,
  samplesMin: ({ samplesMin }) => samplesMin,
  rate: () => ALARM,
  hitInputs: () => null,
  besides: (evaluation) => {
    const { observer, options, p95Ms } = evaluation;
    const rate = rateOf(evaluation, WARM, { of: 'p95_latency when warm', samplesMin: options.samplesMin });
    return { limitMs: options.p95LimitMs, p95Ms, warm: { isOver: observer.isWarm, rate } };
  },
  measure: ({ limitMs, p95Ms }, verdict) => {
    const value = verdict === 'inconclusive' ? null : p95Ms;
    return { value, limit: limitMs, prefix: value === null ? '' : `p95 latency ${numberText(value)} ms: ` };
  },
  detectionLimit: (context) =>
    shareDetected(SLOW_SHARE, context, `slower than ${context.options.p95LimitMs} ms`),
  pairEvent: null,
});

/** What the warm-up has to do with a latency over its limit. */
export interface WarmUp {
  /** The warm-up is over. */
  readonly isOver: boolean;
  /** The requests after it are over the limit by themselves. */
  readonly isSlowSince: boolean;
}

/** Reads it from the check's evidence; null for evidence of early versions. */
export const warmUpOf = ({ warm }: EvidenceOf<'p95_latency'>): WarmUp | null =>
  (warm === undefined ? null : { isOver: warm.isOver, isSlowSince: decideRate(warm.rate).verdict === 'fail' });
