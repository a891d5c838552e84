// error_rate: are more requests failed than the service allows?
import { RATE } from '../baseline/columns.ts';
import { rateCheck, shareDetected } from './rate-check.ts';

export const errorRate = rateCheck({
  name: 'error_rate', title: 'error rate', layer: 1, cause: 'failure', unit: 'share',
  subject: 'error rate', verb: () => 'failed',
  samplesMin: ({ samplesMin }) => samplesMin,
  rate: ({ errorRateLimit: limit }) =>
    ({ hits: RATE.errors, trials: RATE.requests, limit, twoLooks: true, spreadOut: true }),
  hitInputs: ({ failures }) => failures,
  besides: () => ({}),
  detectionLimit: (context) => shareDetected(context.options.errorRateLimit, context, 'failed'),
  pairEvent: null,
});
