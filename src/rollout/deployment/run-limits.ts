// How many rows one run of a version takes, how many one request may have, and how large its open dimensions may be:
// from what its trial measured and what the operator set. Pure; main thread.
import { hostMemoryBytes } from '../../base/process-memory.ts';
import { ROWS_LIMIT, type ModelOptions } from '../../options/options.ts';
import type { SaidLimits } from '../../options/request-limits.ts';
import type { Signature, StackingDecision, TrialReport } from '../../domain/records.ts';
import { measuredRows, type RunLimits, type SizeLimits } from '../../domain/run-limits.ts';
import { mostWithin, type RunMemory } from '../../domain/run-memory.ts';

/** For a version whose trial measured no memory: as many as the trials of early builds ran. */
const RUN_ROWS_UNMEASURED = 64;
/** Rows of a run for each request that a batch may have: a batch of one keeps its runs short. */
const ROWS_PER_REQUEST = 16;
/** A request of as many rows as it may have is done in this share of its deadline, at the speed of the trial. */
const RUN_SHARE = 1 / 2;
/** For a version whose trial could not measure a run, because the model refuses rows of zeros. */
const ROWS_MAX_UNMEASURED = 65_536;
/** What one request may take of the host's or the container's memory when nobody says. */
const REQUEST_SHARE = 1 / 8;
/** Inputs may be this many times as large as those of the golden vectors, whatever they take. */
const GIVEN_FACTOR = 2;

type RowTimes = Pick<TrialReport, 'rowMs' | 'runMs'>;

/**
 * What the operator said, or else what runs at the trial's speed within half of the deadline, and of the time after
 * which a run counts as hung: some requests of whole tensors have all their rows in one run. At least 1.
 */
export function requestRowsMax(
  { rowsMax, deadlineMs, hungMs }: Pick<ModelOptions, 'rowsMax' | 'deadlineMs' | 'hungMs'>,
  { trial: { rowMs = 0, runMs }, stacking }: {
    readonly trial: RowTimes; readonly stacking?: Pick<StackingDecision, 'mode'>;
  },
): number {
  if (rowsMax !== undefined) return rowsMax;
  // Rows that must not share a run get one each.
  const msPerRow = stacking?.mode === 'none' ? runMs : rowMs || runMs;
  if (!(msPerRow > 0)) return ROWS_MAX_UNMEASURED;
  const rows = Math.floor((Math.min(deadlineMs, hungMs) * RUN_SHARE) / msPerRow);
  return Math.min(ROWS_LIMIT, Math.max(1, rows));
}

type LimitOptions = Pick<
  ModelOptions, 'runMemoryMax' | 'runRowsMax' | 'batchSizeMax' | 'requestMemoryMax' | 'elementsMax' | 'dimensionMax'
>;
interface Measured {
  readonly signature: Signature;
  readonly trial: Pick<TrialReport, 'memory'>;
  readonly requestLimits?: SaidLimits;
}

/** What the runs of a version may have: by what was said of it, of its model, or by what was learned, in this order. */
export function runLimits(
  options: LimitOptions, { signature, trial: { memory }, requestLimits = {} }: Measured,
): RunLimits {
  const { runMemoryMax, runRowsMax, batchSizeMax } = options;
  const measured = memory === undefined ? RUN_ROWS_UNMEASURED : measuredRows(memory, runMemoryMax);
  const rows = runRowsMax ?? Math.min(measured, batchSizeMax * ROWS_PER_REQUEST);
  const elements = mostWithin(memory?.open ?? [], runMemoryMax, 'elements');
  return { rows, elements, request: sizeLimits({ ...options, ...requestLimits }, signature, memory) };
}

function sizeLimits(
  { runMemoryMax, requestMemoryMax, elementsMax, dimensionMax }: LimitOptions,
  { inputs }: Signature, memory: RunMemory | undefined,
): SizeLimits {
  const bytes = requestMemoryMax ?? Math.max(runMemoryMax, hostMemoryBytes() * REQUEST_SHARE);
  const { rows = [], open = [], dimensions = [], given = [] } = memory ?? {};
  const sizes = inputs.map(({ shape }, input) => shape.map((size, axis) => {
    if (size >= 0) return Infinity;
    const dimension = dimensions.find(({ axes }) => axes.some(([at, on]) => at === input && on === axis));
    // The first one of an input counts rows, unless the trial knows it for another.
    if (dimensionMax !== undefined && (dimension !== undefined || axis > 0)) return dimensionMax;
    const curve = dimension === undefined ? rows : dimensions.length === 1 ? open : dimension.curve;
    return Math.max(mostWithin(curve, bytes, 'size'), GIVEN_FACTOR * (given[input]?.[axis] ?? 0));
  }));
  const measured = mostWithin(open, bytes, 'elements');
  return { elements: elementsMax ?? Math.max(measured, GIVEN_FACTOR * elementsOf(given)), sizes };
}

const elementsOf = (shapes: readonly (readonly number[])[]): number =>
  shapes.reduce((sum, shape) => sum + shape.reduce((product, size) => product * size, 1), 0);
