// The schema of what pairs say, as it is stored with a decision. Apart from what counts and judges them, because only
// those who read a stored decision parse it.
import { z } from 'zod';
import { OUTPUT_KINDS } from '../../domain/records.ts';

const count = z.int().min(0);
/** Pairs by their difference: the new version's event less the twin's, of one metric. */
export const differencesSchema = z.object({
  /** Only the new version did badly. */
  plus: count,
  /** Both did, or neither. */
  zero: count,
  /** Only the twin did. */
  minus: count,
});
/** Pairs in which the two versions disagree, and all that could be compared. */
const disagreementSchema = z.object({ hits: count, pairs: count });

/** How much the two may answer differently: shares of the pairs, what is allowed beyond the expected part included. */
const pairExpectationSchema = z.object({
  /** declared: by an operator; validation: from what both answered to known questions. */
  source: z.enum(['declared', 'validation']),
  change: z.number(),
  /** Of the pairs of one class of the twin's. */
  classes: z.array(z.object({ classIndex: z.number(), change: z.number() })),
  /** Of the pairs of each other class; null when nothing is expected of those. */
  otherClasses: z.number().nullable(),
});

/** The counts of the block under way: every decision on pairs is made from these alone. */
const pairFactsSchema = z.object({
  version: z.string(),
  twin: z.string(),
  kind: z.enum(OUTPUT_KINDS),
  /** From 0. */
  block: count,
  pairs: count,
  /** Of all blocks. */
  pairsInAll: count,
  failed: differencesSchema,
  nonFinite: differencesSchema,
  /** Pairs in which both failed, and in which neither answer was finite; not stored by early versions. */
  both: z.object({ failed: count, nonFinite: count }).optional(),
  /** Null when no two answers could be compared. */
  disagreement: disagreementSchema.nullable(),
  /** By the class or the label that the twin answers; empty for other kinds. */
  classes: z.array(disagreementSchema.extend({ classIndex: z.number() })),
  /**
   * Of the disagreement: the source of most of it among those that can be told apart, and whether others ask too. Null
   * where nobody can be told from anybody; absent in decisions of early builds, which asked nobody.
   */
  heaviest: disagreementSchema.extend({
    source: z.string(), classes: z.array(disagreementSchema.extend({ classIndex: z.number() })),
  }).nullish(),
  /** Null, or absent in decisions of early builds, when nobody knows what to expect. */
  expectation: pairExpectationSchema.nullish(),
});

/** How the evidence of a decision that pairs led to is marked. */
export const PAIRS_FORMAT = 'lastgood.pairs/1';
export const pairsEvidenceSchema = z.object({
  format: z.literal(PAIRS_FORMAT),
  pairs: pairFactsSchema,
  /** What the check of that name said then; null, or absent in decisions of early builds, when there was none. */
  inputDrift: z.enum(['pass', 'fail', 'inconclusive']).nullish(),
});
export type PairsEvidence = z.infer<typeof pairsEvidenceSchema>;
export type PairFacts = z.infer<typeof pairFactsSchema>;
export type Differences = PairFacts['failed'];
export type PairExpectation = z.infer<typeof pairExpectationSchema>;
export type Disagreement = NonNullable<PairFacts['disagreement']>;

/** How often each change was seen, in [-1, 1]. */
const levelsSchema = z.array(z.object({ level: z.number().min(-1).max(1), pairs: count }));

/** How the twin itself answered to the questions of the pairs. */
const twinLevelsSchema = z.object({
  /** Different questions among them. */
  inputs: count,
  /** Beside its own baseline; `limit`: of population stability, or of a class's share. */
  levels: z.array(z.object({
    of: z.enum(['shape', 'class_mix', 'confidence', 'projections']), limit: z.number(),
    baseline: z.array(z.number()), counts: z.array(count),
  })),
});
export type TwinLevelFacts = z.infer<typeof twinLevelsSchema>;

/** What one check's own measure changed by between the twin's answers and the new version's, since its alarm. */
export const changeFactsSchema = z.object({
  /** As in a PairEvent. */
  margin: z.number().min(0).max(1),
  /** The mean change that was expected. */
  expected: z.number(),
  /** How many votes are for how much of a change: of pairs, or of what a source's pairs of a slot show on average. */
  levels: levelsSchema,
  /** Absent in decisions of early builds, which asked nobody; they are judged as they were. */
  sources: z.object({
    /** Sources that asked of late, those that cannot be told apart as one. */
    seen: count,
    /** The one whose votes speak most against the version; null where none can be told from the others. */
    heaviest: z.object({ source: z.string(), levels: levelsSchema }).nullable(),
  }).optional(),
  twin: twinLevelsSchema.optional(),
});
export type ChangeFacts = z.infer<typeof changeFactsSchema>;
