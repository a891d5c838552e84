// The schema of what was found out about failing checks, as it is stored with a decision. Apart from what judges it,
// because the engine stores such findings and never parses them.
import { z } from 'zod';

/** What host.ts judges. */
const times = z.array(z.number().min(0));
export const hostFactsSchema = z.object({
  version: z.string(),
  /** The last good version; null when there is none that is loaded. */
  standby: z.string().nullable(),
  /** Run times in ms by rows of the batch, both versions in turn on the same rows. */
  probes: z.array(z.object({ rows: z.int().min(1), activeMs: times, standbyMs: times })),
  /** The version that did not come back from a run in time; null when both did. */
  stuck: z.enum(['active', 'standby']).nullable(),
  /** What one run of the last good version took when it was registered, in ms. */
  usualMs: z.number().nullable(),
  /** Other models of this host that are over their latency limit too. */
  others: z.array(z.string()),
});

/** What attribution.ts judges. */
const numbers = z.array(z.number());
/** One version's answers, row by row: null where it gave no finite one; -1 for no class. */
const answersSchema = z.object({ values: z.array(z.number().nullable()), classes: numbers });
/** Rows of a baseline per bin of the value, and per class; null without a baseline, or without classes. */
const usualSchema = z.object({
  rows: z.int(), edges: numbers, counts: numbers, classCounts: numbers.nullable(),
}).nullable();
export const attributionFactsSchema = z.union([
  z.object({ unavailable: z.string() }),
  z.object({
    kind: z.enum(['scalar', 'score', 'regression', 'classes', 'vector']),
    version: z.string(),
    standby: z.string(),
    active: answersSchema,
    good: answersSchema,
    /** How many different questions the rows are; not stored by early versions. */
    distinct: z.int().optional(),
    /** Cosine of the two answers per row, for vectors. */
    cosines: numbers.nullable(),
    /** The baselines of the two. */
    usual: z.object({ active: usualSchema, good: usualSchema }),
  }),
]);

export const findingSchema = z.discriminatedUnion('cause', [
  z.object({ cause: z.literal('latency'), facts: hostFactsSchema }),
  z.object({ cause: z.literal('drift'), facts: attributionFactsSchema }),
]);
export const findingsSchema = z.array(findingSchema);
