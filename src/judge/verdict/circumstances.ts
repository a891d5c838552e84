// What else was so when a check failed, for whoever reads the decision: what the version did to its clients, with which
// errors, and what other models and versions did. Of it only the sources may hold a verdict back. Schemas of what is
// stored. Pure.
import { z } from 'zod';
import { CHECK_NAMES } from '../../options/judge-options.ts';
import { sourcesSchema } from './sources.ts';

const count = z.int().min(0);

const runSchema = z.object({
  /** Bad requests, and all requests that speak of the version, since the first bad one, itself included. */
  bad: count,
  requests: count,
  /** Of the same generation before that. */
  before: z.object({ bad: count, requests: count }),
  /** How long before the look the first bad request ended: the detection delay. */
  firstAgoMs: z.number(),
  /** How long before the look the last good request ended that came before it; null when none did. */
  lastGoodAgoMs: z.number().nullable(),
});
/** Per kind of bad request; null for a kind that has not come. */
export const exposureSchema = z.object({
  failed: runSchema.nullable(), nonFinite: runSchema.nullable(), slow: runSchema.nullable(),
});

/** Bad requests that a decision names at most, the first ones and the newest ones. */
export const REQUESTS_NAMED = 10;
/** Kinds of errors that it names. */
export const ERRORS_NAMED = 3;

export const failuresSchema = z.object({
  /** Failed requests, and answers with a number that is not finite, of the generation. */
  failed: count,
  nonFinite: count,
  /** Failed requests whose error was read; of thousands a second only some are. */
  read: count,
  /** The most frequent errors among those, the most frequent first; numbers in the text are written as N. */
  errors: z.array(z.object({ code: z.string(), text: z.string(), count })),
  /** Requests whose client gave them an id. */
  requests: z.array(z.object({ id: z.string(), what: z.enum(['failed', 'nonFinite']), agoMs: z.number() })),
});
export type Failures = z.infer<typeof failuresSchema>;

/** What a version that served before did in the last hour that it was judged. */
export const lastHourSchema = z.object({
  version: z.string(),
  /** How long before the decision it was judged last. */
  endedAgoMs: z.number(),
  windowMs: z.number(),
  requests: count,
  failed: count,
  nonFinite: count,
  /** Requests that count for latency, and those over its limit. */
  timed: count,
  slow: count,
});
export type LastHour = z.infer<typeof lastHourSchema>;

export const circumstancesSchema = z.object({
  /** The other models of this host with a failing check, and which ones; empty when all were quiet. */
  others: z.array(z.object({ model: z.string(), checks: z.array(z.enum(CHECK_NAMES)) })),
  /** Requests that this generation failed and the standby answered. */
  shielded: z.int().min(0),
  /** Its errors, and requests that they hit; null when it failed nothing since the engine started. */
  failures: failuresSchema.nullable().optional(),
  /** Versions that served before, the last one first. */
  lastHours: z.array(lastHourSchema).optional(),
  /** Who asked the version, and whom it failed; null while no source was known. */
  sources: sourcesSchema.nullable().optional(),
});
export type Circumstances = z.infer<typeof circumstancesSchema>;
/** Other models that a decision names; a host may have hundreds. */
export const OTHERS_MAX = 20;

/** The others in a sentence for people. */
export function othersText(others: Circumstances['others']): string {
  if (others.length === 0) return 'quiet';
  return others.map(({ model, checks }) => `${model} breaches ${checks.join(' and ')}`).join('; ');
}
