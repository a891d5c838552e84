// The same recent questions to two versions: what the active one was asked lately and what it answered, and what the
// warm standby makes of it. Main thread; the runs are on the standby's workers, a few rows at a time, and are no
// requests: nothing waits for them, nothing of them is counted.
import type { OutputKind } from '../../domain/records.ts';
import { Outcome, speaksOfVersion } from '../../shared-memory/sample-ring.ts';
import { type RingRow, RowReader, rowRingOffset } from '../../shared-memory/row-ring.ts';
import { createSlab } from '../../shared-memory/slab-arena.ts';
import { EntryKind } from '../../protocols/protocol.ts';
import { isSameInput, outputDifference, stepElementsOf } from '../../domain/judged-output.ts';
import type { PredictionSummary } from '../../domain/prediction.ts';
import { predictionOf } from '../../domain/sequence.ts';
import { cosineOf } from '../../judge/pairs/disagreement.ts';
import { ReplayStatus } from '../../worker/run/replay.ts';
import type { Deployment } from '../deployment/deployment.ts';

/** Rows that are compared at most, the newest. */
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
/** All rows together. */
const RUN_US_MAX = 5_000_000;

/** One question and both answers; the value of a summary is NaN when there was no good answer. */
export interface AnswerPair {
  readonly active: PredictionSummary;
  readonly standby: PredictionSummary;
  /** Cosine of the two answers; null unless they are vectors of one length. */
  readonly cosine: number | null;
}
/** Pairs in the order in which they were asked. */
export interface RecentInputsRun {
  readonly pairs: readonly AnswerPair[];
  /** How many independent questions they are worth. */
  readonly effective: number;
}

/** A row as it was kept: its arrays are its own. */
type KeptRow = RingRow;

/**
 * The newest rows that the deployment's workers kept since `sinceUs`, oldest first; those that do not speak of the
 * version are left out.
 */
export function keptRows(
  { rows: { reservoir }, workers }: Deployment, limit = RECENT_ROWS_MAX, sinceUs = -Infinity,
): KeptRow[] {
  if (reservoir === null) return [];
  const kept: KeptRow[] = [];
  for (let ring = 0; ring < workers; ring += 1) {
    const reader = new RowReader(reservoir.memory, rowRingOffset(ring, reservoir.size), reservoir.size);
    reader.drain((row) => {
      if (row.atUs < sinceUs || !speaksOfVersion(row.outcome as Outcome)) return;
      kept.push({ ...row, outputs: row.outputs.slice(), inputs: row.inputs.slice() });
    });
  }
  return kept.sort((a, b) => a.atUs - b.atUs).slice(-limit);
}

/**
 * Runs the recent inputs of `active`, those since `sinceUs`, on `standby`, within five seconds. Resolves with the
 * reason, as a part of a sentence, when there is nothing to compare.
 */
export async function runRecentInputs(
  active: Deployment, standby: Deployment, nowUs: () => number, sinceUs = -Infinity,
): Promise<RecentInputsRun | { readonly unavailable: string }> {
  if (active.rows.reservoir === null) return { unavailable: 'no inputs are kept' };
  const rows = keptRows(active, RECENT_ROWS_MAX, sinceUs);
  if (rows.length < RECENT_ROWS_MIN) {
    return { unavailable: `${rows.length} recent inputs are kept; wanted at least ${RECENT_ROWS_MIN}` };
  }
  if (!isSameInput(active.version.signature, standby.version.signature)) {
    return { unavailable: `version "${standby.version.version}" takes other inputs` };
  }
  const difference = outputDifference(active.version, standby.version);
  if (difference !== null) return { unavailable: difference };
  const answers = await replayAll(standby, rows, nowUs);
  if (typeof answers === 'string') return { unavailable: answers };
  const reading = { kind: active.version.outputKind, width: stepElementsOf(active.version) };
  // The newest come first, so that what the time does not reach is old.
  const pairs = answers.map((answer, back) => pairOf(reading, rows[rows.length - 1 - back]!, answer)).reverse();
  return pairs.length < RECENT_ROWS_MIN
    ? { unavailable: `only ${pairs.length} inputs were run in ${RUN_US_MAX / 1e6} s` }
    : { pairs, effective: effectiveOf(rows.slice(-pairs.length).map(({ input }) => input)) };
}

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

async function replayAll(
  standby: Deployment, rows: readonly KeptRow[], nowUs: () => number,
): Promise<(Float64Array | null)[] | string> {
  const endUs = nowUs() + RUN_US_MAX;
  const newestFirst = rows.map(({ inputs }) => inputs).reverse();
  const answers: (Float64Array | null)[] = [];
  while (answers.length < newestFirst.length && nowUs() < endUs) {
    const some = newestFirst.slice(answers.length, answers.length + REPLAY_ROWS);
    const found = await replayRows(standby, some, nowUs()).catch(() => null);
    if (found === null) return `version "${standby.version.version}" is not loaded any more`;
    answers.push(...found.answers);
  }
  return answers;
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

function pairOf(
  { kind, width }: { readonly kind: OutputKind; readonly width: number }, row: KeptRow, answer: Float64Array | null,
): AnswerPair {
  const isGood = row.outcome === Outcome.ok;
  const cosine = kind === 'vector' && isGood && answer !== null ? cosineOf(row.outputs, answer) : null;
  return {
    active: predictionOf(kind, isGood ? row.outputs : null, width), standby: predictionOf(kind, answer, width), cosine,
  };
}
