// Takes the admin socket's place in the data directory, and with it the ownership of that directory. Main thread.
// The server listens under a name of its own; a hard link gives it the known name, which fails when that is taken. So
// nothing is ever unlinked but a socket that nobody listens on, and the one that this process made.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, linkSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { dirname, join, resolve as absolute } from 'node:path';
import { assertAccess } from '../artifacts/access.ts';
import { isLastgoodError, lastgoodError, reasonOf } from '../base/errors.ts';

/** A Unix socket's address holds so many bytes, the last one being zero. */
const SOCKET_PATH_BYTES_MAX = 107;
const DIRECTORY_MODE = 0o700;
const SOCKET_MODE = 0o600;
/** Everything but reading and writing by the owner is masked while the socket file comes into being. */
const SOCKET_UMASK = 0o177;
/** A disk that is full or mounted read-only. */
const DISK_CODES = ['EROFS', 'ENOSPC', 'EDQUOT'];
/** Two starting engines can get in each other's way so often before one gives up. */
const ATTEMPTS_MAX = 5;

/** Where the admin socket of a data directory lies. */
export const adminSocketPath = (dataDir: string): string => join(absolute(dataDir), 'admin.sock');

/** A claimed socket. */
export interface SocketClaim {
  readonly path: string;
  /** Unlinks the socket if it still is this one; returns why it could not, which the next engine does not mind. */
  release(): string | null;
}

/** Lets `server` listen on the directory's admin socket; throws ADMIN_IN_USE, DISK_REFUSED or ADMIN_SOCKET_FAILED. */
export async function claimSocket(dataDir: string, server: Server): Promise<SocketClaim> {
  assertAccess(dataDir);
  const path = adminSocketPath(dataDir);
  const bytes = Buffer.byteLength(path);
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    const reason = `the path has ${bytes} bytes; wanted at most ${SOCKET_PATH_BYTES_MAX}, use a shorter --data`;
    throw lastgoodError('ADMIN_SOCKET_FAILED', { path, reason });
  }
  try {
    return await listen(path, server);
  } catch (error) {
    server.close();
    if (isLastgoodError(error)) throw error;
    if (DISK_CODES.includes((error as NodeJS.ErrnoException).code ?? '')) {
      throw lastgoodError('DISK_REFUSED', { what: `the admin socket "${path}"`, reason: reasonOf(error) });
    }
    throw lastgoodError('ADMIN_SOCKET_FAILED', { path, reason: reasonOf(error) });
  }
}

async function listen(path: string, server: Server): Promise<SocketClaim> {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
  chmodSync(directory, DIRECTORY_MODE);
  // As long as the known name, so that it fits whenever that does.
  const own = join(directory, `.${randomBytes(2).toString('hex')}.sock`);
  const umask = process.umask(SOCKET_UMASK);
  try {
    server.listen(own);
  } finally {
    process.umask(umask);
  }
  await once(server, 'listening');
  chmodSync(own, SOCKET_MODE);
  const { ino } = lstatSync(own);
  try {
    await linkTo(own, path);
  } finally {
    rmSync(own);
  }
  return { path, release: () => release(path, ino) };
}

function release(path: string, ino: number): string | null {
  try {
    if (inodeOf(path) === ino) rmSync(path);
    return null;
  } catch (error) {
    return reasonOf(error);
  }
}

async function linkTo(own: string, path: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      linkSync(own, path);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt === ATTEMPTS_MAX) throw error;
    }
    await moveStaleAway(path);
  }
}

async function moveStaleAway(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw lastgoodError('ADMIN_SOCKET_FAILED', { path, reason: 'a file that is no socket lies there; move it away' });
  }
  if (await isAlive(path)) throw lastgoodError('ADMIN_IN_USE', { path });
  // Another engine may have put its own socket here since we looked: renaming shows whose it was.
  const aside = `${path}.stale`;
  renameSync(path, aside);
  if (inodeOf(aside) === found.ino) {
    rmSync(aside);
    return;
  }
  renameSync(aside, path);
  throw lastgoodError('ADMIN_IN_USE', { path });
}

const inodeOf = (path: string): number | undefined => lstatSync(path, { throwIfNoEntry: false })?.ino;

/** Tells whether somebody listens on the socket. */
export function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (alive: boolean): void => {
      socket.destroy();
      resolve(alive);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}
