// Makes a baseline of what a version answers live, or says why not. Main thread, pure: failing checks, too few answers,
// too short a time, or answers so unlike those of the version before that somebody has to say that this is meant.
import { lastgoodError } from '../../base/errors.ts';
import { baselineOfPredictions } from '../../judge/baseline/baseline.ts';
import { countInBins } from '../../judge/statistics/bins.ts';
import { CHECKS } from '../../judge/checks/table.ts';
import { computeInputBaseline } from '../../judge/baseline/input-baseline.ts';
import type { CapturedInputs, CapturedPredictions, CheckResult } from '../../judge/types/messages.ts';
import { populationStability } from '../../judge/statistics/statistics.ts';
import { numberText } from '../../judge/types/number-text.ts';
import { BASELINE_ROWS_MIN } from '../../judge/baseline/reference.ts';
import type { JudgeOptions } from '../../options/options.ts';
import type { Baseline, InputBaseline, VersionRecord } from '../../domain/records.ts';
import { flatIndexOf, inputColumnsOf } from '../../domain/input-columns.ts';
import { judgedOutputOf, judgedTensorOf, stepElementsOf } from '../../domain/judged-output.ts';
import { isShare, rowElements } from '../../domain/prediction.ts';

/** A live baseline further than this from the one before it is another kind of answers, not a drift. */
const PSI_MAX = 1;

export interface CaptureAbout {
  /** The active version. */
  readonly version: VersionRecord;
  /** What is active; a capture of another generation has nothing in it. */
  readonly generation: number | null;
  /** All versions of the model. */
  readonly others: readonly VersionRecord[];
  readonly options: Pick<JudgeOptions, 'captureSamples' | 'captureMs'>;
  readonly acceptsNew: boolean;
  /** What text labels are called, by their number; asked only when there are some. */
  readonly labelNames: () => ReadonlyMap<number, string>;
  readonly nowMs: number;
}

/**
 * Throws NOT_HEALTHY when the checks fail: what is late or wrong is no baseline at all, and answers that have drifted
 * only become one when somebody says that this is meant.
 */
export function assertHealthy(model: string, checks: readonly CheckResult[], acceptsNew: boolean): void {
  const failing = checks.filter(({ verdict }) => verdict === 'fail');
  const drifted = failing.filter(({ check }) => CHECKS[check].cause === 'drift');
  const broken = failing.filter(({ check }) => CHECKS[check].layer < 2 && CHECKS[check].cause !== 'drift');
  const told = acceptsNew ? broken : [...broken, ...drifted];
  if (told.length === 0) return;
  const titles = told.map(({ check }) => CHECKS[check].title).join(', ');
  throw lastgoodError('NOT_HEALTHY', {
    model, reason: `these checks fail now: ${titles} (${told.map(({ text }) => text).join('; ')})`,
    wanted: broken.length > 0
      ? 'a version that answers in time and without errors'
      : 'answers like those of its baseline, or --accept-new-distribution if the new ones are meant',
  });
}

