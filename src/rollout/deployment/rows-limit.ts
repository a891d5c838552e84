// How many rows one run takes, and how many one request may have. Pure; main thread.
import { ROWS_LIMIT, type ModelOptions } from '../../options/options.ts';
import type { StackingDecision, TrialReport } from '../../domain/records.ts';

/** Rows of one session run; larger requests are run in several. */
export const RUN_ROWS_MAX = 1_024;
/** A request of as many rows as it may have is done in this share of its deadline, at the speed of the trial. */
const RUN_SHARE = 1 / 2;
/** For a version whose trial could not measure a run, because the model refuses rows of zeros. */
const ROWS_MAX_UNMEASURED = 65_536;

/**
 * What the operator said, or else what runs at the trial's speed within half of the deadline, and of the time after
 * which a run counts as hung: some requests of whole tensors have all their rows in one run. At least 1.
 */
export function requestRowsMax(
  { rowsMax, deadlineMs, hungMs }: Pick<ModelOptions, 'rowsMax' | 'deadlineMs' | 'hungMs'>,
  { trial: { rowMs = 0, runMs }, stacking }: {
    readonly trial: Pick<TrialReport, 'rowMs' | 'runMs'>; readonly stacking?: Pick<StackingDecision, 'mode'>;
  },
): number {
  if (rowsMax !== undefined) return rowsMax;
  // Rows that must not share a run get one each.
  const msPerRow = stacking?.mode === 'none' ? runMs : rowMs || runMs;
  if (!(msPerRow > 0)) return ROWS_MAX_UNMEASURED;
  const rows = Math.floor((Math.min(deadlineMs, hungMs) * RUN_SHARE) / msPerRow);
  return Math.min(ROWS_LIMIT, Math.max(1, rows));
}
