// What else was so when a check failed, for whoever reads the decision: nothing of it enters the verdict. Pure.
import { z } from 'zod';
import { CHECK_NAMES } from '../../options/check-names.ts';
import { failuresSchema, lastHourSchema } from './failures.ts';

export const circumstancesSchema = z.object({
  /** The other models of this host with a failing check, and which ones; empty when all were quiet. */
  others: z.array(z.object({ model: z.string(), checks: z.array(z.enum(CHECK_NAMES)) })),
  /** Requests that this generation failed and the standby answered. */
  shielded: z.int().min(0),
  /** Its errors, and requests that they hit; null when it failed nothing since the engine started. */
  failures: failuresSchema.nullable().optional(),
  /** Versions that served before, the last one first. */
  lastHours: z.array(lastHourSchema).optional(),
});
export type Circumstances = z.infer<typeof circumstancesSchema>;
/** Other models that a decision names; a host may have hundreds. */
export const OTHERS_MAX = 20;

/** The others in a sentence for people. */
export function othersText(others: Circumstances['others']): string {
  if (others.length === 0) return 'quiet';
  return others.map(({ model, checks }) => `${model} breaches ${checks.join(' and ')}`).join('; ');
}
