// What the warm standby makes of kept rows. Main thread; the runs are on the standby's workers, a few rows at a time,
// and are no requests: nothing waits for them, nothing of them is counted.
import { createSlab } from '../../shared-memory/slab-arena.ts';
import { EntryKind } from '../../protocols/protocol.ts';
import { ReplayStatus } from '../../worker/run/replay.ts';
import type { Deployment } from '../deployment/deployment.ts';

/** Rows that a recording is asked about at most, the newest. */
export const RECENT_ROWS_MAX = 200;
/** Fewer rows than this say nothing. */
export const RECENT_ROWS_MIN = 20;
/** Rows of one replay, and the time after which the rest of them is left for the next. */
export const REPLAY_ROWS = 8;
const SLAB_US = 20_000;
const ANSWER_BYTES = 64 * 1024;
const NUMBER_BYTES = 8;
/** What is never judged. */
const NO_GENERATION = 0;

/**
 * How many independent questions those with these hashes are worth: Kish's (Σ c)² / Σ c² of the c times that each is
 * there. 0 stands for one that is not known and counts as different from all.
 */
export function effectiveOf(inputs: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const input of inputs) if (input !== 0) counts.set(input, (counts.get(input) ?? 0) + 1);
  let squares = inputs.filter((input) => input === 0).length;
  for (const count of counts.values()) squares += count ** 2;
  return squares === 0 ? 0 : inputs.length ** 2 / squares;
}

/** What a version makes of kept rows. */
interface ReplayedRows {
  /** The numbers of the judged output by row, null where it failed; shorter than the rows when time ran out. */
  readonly answers: readonly (Float64Array | null)[];
  /** What it took a worker. */
  readonly ranUs: number;
}

/** Runs a few kept rows, one by one: at least the first of them, whatever it takes. Rejects when it is closing. */
export async function replayRows(
  standby: Deployment, rows: readonly Uint8Array[], nowUs: number,
): Promise<ReplayedRows> {
  const requestBytes = rows.reduce((sum, row) => sum + row.length + NUMBER_BYTES, 0);
  const slab = createSlab({ entriesMax: rows.length, requestBytes, answerBytes: ANSWER_BYTES });
  rows.forEach((row, entry) => {
    slab.append(EntryKind.replay, row, nowUs, entry === 0 ? Infinity : nowUs + SLAB_US);
  });
  slab.stamp(NO_GENERATION, standby.id, nowUs);
  const { overflow } = await standby.replay(slab);
  const answers: (Float64Array | null)[] = [];
  for (let entry = 0; entry < rows.length; entry += 1) {
    if (slab.status(entry) === ReplayStatus.tooLate) break;
    const bytes = slab.answer(entry) ?? overflow.find((one) => one.entry === entry)?.answer;
    const isAnswered = slab.status(entry) === ReplayStatus.answered && bytes !== undefined;
    answers.push(isAnswered ? new Float64Array(Uint8Array.from(bytes).buffer) : null);
  }
  return { answers, ranUs: slab.ranUs };
}
