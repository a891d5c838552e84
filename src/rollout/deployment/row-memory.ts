// How much memory the workers of one deployment get for whole rows. Main thread. Small models get small rings: what a
// ring can hold it fills sooner or later, and rows of a known size need no more than their number.
import type { Signature } from '../../domain/records.ts';
import { INPUT_PAUSE_US_MAX } from '../../options/judge-constants.ts';
import {
  clearRowRing, powerOfTwoFrom, rowRingBytes, rowRingOffset, setRowPause,
} from '../../shared-memory/row-ring.ts';
import type { RowRingSize } from '../../shared-memory/row-ring.ts';
import { elementBytes, elementCount } from '../../domain/datatype.ts';
import type { RowMemory, RowRings } from '../../worker/messages.ts';

/** Rows that wait for the recorder, per worker, and the bytes they may fill. */
const RECORD_ROWS = 16_384;
const RECORD_BYTES = 4 * 1024 * 1024;
const DATA_BYTES_MIN = 4 * 1024;
const NUMBER_BYTES = 8;
/** Rank, dimensions and length of one input. */
const INPUT_HEADER_BYTES = 64;

export interface RowMemoryOptions {
  /** off: no input is ever kept. */
  readonly reservoir: 'probation' | 'always' | 'off';
  /** All workers together. */
  readonly reservoirRows: number;
  readonly reservoirBytes: number;
  /** Null while nothing is recorded. */
  readonly record: { readonly every: number; readonly inputs: boolean } | null;
}

/** No rows of whatever kind. */
export const NO_ROWS: RowMemory = { reservoir: null, record: null };

/**
 * The rings of a deployment: those that another one has left where they have the size, others where not; untouched
 * pages cost no memory.
 */
export function allocateRows(
  signature: Signature, workers: number, options: RowMemoryOptions, left: RowMemory = NO_ROWS,
): RowMemory {
  const { reservoir, record } = options;
  const ringsOf = (size: RowRingSize, old: RowRings | null): RowRings => {
    const bytes = workers * rowRingBytes(size);
    if (old?.size.rows !== size.rows || old.size.dataBytes !== size.dataBytes || old.memory.byteLength !== bytes) {
      return { memory: new SharedArrayBuffer(bytes), size };
    }
    for (let ring = 0; ring < workers; ring += 1) clearRowRing(old.memory, rowRingOffset(ring, size));
    return { memory: old.memory, size };
  };
  return {
    reservoir: reservoir === 'off' ? null : ringsOf(reservoirSize(signature, workers, options), left.reservoir),
    record: record === null
      ? null
      : { ...ringsOf({ rows: RECORD_ROWS, dataBytes: RECORD_BYTES }, left.record), ...record },
  };
}

/** The size of one worker's ring of recent rows. */
export function reservoirSize(
  signature: Signature, workers: number, { reservoirRows, reservoirBytes }: RowMemoryOptions,
): RowRingSize {
  const rows = powerOfTwoFrom(Math.ceil(reservoirRows / workers));
  // The largest power of two within the limit.
  const most = powerOfTwoFrom(Math.floor(reservoirBytes / workers) + 1) / 2;
  const row = rowBytes(signature);
  const wanted = row === null ? most : powerOfTwoFrom(rows * row);
  return { rows, dataBytes: Math.max(DATA_BYTES_MIN, Math.min(most, wanted)) };
}

// Bytes of one row in the ring; null when a size is open.
function rowBytes({ inputs, outputs }: Signature): number | null {
  let bytes = 0;
  for (const { datatype, shape } of inputs) {
    const elements = elementCount(shape.slice(1));
    if (elements < 0 || datatype === 'BYTES') return null;
    bytes += INPUT_HEADER_BYTES + Math.max(1, elements) * elementBytes(datatype);
  }
  let longest = 0;
  for (const { shape } of outputs) {
    const elements = elementCount(shape.slice(1));
    if (elements < 0) return null;
    longest = Math.max(longest, elements * NUMBER_BYTES);
  }
  return bytes + longest;
}

/**
 * How often a worker keeps a row: never, more and more seldom the longer a generation serves, as often as a doubt needs
 * them, or as often as another version can be asked the same.
 */
export type RowPace = 'never' | 'usual' | 'fast' | 'alarm';
const PAUSE_US: Readonly<Record<RowPace, number>> =
  { never: 0, usual: INPUT_PAUSE_US_MAX, fast: 100_000, alarm: 2_000 };

/** Tells the workers of a deployment how often to keep a row. */
export function keepRows({ reservoir }: RowMemory, workers: number, pace: RowPace): void {
  if (reservoir === null) return;
  for (let ring = 0; ring < workers; ring += 1) {
    setRowPause(reservoir.memory, rowRingOffset(ring, reservoir.size), PAUSE_US[pace]);
  }
}
