// The schemas of what each check is decided from: plain numbers, built at a look, stored with every decision, and
// parsed again when somebody recomputes it. Apart from the checks, because who only judges parses nothing.
import { z } from 'zod';
import { CHECK_NAMES } from '../../options/judge-options.ts';

const count = z.int().min(0);
export const countsSchema = z.object({ hits: count, trials: count });
export const rateWindowSchema = countsSchema.extend({
  windowMs: z.number(),
  /** Without the slots that have the most hits. */
  rest: countsSchema,
  /** Hits of the input that failed most often, as far as inputs are known. */
  oneInput: count,
  /** The look that began the breach which lasts until this one; null when there is none. */
  firstLook: countsSchema.extend({ agoMs: z.number() }).nullable(),
});
export const rateSchema = z.object({
  /** The largest share that is no breach. */
  limit: z.number(),
  samplesMin: count,
  chance: z.number(),
  /** Least time between the two looks that the short window needs; 0 asks for one look only. */
  twoLooksMs: z.number(),
  /** Whether bursts are set aside. */
  spreadOut: z.boolean(),
  windows: z.array(rateWindowSchema),
});

const effect = z.enum(['rollback', 'warn']);
const runSchema = z.object({ length: count, inputs: count });

/** One window of answers. */
const answersSchema = z.object({
  windowMs: z.number(),
  samples: count,
  /** The samples that independent ones with the same spread of shares would be, at most the different inputs. */
  effective: z.number(),
  /** The same without the dependence that is possible but not proven; not stored by early versions. */
  proven: z.number().optional(),
});
const windowsOf = <S extends z.ZodRawShape>(shape: S) => {
  const window = answersSchema.extend(shape);
  return z.array(z.object({
    now: window,
    /** The look that began the breach which lasts until this one. */
    firstLook: z.object({ agoMs: z.number(), window }).nullable(),
  }));
};
/** What all checks of the answers' distribution share. */
const driftShape = {
  effect,
  samplesMin: count,
  /** About how many different inputs there were lately; null for more than can be told apart. */
  inputs: z.number().nullable(),
  inputsMin: count,
  chance: z.number(),
  twoLooksMs: z.number(),
  /** Why nothing can be decided at all (no baseline, one without spread, …); null when something can. */
  unjudged: z.string().nullable(),
  /** Rows of the baseline. */
  rows: count,
};
const binsSchema = z.object({ edges: z.array(z.number()), counts: z.array(z.number()) });

export const evidenceSchema = z.discriminatedUnion('check', [
  z.object({ check: z.literal('hard_failure'), effect, run: runSchema, runLimit: count, rate: rateSchema }),
  z.object({ check: z.literal('error_rate'), effect, rate: rateSchema }),
  z.object({ check: z.literal('non_finite'), effect, run: runSchema, runLimit: count, rate: rateSchema }),
  z.object({
    check: z.literal('p95_latency'), effect, rate: rateSchema, limitMs: z.number(), p95Ms: z.number().nullable(),
    /** Whether the warm-up is over, and the requests after it by themselves; not stored by early versions. */
    warm: z.object({ isOver: z.boolean(), rate: rateSchema }).optional(),
  }),
  z.object({
    check: z.literal('constant_output'), effect, run: count, runMin: count,
    inputs: z.number().nullable(), inputsMin: count,
    /** Whether it is known of all answers in the run what was asked; older decisions do not say. */
    inputsKnown: z.boolean().optional(),
    /** The share of the most frequent answer in the baseline and its rows; null without a baseline. */
    baseline: z.object({ atomShare: z.number(), rows: count }).nullable(),
  }),
  z.object({
    check: z.literal('mean_drift'), ...driftShape, limit: z.number(),
    baseline: z.object({ mean: z.number(), standardDeviation: z.number() }),
    windows: windowsOf({ sigmas: z.number() }),
  }),
  z.object({
    check: z.literal('class_mix'), ...driftShape, limit: z.number(),
    names: z.array(z.string()), baseline: z.array(z.number()),
    windows: windowsOf({ counts: z.array(z.number()) }),
  }),
  z.object({
    check: z.literal('shape'), ...driftShape, psi: z.number(), baseline: binsSchema,
    windows: windowsOf({ counts: z.array(z.number()) }),
  }),
  z.object({
    check: z.literal('spread'), ...driftShape, low: z.number(), high: z.number(),
    baseline: z.object({ standardDeviation: z.number(), kurtosis: z.number() }),
    /** `distance`: root mean square of the pulled-in answers' from the baseline's mean; not stored early on. */
    windows: windowsOf({ standardDeviation: z.number(), distance: z.number().optional() }),
  }),
  z.object({
    check: z.literal('confidence'), ...driftShape, shift: z.number(), psi: z.number(),
    baseline: binsSchema.extend({ mean: z.number(), standardDeviation: z.number() }),
    windows: windowsOf({ mean: z.number(), counts: z.array(z.number()) }),
  }),
  z.object({
    check: z.literal('repeats'), ...driftShape, limit: z.number(), atomShare: z.number(),
    windows: windowsOf({ hits: count }),
  }),
  z.object({
    check: z.literal('projections'), ...driftShape, psi: z.number(), baseline: z.array(binsSchema),
    windows: windowsOf({ counts: z.array(z.array(z.number())) }),
  }),
  z.object({
    check: z.literal('input_drift'), ...driftShape, psi: z.number(),
    /** Behind the bins of each: the rows in which it was no finite number. */
    columns: z.array(binsSchema.extend({ name: z.string() })),
    windows: windowsOf({ counts: z.array(z.array(z.number())) }),
  }),
]);

/** What the suite stores: each check's. */
export const suiteSchema = z.object({ suite: z.literal('default'), inputs: z.array(evidenceSchema) });

/** What compat stores: the raw values of the window. */
export const compatSchema = z.object({
  suite: z.literal('compat'),
  window: z.object({
    errors: z.int().min(0),
    latenciesMs: z.array(z.number().min(0)),
    predictions: z.array(z.number()),
  }),
  limits: z.object({
    p95LimitMs: z.number(),
    errorRateLimit: z.number(),
    driftSigmaLimit: z.number(),
    samplesMin: z.int(),
    predictionsMin: z.int(),
  }),
  baseline: z
    .object({
      mean: z.number(),
      standardDeviation: z.number(),
      rows: z.int(),
      source: z.enum(['validation', 'live']),
    })
    .nullable(),
  effects: z.partialRecord(z.enum(CHECK_NAMES), effect).optional(),
});
