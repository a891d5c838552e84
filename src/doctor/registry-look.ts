// Asks the probe process what the registry holds. Any process.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProbeAnswer } from './findings.ts';

const ENTRY = fileURLToPath(new URL('./registry-probe.js', import.meta.url));
const PROBE_MS_MAX = 60_000;

/** Resolves with the contents, or with the reason why they cannot be had. */
export function probeRegistry(dataDir: string): Promise<ProbeAnswer> {
  const child = fork(ENTRY, [], {
    execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'], serialization: 'advanced',
  });
  return new Promise((resolve) => {
    const refused = (reason: string): void => resolve({ kind: 'refused', reason });
    const timer = setTimeout(() => {
      refused(`reading it was not done within ${PROBE_MS_MAX} ms`);
      child.kill('SIGKILL');
    }, PROBE_MS_MAX);
    child.once('message', (answer: ProbeAnswer) => resolve(answer));
    child.once('error', (error) => refused(error.message));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      refused(`its file is torn: reading it ended the process with ${signal ?? `code ${code ?? 0}`}`);
    });
    child.send(dataDir);
  });
}
