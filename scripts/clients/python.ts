// A Python of its own for the check of foreign clients: a virtual environment below the system's folder for temporary
// files, made once for each set of requirements. Nothing outside that folder is changed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastLine, run } from './commands.ts';

const PIP_SECONDS_MAX = 180;
const PROBE_SECONDS_MAX = 30;
const COMPLETE = 'complete';

/** Why a part of the check cannot run here. */
export class NotAtHand extends Error {}

/** Folder for what is fetched once; another one for other contents. */
export function cacheFolder(name: string, contents: string): string {
  const hash = createHash('sha256').update(`${process.getuid?.() ?? 0} ${contents}`).digest('hex').slice(0, 12);
  return join(tmpdir(), `lastgood-${name}-${hash}`);
}

/** Lets `make` fill the folder, unless it was filled before; one that was left half made is made anew. */
export function filled(folder: string, make: () => void): string {
  const mark = join(folder, COMPLETE);
  if (existsSync(mark)) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  make();
  writeFileSync(mark, '');
  return folder;
}

/** The environment's interpreter, with the requirements in `file` installed; throws NotAtHand. */
export function preparePython(file: string): string {
  const system = run('python3', ['-c', 'import sys, venv, ensurepip; print(sys.version)'], PROBE_SECONDS_MAX);
  if (!system.isDone) throw new NotAtHand('python3 with its venv module is not at hand');
  const contents = readFileSync(file, 'utf8') + system.output;
  const folder = filled(cacheFolder('python', contents), () => {
    const folderNow = cacheFolder('python', contents);
    const made = run('python3', ['-m', 'venv', folderNow], PIP_SECONDS_MAX);
    if (!made.isDone) throw new NotAtHand(`python3 -m venv failed: ${lastLine(made.output)}`);
    const installed = run(join(folderNow, 'bin', 'python'), [...PIP, 'install', '-r', file], PIP_SECONDS_MAX);
    if (!installed.isDone) throw new NotAtHand(`pip could not install the clients: ${lastLine(installed.output)}`);
  });
  return join(folder, 'bin', 'python');
}

/** Arguments that come before pip's verb. */
export const PIP = ['-m', 'pip', '--quiet', '--disable-pip-version-check', '--retries', '2', '--timeout', '20'];
