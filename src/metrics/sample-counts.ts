// What the samples of one version on one track add up to. The monitor counts, because it reads every sample anyway, and
// hands over what came since the last time; the main thread adds that up, so no total ever goes back: not with another
// version, not with a monitor that was started again. Pure; plain data.
import { isAnswered, Outcome, SampleKind } from '../shared-memory/sample-ring.ts';
import type { Sample } from '../shared-memory/sample-ring.ts';
import { addHistogram, DURATION_BOUNDS_US, newHistogram, record, ROW_BOUNDS } from './histogram.ts';
import type { Histogram } from './histogram.ts';

const OUTCOMES = Object.keys(Outcome).length;

/** Runs of one size: how many, and how long they took together. */
interface RunsOfSize {
  runs: number;
  us: number;
}

export interface SampleCounts {
  /** Requests by their outcome, and the time from their last byte to their answer, all together. */
  readonly requests: Float64Array;
  readonly requestUs: Float64Array;
  /** From a request's last byte to its answer. */
  readonly request: Histogram;
  /** From its last byte to the begin of its batch in a worker. */
  readonly queue: Histogram;
  /** The run that it was part of; requests that no run answered are not counted. */
  readonly inference: Histogram;
  /** Time in the worker that was no run: reading the request and writing the answer; of requests in a run only. */
  codecUs: number;
  /** Rows of each run. */
  readonly batch: Histogram;
  readonly runsBySize: Map<number, RunsOfSize>;
  /** Rows that were answered. */
  rows: number;
  /** When the newest answer of a run was ready, on the monotonic clock; 0 for never. */
  lastRunUs: number;
}

export function newSampleCounts(): SampleCounts {
  return {
    requests: new Float64Array(OUTCOMES), requestUs: new Float64Array(OUTCOMES),
    request: newHistogram(DURATION_BOUNDS_US), queue: newHistogram(DURATION_BOUNDS_US),
    inference: newHistogram(DURATION_BOUNDS_US), codecUs: 0,
    batch: newHistogram(ROW_BOUNDS), runsBySize: new Map(), rows: 0, lastRunUs: 0,
  };
}

/** What the outcomes of requests that got the model's answer add up to. */
export const answeredOf = (byOutcome: Float64Array): number =>
  Object.values(Outcome).filter(isAnswered).reduce<number>((sum, outcome) => sum + byOutcome[outcome]!, 0);

/** Counts one sample; further rows of a request are part of what its first sample says. */
export function countSample(counts: SampleCounts, sample: Readonly<Sample>): void {
  if (sample.kind !== SampleKind.request) return;
  const { outcome, rows, latencyUs, queueUs, runUs } = sample;
  counts.requests[outcome]! += 1;
  counts.requestUs[outcome]! += latencyUs;
  record(counts.request, DURATION_BOUNDS_US, latencyUs);
  record(counts.queue, DURATION_BOUNDS_US, queueUs);
  if (isAnswered(outcome)) counts.rows += rows;
  if (runUs === 0) return;
  record(counts.inference, DURATION_BOUNDS_US, runUs);
  counts.codecUs += Math.max(0, latencyUs - queueUs - runUs);
  counts.lastRunUs = sample.atUs;
  if (sample.isRunFirst) countRun(counts, sample);
}

/** Runs of more rows are told by the next power of two, so that there are never many sizes. */
const EXACT_ROWS_MAX = 1_024;

function countRun({ batch, runsBySize }: SampleCounts, { batchRows, runUs }: Readonly<Sample>): void {
  const rows = Math.max(1, batchRows);
  record(batch, ROW_BOUNDS, rows);
  const size = rows <= EXACT_ROWS_MAX ? rows : 2 ** Math.ceil(Math.log2(rows));
  const ofSize = runsBySize.get(size);
  if (ofSize === undefined) {
    runsBySize.set(size, { runs: 1, us: runUs });
    return;
  }
  ofSize.runs += 1;
  ofSize.us += runUs;
}

/** Adds all of `from`. */
export function addSampleCounts(into: SampleCounts, from: SampleCounts): void {
  for (let outcome = 0; outcome < OUTCOMES; outcome += 1) {
    into.requests[outcome]! += from.requests[outcome]!;
    into.requestUs[outcome]! += from.requestUs[outcome]!;
  }
  addHistogram(into.request, from.request);
  addHistogram(into.queue, from.queue);
  addHistogram(into.inference, from.inference);
  addHistogram(into.batch, from.batch);
  into.codecUs += from.codecUs;
  into.rows += from.rows;
  into.lastRunUs = Math.max(into.lastRunUs, from.lastRunUs);
  for (const [rows, { runs, us }] of from.runsBySize) {
    const known = into.runsBySize.get(rows);
    if (known === undefined) into.runsBySize.set(rows, { runs, us });
    else {
      known.runs += runs;
      known.us += us;
    }
  }
}