/** Throws NOT_ENOUGH_SAMPLES, also for too short a time, or INVALID_BASELINE. */
export function liveBaseline(captured: CapturedPredictions, about: CaptureAbout): Baseline {
  const { version, generation, options, acceptsNew, nowMs, labelNames } = about;
  const { model } = version;
  const { values, classCounts, entropies, projections } = captured;
  const got = captured.generation === generation ? values.length : 0;
  if (got < options.captureSamples) {
    const missing = options.captureSamples - got;
    throw lastgoodError('NOT_ENOUGH_SAMPLES', {
      model, got: `${got} live predictions`, wanted: `${options.captureSamples}, ${missing} more`,
    });
  }
  if (captured.forMs < options.captureMs) {
    const seconds = (ms: number): number => Math.ceil(ms / 1_000);
    throw lastgoodError('NOT_ENOUGH_SAMPLES', {
      model, got: `live predictions of ${seconds(captured.forMs)} s`,
      wanted: `those of ${seconds(options.captureMs)} s, ${seconds(options.captureMs - captured.forMs)} s more`,
    });
  }
  const contradiction = rangeContradiction(values, version);
  if (contradiction !== null) throw lastgoodError('INVALID_BASELINE', { path: 'live traffic', reason: contradiction });
  const before = newestLive(about);
  if (before !== null && !acceptsNew) {
    const psi = populationStability(before.bins.counts, countInBins(before.bins.edges, values));
    if (psi > PSI_MAX) {
      throw lastgoodError('INVALID_BASELINE', {
        path: 'live traffic',
        reason: `its answers are far from those that version "${before.version}" gave live: PSI ` +
          `${psi.toPrecision(3)}, wanted at most ${PSI_MAX}; --accept-new-distribution takes them all the same`,
      });
    }
  }
  const baseline = baselineOfPredictions({ values, classCounts, entropies, projections }, {
    output: judgedOutputOf(version).output ?? '', kind: version.outputKind, source: 'live',
    createdAtMs: nowMs, origin: 'live traffic', width: stepElementsOf(version),
    ...(judgedTensorOf(version)?.datatype === 'BYTES' ? { labelNames: labelNames() } : {}),
  });
  const inputs = liveInputs(captured.inputs, version, nowMs);
  return inputs === null ? baseline : { ...baseline, inputs };
}

/** What text labels are called: a sample carries the number that one stands for, its name what a file brought. */
export function labelNamesIn(baselines: readonly (Baseline | null)[]): ReadonlyMap<number, string> {
  return new Map(baselines.flatMap((baseline) =>
    (baseline?.labels ?? []).map(({ value, name }): [number, string] => [value, name])));
}

// Of a live answer only its summary is known, so this is what can be said against the kind that it is read as.
function rangeContradiction(values: readonly number[], version: VersionRecord): string | null {
  const { kind, output, isKindDeclared } = judgedOutputOf(version);
  if (kind !== 'score' && kind !== 'classes') return null;
  const classes = rowElements(judgedTensorOf(version)?.shape ?? []);
  const outside = values.filter((value) => !isShare(value, classes));
  if (outside.length === 0) return null;
  const what = kind === 'score' ? 'no score' : 'no share of a class';
  const known = isKindDeclared ? 'as declared' : 'as its baseline was until now';
  const remedy = kind === 'score' ? 'regression' : 'vector';
  return `output "${output ?? ''}" has ${outside.length} of ${values.length} live answers outside of 0 to 1 ` +
    `(${numberText(outside[0]!)} for one), which is ${what} ${known}; register the version with --output-kind ` +
    `${remedy} if that is meant`;
}

// Too few rows of inputs make no baseline of them, and stand in the way of none of the answers.
function liveInputs(
  captured: CapturedInputs | null, version: VersionRecord, createdAtMs: number,
): InputBaseline | null {
  const rows = captured?.values[0]?.length ?? 0;
  if (captured === null || rows < BASELINE_ROWS_MIN) return null;
  const columns = inputColumnsOf(version);
  const watched = captured.names.map((name, index) => {
    const column = columns.find((one) => one.name === name);
    const at = column === undefined ? -1 : flatIndexOf(version.signature, column);
    return { name, at, values: captured.values[index]! };
  });
  return computeInputBaseline(watched, { rows, source: 'live', createdAtMs });
}

// The live baseline of another version that was captured last; those of early versions of this program have no bins.
function newestLive(
  { version, others }: CaptureAbout,
): { readonly version: string; readonly bins: NonNullable<Baseline['bins']> } | null {
  let newest: { readonly version: string; readonly atMs: number; readonly bins: NonNullable<Baseline['bins']> } | null =
    null;
  for (const { version: name, baseline } of others) {
    if (name === version.version || baseline?.source !== 'live' || baseline.bins === undefined) continue;
    if (newest !== null && baseline.createdAtMs <= newest.atMs) continue;
    newest = { version: name, atMs: baseline.createdAtMs, bins: baseline.bins };
  }
  return newest;
}
