// Runs the programs that the check of foreign clients needs, with a limit on each.
import { spawnSync } from 'node:child_process';

export interface Finished {
  /** Exit code 0 within the limit. */
  readonly isDone: boolean;
  /** Standard output, then standard error. */
  readonly output: string;
}

/** Runs a program to its end. */
export function run(program: string, args: readonly string[], secondsMax: number): Finished {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8', timeout: secondsMax * 1e3, maxBuffer: 64 * 1024 * 1024, killSignal: 'SIGKILL',
  });
  return { isDone: status === 0 && error === undefined, output: `${stdout}${stderr}${error?.message ?? ''}` };
}

/** The last line that says something. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}
