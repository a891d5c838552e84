// While no sample comes, only those looks are made at which a window may have changed: so a gap of years in a recording
// costs nothing, and a silence is judged as it would have been. Pure; the recorded clock is an argument. Windows run
// empty slot by slot, the short ones first.
import type { JudgeOptions } from '../options/judge-options.ts';

/** The longest window in short ones: after so long without a sample every window is empty. */
const EMPTY_AFTER_WINDOWS = 1_441;
/** While the windows run empty, a slot ends every so many windows: of the short windows, of the hour, of the day. */
const QUIET_STEPS = [
  { idleWindows: 6, stepWindows: 1 / 12 },
  { idleWindows: 61, stepWindows: 1 },
  { idleWindows: Infinity, stepWindows: 15 },
] as const;

/**
 * When the slots of the shortest window that still holds something end next, in ms of the recorded clock; Infinity when
 * nothing changes any more. compat's window does not know time. `idleMs`: since the last sample.
 */
export function quietUntil(
  nowMs: number, idleMs: number, { windowMs, mode }: Pick<JudgeOptions, 'windowMs' | 'mode'>,
): number {
  if (mode === 'compat' || idleMs > windowMs * EMPTY_AFTER_WINDOWS) return Infinity;
  const windows = QUIET_STEPS.find(({ idleWindows }) => idleMs <= windowMs * idleWindows)!.stepWindows;
  return (Math.floor(nowMs / (windowMs * windows)) + 1) * windowMs * windows;
}
