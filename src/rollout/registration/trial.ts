// Runs the first load of an artefact in a child process with limits of time and memory. Main thread, or a CLI without
// an engine.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants, getPriority, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { TELEMETRY_OFF_ENVIRONMENT } from '../../base/telemetry-off.ts';
import { watchMemory } from './memory-watch.ts';
import type { Golden, Signature, StackingDecision, TrialReport } from '../../domain/records.ts';

const ENTRY = fileURLToPath(new URL('./trial-child.js', import.meta.url));
/** What native code wrote last is the best hint at why it crashed. */
const STDERR_CHARS_MAX = 2_000;

export interface TrialRequest {
  readonly path: string;
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
export type TrialStage = 'start' | 'load' | 'warm up' | 'golden check' | 'stacking probe';
export type TrialMessage =
  | { readonly kind: 'stage'; readonly stage: TrialStage }
  | { readonly kind: 'passed'; readonly findings: TrialFindings }
  | { readonly kind: 'done'; readonly stacking: StackingDecision }
  | { readonly kind: 'failed'; readonly reason: string };

export interface TrialLimits {
  readonly trialMs: number;
  /** Resident bytes of the whole child, of which Node and the runtime need about 100 MiB. */
  readonly memoryBytes: number;
}

/** Whoever serves goes first, however nice it is itself: a trial may take its time. */
const TRIAL_NICENESS = 10;

function stepBack(pid: number | undefined): void {
  try {
    if (pid === undefined) return;
    setPriority(pid, Math.min(constants.priority.PRIORITY_LOW, getPriority() + TRIAL_NICENESS));
  } catch {
    // It has ended already; its end tells more.
  }
}

/** Limit of the stacking probe: a time for itself, and the model's, in runs of one row, of which it needs some 60. */
const PROBE_MS = 5_000;
const PROBE_RUNS_MAX = 500;

const mebibytes = (bytes: number): number => Math.round(bytes / 1024 ** 2);

/**
 * Resolves with what the trial measured, or rejects with an Error that says what happened to the child. Made-up rows
 * condemn nobody: a version that has passed and then ends the process, or does not end, in the probe is not stacked.
 */
export async function runTrial(request: TrialRequest, { trialMs, memoryBytes }: TrialLimits): Promise<TrialResult> {
  const child = fork(ENTRY, [], {
    execArgv: [],
    env: { ...process.env, ...TELEMETRY_OFF_ENVIRONMENT },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  stepBack(child.pid);
  let stage: TrialStage = 'start';
  let exceeded: string | null = null;
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_CHARS_MAX)));
  // The child has no state of ours: it is killed at once, whatever it is doing.
  const kill = (why: string): void => {
    exceeded = why;
    child.kill('SIGKILL');
  };
  const killAfter = (ms: number): NodeJS.Timeout => setTimeout(() => kill(`was not done within ${ms} ms`), ms);
  let timer = killAfter(trialMs);
  let passed: TrialFindings | null = null;
  const stopWatch = watchMemory(child.pid ?? 0, memoryBytes, (bytes) =>
    kill(`took ${mebibytes(bytes)} MiB of memory; wanted at most ${mebibytes(memoryBytes)} MiB`));
  try {
    return await new Promise<TrialResult>((resolve, reject) => {
      child.on('message', (message: TrialMessage) => {
        if (message.kind === 'stage') stage = message.stage;
        else if (message.kind === 'failed') end(message.reason);
        else if (message.kind === 'done') resolve({ ...passed!, stacking: message.stacking });
        else {
          passed = message.findings;
          clearTimeout(timer);
          timer = killAfter(Math.min(trialMs, Math.round(PROBE_MS + PROBE_RUNS_MAX * passed.report.runMs)));
        }
      });
      const end = (reason: string): void => {
        if (passed === null) reject(new Error(reason));
        else resolve({ ...passed, stacking: { mode: 'none', reason } });
      };
      child.once('error', reject);
      child.once('close', (code, signal) => {
        end(exceeded === null
          ? `its process ended during the ${stage} with ${endOf(signal, code)}${hint(stderr)}`
          : `the ${stage} ${exceeded}`);
      });
      child.send(request);
    });
  } finally {
    clearTimeout(timer);
    stopWatch();
    await gone(child, trialMs);
  }
}

const endOf = (signal: NodeJS.Signals | null, code: number | null): string => signal ?? `code ${code ?? 0}`;

const hint = (stderr: string): string => {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return last === '' ? '' : `: ${last}`;
};

// A child that has answered leaves by itself; one that does not is not waited for beyond a limit.
async function gone(child: ChildProcess, limitMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), Math.min(limitMs, 5_000));
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
