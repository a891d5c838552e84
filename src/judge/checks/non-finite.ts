// non_finite: does the version answer with NaN or an infinity, a few times in a row or now and then?
import { RATE } from '../baseline/columns.ts';
import { longRunText, rateCheck, runDetected } from './rate-check.ts';

const VERB = 'were answered with a number that is not finite';

export const nonFinite = rateCheck({
  name: 'non_finite', title: 'non-finite answers', layer: 0, cause: 'output', unit: 'share',
  subject: 'the share of non-finite answers', verb: () => VERB,
  samplesMin: () => 1,
  rate: ({ checks }) => ({
    hits: RATE.nonFinite, trials: RATE.answers, limit: checks.non_finite.limit, twoLooks: false, spreadOut: false,
  }),
  hitInputs: ({ nonFinites }) => nonFinites,
  besides: ({ observer, options }) =>
    ({ run: { ...observer.nonFiniteRun }, runLimit: options.checks.non_finite.run }),
  failsAtOnce: (evidence) => longRunText(evidence, VERB),
  detectionLimit: (context) => runDetected(context.options.checks.non_finite, context, 'not finite'),
  pairEvent: null,
});
