// Runs the first load of an artefact in a child process with limits of time and memory. Main thread, or a CLI without
// an engine.
import { fileURLToPath } from 'node:url';
import type { ModelFile } from '../../artifacts/verify.ts';
import { ManagedChild } from '../../base/managed-child.ts';
import { watchMemory } from './memory-watch.ts';
import type { Golden, Signature, StackingDecision, TrialReport } from '../../domain/records.ts';

const ENTRY = fileURLToPath(new URL('./trial-child.js', import.meta.url));

export interface TrialRequest {
  readonly file: ModelFile;
  readonly intraOpThreads: number;
  readonly golden: Golden | null;
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
type TrialStage = 'start' | 'load' | 'warm up' | 'golden check' | 'stacking probe';
export type TrialMessage =
  | { readonly kind: 'stage'; readonly stage: TrialStage }
  | { readonly kind: 'passed'; readonly findings: TrialFindings }
  | TrialAnswer;
/** The last message. */
type TrialAnswer =
  | { readonly kind: 'done'; readonly stacking: StackingDecision }
  | { readonly kind: 'failed'; readonly reason: string };

interface TrialLimits {
  readonly trialMs: number;
  /** Resident bytes of the whole child, of which Node and the runtime need about 100 MiB. */
  readonly memoryBytes: number;
}

/** Whoever serves goes first, however nice it is itself: a trial may take its time. */
const TRIAL_NICENESS = 10;

/** Limit of the stacking probe: a time for itself, and the model's, in runs of one row, of which it needs some 60. */
const PROBE_MS = 5_000;
const PROBE_RUNS_MAX = 500;
/** A child that has answered leaves by itself; one that does not is not waited for beyond this. */
const LEAVE_MS_MAX = 5_000;

const mebibytes = (bytes: number): number => Math.round(bytes / 1024 ** 2);

/**
 * Resolves with what the trial measured, or rejects with an Error that says what happened to the child. Made-up rows
 * condemn nobody: a version that has passed and then ends the process, or does not end, in the probe is not stacked.
 */
export async function runTrial(request: TrialRequest, { trialMs, memoryBytes }: TrialLimits): Promise<TrialResult> {
  let stage: TrialStage = 'start';
  let exceeded: string | null = null;
  let passed: TrialFindings | null = null;
  let answered: (answer: TrialAnswer) => void = () => undefined;
  const answer = new Promise<TrialAnswer>((resolve) => (answered = resolve));
  const child = new ManagedChild<TrialRequest, TrialMessage>({
    entry: ENTRY, stderr: 'keep', niceness: TRIAL_NICENESS,
    onReport: (message) => {
      if (message.kind === 'stage') stage = message.stage;
      else if (message.kind === 'passed') {
        passed = message.findings;
        clearTimeout(timer);
        timer = killAfter(Math.min(trialMs, Math.round(PROBE_MS + PROBE_RUNS_MAX * passed.report.runMs)));
      } else answered(message);
    },
  });
  const kill = (why: string): void => {
    exceeded = why;
    child.kill();
  };
  const killAfter = (ms: number): NodeJS.Timeout => setTimeout(() => kill(`was not done within ${ms} ms`), ms);
  let timer = killAfter(trialMs);
  const stopWatch = watchMemory(child.pid ?? 0, memoryBytes, (bytes) =>
    kill(`took ${mebibytes(bytes)} MiB of memory; wanted at most ${mebibytes(memoryBytes)} MiB`));
  void child.ended.then((how) => {
    const hint = child.lastWords === '' ? '' : `: ${child.lastWords}`;
    const ended = `its process ended during the ${stage} with ${how}${hint}`;
    answered({ kind: 'failed', reason: exceeded === null ? ended : `the ${stage} ${exceeded}` });
  });
  try {
    child.post(request);
    const last = await answer;
    const findings = passed as TrialFindings | null;
    if (findings === null) throw new Error(last.kind === 'failed' ? last.reason : 'its process skipped its trial');
    return { ...findings, stacking: last.kind === 'done' ? last.stacking : { mode: 'none', reason: last.reason } };
  } finally {
    clearTimeout(timer);
    stopWatch();
    await child.endWithin(Math.min(trialMs, LEAVE_MS_MAX));
  }
}
