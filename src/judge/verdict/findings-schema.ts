// The schema of what was found out about failing checks, as it is stored with a decision. Apart from what judges it,
// because the engine stores such findings and never parses them.
import { z } from 'zod';
import { OUTPUT_KINDS } from '../../domain/records.ts';
import { CHECK_NAMES } from '../../options/judge-options.ts';
import { changeFactsSchema, differencesSchema } from '../pairs/pair-schema.ts';

const count = z.int().min(0);

const pairedRunsSchema = z.object({
  /** By rows of one run, as in RunFacts. */
  sizes: z.array(z.object({
    rows: z.int().min(1), slower: differencesSchema, muchSlower: differencesSchema,
    activeMs: z.number().min(0), standbyMs: z.number().min(0),
  })),
  /** How many alarms of latency there were before in this generation. */
  episode: count,
  /** How long runs have been timed for the alarm, and how long they are. */
  waitedMs: z.number().min(0),
  waitMs: z.number().min(0),
});
export type PairedRunFacts = z.infer<typeof pairedRunsSchema>;

/** What host.ts judges. */
const times = z.array(z.number().min(0));
export const hostFactsSchema = z.object({
  version: z.string(),
  /** The last good version; null when there is none that is loaded. */
  standby: z.string().nullable(),
  /** Run times in ms by rows of the batch, both versions in turn on the same rows; stored by earlier builds only. */
  probes: z.array(z.object({ rows: z.int().min(1), activeMs: times, standbyMs: times })).optional(),
  /** Pairs of runs of the same batch on both, in drawn order; not stored by earlier builds. */
  runs: pairedRunsSchema.optional(),
  /** What the version's warm-up has to do with it; not stored by earlier builds. */
  warmUp: z.object({ isOver: z.boolean(), isSlowSince: z.boolean() }).nullish(),
  /** The version that did not come back from a run in time; null when both did. */
  stuck: z.enum(['active', 'standby']).nullable(),
  /** What one run of the last good version took when it was registered, in ms. */
  usualMs: z.number().nullable(),
  /** Other models of this host that are over their latency limit too. */
  others: z.array(z.string()),
});

/** What paired.ts judges. */
const pairedShape = {
  paired: z.literal(true),
  version: z.string(),
  twin: z.string(),
  /** Questions drawn at random, in the block under way; null when none can be compared. */
  drawn: z.object({
    block: count, failed: differencesSchema, nonFinite: differencesSchema,
    /** Pairs in which both did badly. */
    both: z.object({ failed: count, nonFinite: count }),
  }).nullable(),
  /** How long pairs have been gathered for the failing checks, and how long they are. */
  waitedMs: z.number().min(0),
  waitMs: z.number().min(0),
};
export const pairedFailuresSchema = z.object({
  ...pairedShape,
  /**
   * Requests that the version failed, asked of it again: those that it fails again and the twin answers, those that
   * both fail, and those that it answers now. What a run did not come back from is not asked again, and counts as own.
   */
  repeated: z.object({ own: count, shared: count, passed: count }),
});
export const pairedChangesSchema = z.object({
  ...pairedShape,
  /** How many alarms of these checks there were before in this generation. */
  episode: count,
  changes: z.array(changeFactsSchema.extend({ check: z.enum(CHECK_NAMES) })).min(1),
});

/** What attribution.ts judges. */
const numbers = z.array(z.number());
/** One version's answers, row by row: null where it gave no finite one; -1 for no class. */
const answersSchema = z.object({ values: z.array(z.number().nullable()), classes: numbers });
/**
 * Rows of a baseline per bin of the value, and per class; null without a baseline, or without classes. Of labels there
 * is one class for each of `labels`, and one more for all others.
 */
const usualSchema = z.object({
  rows: z.int(), edges: numbers, counts: numbers, classCounts: numbers.nullable(),
  labels: numbers.optional(),
}).nullable();
export const attributionFactsSchema = z.union([
  z.object({ unavailable: z.string() }),
  pairedChangesSchema,
  z.object({
    kind: z.enum(OUTPUT_KINDS),
    version: z.string(),
    standby: z.string(),
    active: answersSchema,
    good: answersSchema,
    /** How many different questions the rows are; stored by earlier builds only, and not by the first of them. */
    distinct: z.int().optional(),
    /** How many independent questions the rows are worth. */
    effective: z.number().optional(),
    /** Cosine of the two answers per row, for vectors. */
    cosines: numbers.nullable(),
    /** The baselines of the two. */
    usual: z.object({ active: usualSchema, good: usualSchema }),
  }),
]);

/** What asked-again.ts judges. */
const unavailableSchema = z.object({ unavailable: z.string() });
export const failureFactsSchema = z.union([
  unavailableSchema,
  pairedFailuresSchema,
  z.object({
    version: z.string(),
    standby: z.string(),
    /** Kept requests that the version failed, and how many of them the last good one answered. */
    asked: z.int().min(1),
    answered: z.int().min(0),
    /** The failing checks. */
    checks: z.array(z.object({ check: z.string(), value: z.number().nullable(), limit: z.number() })),
    /** Recent inputs that only the last good version has a finite answer to, and only the other; null if not asked. */
    recent: z.object({ better: z.int(), worse: z.int() }).nullable(),
  }),
]);
export const constantFactsSchema = z.union([
  unavailableSchema,
  pairedChangesSchema,
  z.object({ gathered: z.int(), wanted: z.int() }),
  z.object({
    version: z.string(),
    standby: z.string(),
    rows: z.int(),
    /** Those that the last good version gives an answer that it gives to few others. */
    various: z.int(),
    /** How many of these the version gives its most frequent answer. */
    constant: z.int(),
  }),
]);

export const findingSchema = z.discriminatedUnion('cause', [
  z.object({ cause: z.literal('latency'), facts: hostFactsSchema }),
  z.object({ cause: z.literal('drift'), facts: attributionFactsSchema }),
  z.object({ cause: z.literal('failure'), facts: failureFactsSchema }),
  z.object({ cause: z.literal('output'), facts: failureFactsSchema }),
  z.object({ cause: z.literal('constant'), facts: constantFactsSchema }),
]);
export const findingsSchema = z.array(findingSchema);
