// Whether this process may use a data directory, and if not, which user may. Any thread or process.
// A directory that cannot be entered looks like one where nothing lies, so whoever opens one asks here first.
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { lastgoodError } from '../base/errors.ts';

const { R_OK, W_OK, X_OK } = constants;

/** What every use of a data directory needs of the files that are there; a socket is written to by connecting. */
const NEEDED: readonly (readonly [path: string, mode: number])[] = [
  ['.', R_OK | X_OK], ['admin.sock', W_OK], ['registry', R_OK | X_OK], [join('registry', 'data.mdb'), R_OK],
];

/** Throws PERMISSION_DENIED, which names the owner, when another user's directory keeps this process out. */
export function assertAccess(dataDir: string): void {
  for (const [name, mode] of NEEDED) {
    const path = join(resolve(dataDir), name);
    try {
      accessSync(path, mode);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES' || ((mode & X_OK) !== 0 && isFile(path))) continue;
      throw lastgoodError('PERMISSION_DENIED', { path, user: userName(process.getuid?.()), owner: ownerOf(path) });
    }
  }
}

// A file where a folder belongs can be entered by nobody: whoever opens it says what it is.
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// Of the path, or of the nearest one above it that shows whose it is.
function ownerOf(path: string): string {
  try {
    return userName(statSync(path).uid);
  } catch {
    const above = dirname(path);
    return above === path ? userName(0) : ownerOf(above);
  }
}

function userName(uid: number | undefined): string {
  const line = new RegExp(`^([^:\\n]+):[^:\\n]*:${uid}:`, 'm');
  try {
    return line.exec(readFileSync('/etc/passwd', 'utf8'))?.[1] ?? `user ${uid}`;
  } catch {
    return `user ${uid}`;
  }
}
