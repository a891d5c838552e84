// Runs the first load of an artefact in a child process with limits of time and memory. Main thread, or a CLI without
// an engine.
import { fileURLToPath } from 'node:url';
import type { ModelFile } from '../../artifacts/verify.ts';
import { decodeError, type FailedTask, failedTask } from '../../base/errors.ts';
import { ManagedChild } from '../../base/managed-child.ts';
import type { SessionOptions } from '../../options/session-options.ts';
import { RUN_MEMORY_DEFAULT } from '../../options/options.ts';
import { watchMemory } from '../preparation/memory-watch.ts';
import type {
  Golden, GoldenCase, NanAnswers, Signature, StackingDecision, TrialReport,
} from '../../domain/records.ts';
import type { ValidationRow } from '../../domain/known-answers.ts';
import type { Measured } from '../../worker/session/memory-probe.ts';

const ENTRY = fileURLToPath(new URL('./trial-child.js', import.meta.url));

export interface TrialRequest {
  readonly file: ModelFile;
  /** The model itself, where `file` is derived from it. */
  readonly given: ModelFile | null;
  readonly intraOpThreads: number;
  /** The version's own session options; all are the engine's by default. */
  readonly session?: SessionOptions | undefined;
  readonly golden: Golden | null;
  /** Rows that the model is known to take; none by default. */
  readonly known?: readonly GoldenCase['inputs'][];
  /** Rows with the answers that a file says the model gives; none by default. */
  readonly validation?: readonly ValidationRow[];
  /** Answers that differ from them are only told. */
  readonly mayDiffer?: boolean;
}
/** What the child is told. */
export interface TrialOrder extends TrialRequest, Pick<TrialLimits, 'memoryBytes'> {
  readonly runMemoryMax: number;
}
/** What a version has to pass. */
export interface TrialFindings {
  readonly signature: Signature;
  readonly report: TrialReport;
  readonly warnings: readonly string[];
}
export interface TrialResult extends TrialFindings {
  readonly stacking: StackingDecision;
}
type TrialStage =
  | 'start' | 'load' | 'warm up' | 'golden check' | 'comparison with the file\'s predictions'
  | 'memory measurement' | 'stacking probe' | 'probe of missing values';
export type TrialMessage =
  | { readonly kind: 'stage'; readonly stage: TrialStage }
  | { readonly kind: 'passed'; readonly findings: TrialFindings }
  | { readonly kind: 'measured'; readonly measured: Measured | null }
  | { readonly kind: 'stacked'; readonly stacking: StackingDecision }
  | TrialAnswer;
/** The last message. */
type TrialAnswer =
  | { readonly kind: 'done'; readonly nanAnswers: NanAnswers | null }
  | FailedTask;

interface TrialLimits {
  readonly trialMs: number;
  /** Anonymous bytes of the whole child, of which Node and the runtime need some 50 MiB. */
  readonly memoryBytes: number;
  /** What a run may take: the rows of the largest are chosen by it; the default of that option by default. */
  readonly runMemoryMax?: number | undefined;
}


/**
 * Limit of the memory measurement and of the stacking probe, each: a time for itself, and the model's, in runs of one
 * row, of which the probe needs some 60, and some 110 where every number of rows is tried.
 */
const PROBE_MS = 5_000;
const PROBE_RUNS_MAX = 500;
const PROBE_RUNS_MS_MAX = 25_000;
const PROBE_LOADS_MAX = 8;
/** A child that has answered leaves by itself; one that does not is not waited for beyond this. */
const LEAVE_MS_MAX = 5_000;

const mebibytes = (bytes: number): number => Math.round(bytes / 1024 ** 2);

/**
 * Resolves with what the trial measured, or rejects with an Error that says what happened to the child. What comes
 * then condemns nobody: a version that ends the process, or does not end, while its memory is measured or its rows are
 * probed is not stacked.
 */
