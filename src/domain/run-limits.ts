// What one run and one request of a version may have, as the workers obey it and as people are shown it. Pure.
import type { NanInputs, Signature, VersionRecord } from './records.ts';
import { mostWithin, type RunMemory } from './run-memory.ts';

/** Rows of one session run, whatever it takes; larger requests are run in several. */
export const RUN_ROWS_MAX = 1_024;
/** What one run, and one request, may have. */
export interface RunLimits {
  /** Most rows of a run that is made up of several. */
  readonly rows: number;
  /** Most elements of all inputs of such a run. */
  readonly elements: number;
  /** Of a request, or of each of its rows where rows get runs as they fit. */
  readonly request: SizeLimits;
}

export interface SizeLimits {
  /** Most elements of all inputs. */
  readonly elements: number;
  /** Most of each dimension, by input and axis; Infinity where it is fixed. */
  readonly sizes: readonly (readonly number[])[];
}

/** Whatever is asked for is run. */
export function noLimits({ inputs }: Signature, rows: number): RunLimits {
  const sizes = inputs.map(({ shape }) => shape.map(() => Infinity));
  return { rows, elements: Infinity, request: { elements: Infinity, sizes } };
}

/** The limits as they are shown; null for what has none. */
export interface LimitsView {
  readonly rowsPerRun: number;
  readonly elementsPerRun: number | null;
  readonly elements: number | null;
  readonly dimensions: readonly { readonly input: string; readonly dimension: number; readonly most: number }[];
}

/** Of a version that is stacked a request of many rows gets several runs, so the number of them has no limit here. */
export function limitsView(
  { rows, elements, request }: RunLimits,
  { signature: { inputs }, stacking }: Pick<VersionRecord, 'signature' | 'stacking'>,
): LimitsView {
  const areDivided = stacking?.mode === 'rows';
  const shown = (limit: number): number | null => (Number.isFinite(limit) ? limit : null);
  return {
    rowsPerRun: stacking?.mode === 'none' ? 1 : rows,
    elementsPerRun: shown(elements),
    elements: shown(request.elements),
    dimensions: request.sizes.flatMap((sizes, input) => sizes.flatMap((most, dimension) =>
      (!Number.isFinite(most) || (areDivided && dimension === 0)
        ? [] : [{ input: inputs[input]!.name, dimension, most }]))),
  };
}

/**
 * Rows whose run takes no more than `runMemoryMax`: as many as were measured, since an arena grows in steps; more only
 * where the measurement ended before that.
 */
export function measuredRows({ rows }: RunMemory, runMemoryMax: number): number {
  const over = rows.findIndex(({ bytes }) => bytes > runMemoryMax);
  if (over >= 0) return rows[Math.max(0, over - 1)]!.size;
  return Math.min(RUN_ROWS_MAX, mostWithin(rows, runMemoryMax, 'size'));
}

/** Whether the version is asked about NaN: one that fails at it is not, or clients could make it look broken. */
export const nanInputsOf = ({ declared, trial }: Pick<VersionRecord, 'declared' | 'trial'>): NanInputs =>
  declared?.nanInputs ?? (trial.nanAnswers === 'failure' ? 'refuse' : 'allow');
