// Which errors a version gave its clients, and to which requests, for whoever reads a decision: nothing of it enters
// the verdict. Types and the schema of what is stored.
import { z } from 'zod';

/** Bad requests that a decision names at most, the first ones and the newest ones. */
export const REQUESTS_NAMED = 10;
/** Kinds of errors that it names. */
export const ERRORS_NAMED = 3;

const count = z.int().min(0);
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
