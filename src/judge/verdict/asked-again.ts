// Is it the version that fails, or would any version fail what it is asked? Pure. Before a rollback for failures, for
// answers that are not finite or for constant ones, the same inputs are put to the last good version:
//
//   it answers at least half of what failed, or nearly all       the version
//   it answers some, enough to be over the check's limit alone   the version, beside whoever sends what nobody answers
//   it fails them as well                                        the inputs; a rollback would change nothing
//
// Numbers that no version is meant to be asked about overflow in one sooner than in the other: unless nearly all of
// what had no finite answer has one there, recent inputs, good and bad, have to show that the last good one does
// better, with answers as it usually gives. What was answered is stored, so that anybody can judge it again.
import type { z } from 'zod';
import { percentText } from '../types/number-text.ts';
import type { Judged } from '../types/check-kinds.ts';
import type { constantFactsSchema, failureFactsSchema } from './findings-schema.ts';

/** Parts of what failed that speak against the version by themselves. */
const HALF = 0.5;
const NEARLY_ALL = 0.9;
/** Fewer that the last good version answers are luck. */
const ANSWERED_MIN = 2;
/** Recent inputs that only it answers, at least, and how many times those that only the failing version answers. */
const BETTER_MIN = 10;
const BETTER_FACTOR = 3;
/** Fewer inputs than this, to which the last good version gives various answers, say nothing of constant ones. */
const VARIOUS_MIN = 5;

export type FailureFacts = z.infer<typeof failureFactsSchema>;
type AskedFacts = Exclude<FailureFacts, { paired: true }>;
export type ConstantFacts = z.infer<typeof constantFactsSchema>;

/** Judges who is to blame for failed requests, or for answers that are not finite. */
export function judgeFailures(facts: AskedFacts): Judged {
  if ('unavailable' in facts) {
    return { blames: 'version', text: `no other version was asked what failed: ${facts.unavailable}` };
  }
  const { version, standby, asked, answered, recent, checks } = facts;
  const text = `version ${standby} answers ${answered} of ${asked} requests that version ${version} failed`;
  if (answered >= asked * (recent === null ? HALF : NEARLY_ALL)) return { blames: 'version', text };
  if (answered < ANSWERED_MIN) return { blames: 'inputs', text: `${text}: it fails them as well` };
  if (recent !== null) {
    const { better, worse } = recent;
    const isBetter = better >= BETTER_MIN && better >= BETTER_FACTOR * worse;
    const compared = `${text}; of recent inputs ${better} are answered by version ${standby} only, ${worse} by ` +
      `version ${version} only`;
    return { blames: isBetter ? 'version' : 'inputs', text: compared };
  }
  const own = ownShareOf(facts);
  const over = checks.find(({ value, limit }) => own(value) > limit);
  return over === undefined
    ? { blames: 'inputs', text: `${text}: those alone are within the limit` }
    : { blames: 'version', text: `${text}: those alone are ${percentText(own(over.value))} of the others` };
}

// The share of failures among the requests that the last good version does not fail as well, from that among all.
function ownShareOf({ asked, answered }: { readonly asked: number; readonly answered: number }) {
  const part = answered / asked;
  return (share: number | null): number => (share === null ? 0 : (share * part) / (1 - share * (1 - part)));
}

/** Judges who is to blame for answers that are all the same. */
export function judgeConstant(facts: Exclude<ConstantFacts, { paired: true }>): Judged {
  if ('unavailable' in facts) {
    return { blames: 'version', text: `no other version was asked the same: ${facts.unavailable}` };
  }
  if ('gathered' in facts) {
    return { blames: 'unknown', text: `${facts.gathered} recent inputs are kept so far; wanted ${facts.wanted}` };
  }
  const { version, standby, rows, various, constant } = facts;
  const text = `of ${rows} recent inputs version ${standby} has answers of their own for ${various}; version ` +
    `${version} has one and the same for ${constant} of these`;
  const isVersion = various >= VARIOUS_MIN && constant * 2 >= various;
  return { blames: isVersion ? 'version' : 'inputs', text };
}
