// p95_latency: are more than 5 % of the requests slower than the limit? That is what a p95 over it says, as a share
// that chance can be computed of.
import { SLOW_SHARE } from '../../options/judge-constants.ts';
import { RATE } from '../baseline/columns.ts';
import { numberText } from '../types/number-text.ts';
import { rateCheck, shareDetected } from './rate-check.ts';

export const p95Latency = rateCheck({
  name: 'p95_latency', title: 'p95 latency', layer: 1, cause: 'latency', unit: 'ms',
  subject: 'p95 latency', verb: ({ limitMs }) => `took longer than ${limitMs} ms`,
  samplesMin: ({ samplesMin }) => samplesMin,
  rate: () => ({ hits: RATE.slow, trials: RATE.timed, limit: SLOW_SHARE, twoLooks: true, spreadOut: true }),
  hitInputs: () => null,
  besides: ({ options, p95Ms }) => ({ limitMs: options.p95LimitMs, p95Ms }),
  measure: ({ limitMs, p95Ms }, verdict) => {
    const value = verdict === 'inconclusive' ? null : p95Ms;
    return { value, limit: limitMs, prefix: value === null ? '' : `p95 latency ${numberText(value)} ms: ` };
  },
  detectionLimit: (context) =>
    shareDetected(SLOW_SHARE, context, `slower than ${context.options.p95LimitMs} ms`),
  pairEvent: null,
});
