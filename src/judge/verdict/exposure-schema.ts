// The schema of what a version did to its clients, as it is stored with a decision. Apart from what counts it, because
// who only judges parses nothing.
import { z } from 'zod';

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
