// Runs the first load of an artefact in a child process with a time limit. Main thread, or a CLI without an engine.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TELEMETRY_OFF_ENVIRONMENT } from '../telemetry-off.ts';
import type { TrialMessage, TrialRequest, TrialResult, TrialStage } from './trial-messages.ts';

const ENTRY = fileURLToPath(new URL('./trial-child.js', import.meta.url));
/** What native code wrote last is the best hint at why it crashed. */
const STDERR_CHARS_MAX = 2_000;

/** Resolves with what the trial measured, or rejects with an Error that says what happened to the child. */
export async function runTrial(request: TrialRequest, limitMs: number): Promise<TrialResult> {
  const child = fork(ENTRY, [], {
    execArgv: [],
    env: { ...process.env, ...TELEMETRY_OFF_ENVIRONMENT },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stage: TrialStage = 'start';
  let timedOut = false;
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_CHARS_MAX)));
  // The child has no state of ours: it is killed at once, whatever it is doing.
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, limitMs);
  try {
    return await new Promise<TrialResult>((resolve, reject) => {
      child.on('message', (message: TrialMessage) => {
        if (message.kind === 'stage') stage = message.stage;
        else if (message.kind === 'done') resolve(message.result);
        else reject(new Error(message.reason));
      });
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (timedOut) reject(new Error(`the ${stage} was not done within ${limitMs} ms`));
        else reject(new Error(`its process ended during the ${stage} with ${endOf(signal, code)}${hint(stderr)}`));
      });
      child.send(request);
    });
  } finally {
    clearTimeout(timer);
    await gone(child, limitMs);
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
