// Whether there is memory for one more loaded version beside those that are loaded: an estimate from what the trial
// measured. Pure.
import type { TrialReport } from '../../domain/records.ts';
import { bytesAt } from '../../domain/run-memory.ts';

/** A worker thread with the runtime in it, without a model: about what one more of them was seen to take. */
const WORKER_BYTES = 12 * 1024 ** 2;
/** Rows of a batch of single rows. */
const BATCH_ROWS = 64;

/** Memory for a version that would be loaded beside the active one and the standby. */
export interface Room {
  readonly version: string;
  /** Anonymous bytes that its workers would take, as far as its trial tells. */
  readonly bytes: number;
  readonly usedBytes: number;
  /** Null when nothing limits the process. */
  readonly limitBytes: number | null;
}

interface Loaded {
  readonly version: string;
  readonly artifactBytes: number;
  readonly trial: Pick<TrialReport, 'memory' | 'residentBytes'>;
}

/** `isPrepared`: its workers map one file of weights in place of a copy each. */
export function roomFor(
  { version, artifactBytes, trial: { memory, residentBytes } }: Loaded,
  { workers, isPrepared, ...process }: Pick<Room, 'usedBytes' | 'limitBytes'> & {
    readonly workers: number; readonly isPrepared: boolean;
  },
): Room {
  const modelBytes = memory?.modelBytes ?? residentBytes;
  const own = isPrepared ? Math.max(0, modelBytes - artifactBytes) : modelBytes;
  const batch = bytesAt(memory?.rows ?? [], BATCH_ROWS, 'size');
  return { version, bytes: Math.round(workers * (own + batch + WORKER_BYTES)), ...process };
}

/** What is told of a version that is brought up all the same; null where it fits, or nothing limits the process. */
export function roomWarning(room: Room): string | null {
  if (hasRoom(room) !== false) return null;
  const { version, bytes, usedBytes, limitBytes } = room;
  return `version ${version} would take about ${mebibytes(bytes)} MiB beside what is loaded, by its trial, and ` +
    `${mebibytes(usedBytes)} of ${mebibytes(limitBytes ?? 0)} MiB are taken: large requests may be answered 429 ` +
    '(--memory-max, and room in lastgood status)';
}

const mebibytes = (bytes: number): number => Math.round(bytes / 1024 ** 2);

/** Null when nothing limits the process. */
export const hasRoom = ({ bytes, usedBytes, limitBytes }: Room): boolean | null =>
  (limitBytes === null ? null : usedBytes + bytes <= limitBytes);
