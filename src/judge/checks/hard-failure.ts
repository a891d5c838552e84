// hard_failure: does the version fail so many requests in a row, or more than half of the short window, that nothing
// else needs to be asked?
import { RATE } from '../baseline/columns.ts';
import { longRunText, rateCheck, runDetected } from './rate-check.ts';

export const hardFailure = rateCheck({
  name: 'hard_failure', title: 'hard failure', layer: 0, cause: 'failure', unit: 'share',
  subject: 'hard failure', verb: () => 'failed', isShort: true,
  samplesMin: ({ checks }) => Math.min(checks.hard_failure.run, 10),
  rate: ({ checks }) => ({
    hits: RATE.errors, trials: RATE.requests, limit: checks.hard_failure.limit, twoLooks: false, spreadOut: false,
  }),
  hitInputs: ({ failures }) => failures,
  besides: ({ observer, options }) =>
    ({ run: { ...observer.errorRun }, runLimit: options.checks.hard_failure.run }),
  failsAtOnce: (evidence) => longRunText(evidence, 'failed'),
  detectionLimit: (context) => runDetected(context.options.checks.hard_failure, context, 'failed'),
  pairEvent: null,
});