export async function runTrial(request: TrialRequest, limits: TrialLimits): Promise<TrialResult> {
  const { trialMs, memoryBytes, runMemoryMax = RUN_MEMORY_DEFAULT } = limits;
  let stage: TrialStage = 'start';
  let exceeded: string | null = null;
  let passed: TrialFindings | null = null;
  let measured: Measured | null = null;
  let stacked: StackingDecision | null = null;
  let answered: (answer: TrialAnswer) => void = () => undefined;
  const answer = new Promise<TrialAnswer>((resolve) => (answered = resolve));
  const child = new ManagedChild<TrialOrder, TrialMessage>({
    // JSON has no missing numbers.
    entry: ENTRY, stderr: 'keep', isBackground: true, serialization: 'advanced',
    onReport: (message) => {
      if (message.kind === 'stage') stage = message.stage;
      else if (message.kind === 'passed') {
        passed = message.findings;
        allowProbe(passed.report);
      } else if (message.kind === 'measured') {
        ({ measured } = message);
        if (passed !== null) allowProbe(passed.report);
      } else if (message.kind === 'stacked') {
        stacked = message.stacking;
        if (passed !== null) allowProbe(passed.report);
      } else answered(message);
    },
  });
  const kill = (why: string): void => {
    exceeded = why;
    child.kill();
  };
  const killAfter = (ms: number): NodeJS.Timeout => setTimeout(() => kill(`was not done within ${ms} ms`), ms);
  let timer = killAfter(trialMs);
  const allowProbe = ({ runMs, loadMs }: TrialReport): void => {
    clearTimeout(timer);
    const runsMs = Math.min(PROBE_RUNS_MS_MAX, PROBE_RUNS_MAX * runMs);
    timer = killAfter(Math.min(trialMs, Math.round(PROBE_MS + runsMs + PROBE_LOADS_MAX * loadMs)));
  };
  const stopWatch = watchMemory(child.pid ?? 0, memoryBytes, (bytes) =>
    kill(`took ${mebibytes(bytes)} MiB of memory; wanted at most ${mebibytes(memoryBytes)} MiB`));
  void child.ended.then((how) => {
    const hint = child.lastWords === '' ? '' : `: ${child.lastWords}`;
    const ended = `its process ended during the ${stage} with ${how}${hint}`;
    answered(failedTask(new Error(exceeded === null ? ended : `the ${stage} ${exceeded}`)));
  });
  try {
    child.post({ ...request, memoryBytes, runMemoryMax });
    const last = await answer;
    const findings = passed as TrialFindings | null;
    if (findings === null) {
      throw last.kind === 'failed' ? decodeError(last.error) : new Error('its process skipped its trial');
    }
    // What ends the process, or does not end, once NaN is asked about fails at it.
    const decided = stacked as StackingDecision | null;
    const reason = last.kind === 'failed' ? last.error.message : 'its process skipped the probe';
    const stacking = decided ?? { mode: 'none' as const, reason };
    const nanAnswers = last.kind === 'done' ? last.nanAnswers : decided === null ? null : 'failure';
    const { report, ...found } = withMemory(findings, request.golden, measured);
    return { ...found, report: { ...report, ...(nanAnswers === null ? {} : { nanAnswers }) }, stacking };
  } finally {
    clearTimeout(timer);
    stopWatch();
    await child.endWithin(Math.min(trialMs, LEAVE_MS_MAX));
  }
}

function withMemory(findings: TrialFindings, golden: Golden | null, measured: Measured | null): TrialFindings {
  if (measured === null) return findings;
  const { report, signature } = findings;
  const { rowMs, memory } = measured;
  const given = golden === null ? {} : { given: largestGiven(golden, signature) };
  const least = Math.min(rowMs || Infinity, report.rowMs || Infinity);
  const rowMsLeast = Number.isFinite(least) ? least : 0;
  return { ...findings, report: { ...report, rowMs: rowMsLeast, memory: { ...memory, ...given } } };
}

const largestGiven = ({ cases }: Golden, { inputs }: Signature): readonly (readonly number[])[] =>
  inputs.map(({ name, shape }) => shape.map((_, axis) =>
    cases.reduce((most, one) => Math.max(most, one.inputs[name]?.shape[axis] ?? 0), 0)));
