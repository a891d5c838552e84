// Model files, named by their SHA-256 in <data>/artifacts. Any thread may verify; only the registering process adds.
// Invariant: a file under its final name is complete, on disk, and never written again.
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isLastgoodError, lastgoodError, reasonOf } from '../base/errors.ts';
import { kindOf, RegularFile } from '../base/regular-file.ts';

/** Larger files are refused. */
export const ARTIFACT_BYTES_MAX = 8 * 1024 ** 3;

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const TEMPORARY = '.part';
const ARTIFACT_NAME = /^[0-9a-f]{64}\.onnx$/;
/** Beside the artefacts while a registration is under way: registering-PID-….lock. */
const LOCK_NAME = /^registering-(\d+)-[0-9a-f-]+\.lock$/;
/** A temporary file older than this belongs to nobody any more. */
const TEMPORARY_AGE_MS_MAX = 3_600_000;

export interface Artifact {
  readonly sha256: string;
  readonly bytes: number;
  readonly path: string;
  /** False when the same contents were there already. */
  readonly created: boolean;
}

const directoryOf = (dataDir: string): string => join(dataDir, 'artifacts');

/** Where the artefact with these contents lies. */
export const artifactPath = (dataDir: string, sha256: string): string => join(directoryOf(dataDir), `${sha256}.onnx`);

/**
 * Copies the file at `source` in; the copy is on disk when this resolves. A damaged file under the artefact's name is
 * replaced, so that registering the same model again heals it. Throws FILE_UNREADABLE or DISK_REFUSED.
 */
export async function addArtifact(dataDir: string, source: string): Promise<Artifact> {
  const file = openSource(source);
  const directory = directoryOf(dataDir);
  const temporary = join(directory, `${randomUUID()}${TEMPORARY}`);
  try {
    await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    const { sha256, bytes } = await copyAndHash(chunksOf(file, source), temporary);
    const path = artifactPath(dataDir, sha256);
    const created = isFree(path);
    // The rename is what publishes: a crash before it leaves only a temporary file. Whoever has the old file mapped
    // keeps it: only the name moves.
    if (created || (await hashOf(path).catch(() => null)) !== sha256) await rename(temporary, path);
    await syncDirectory(directory);
    return { sha256, bytes, path, created };
  } catch (error) {
    if (isLastgoodError(error)) throw error;
    throw lastgoodError('DISK_REFUSED', { what: `a copy of "${source}" into "${directory}"`, reason: reasonOf(error) });
  } finally {
    file.close();
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

// A rename takes the place of everything but a directory. Tells whether nothing is there.
function isFree(path: string): boolean {
  if (isDirectory(path)) throw new Error(`"${path}" is a directory; move it away first`);
  return statSync(path, { throwIfNoEntry: false }) === undefined;
}

/** Tells whether a directory has this name. */
export const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function openSource(path: string): RegularFile {
  try {
    return RegularFile.open(path, ARTIFACT_BYTES_MAX);
  } catch (error) {
    throw lastgoodError('FILE_UNREADABLE', { path, reason: reasonOf(error) });
  }
}

// Hashes what was written, not what a second read of the source would give.
async function copyAndHash(
  chunks: AsyncIterable<Buffer>, target: string,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash('sha256');
  const file = await open(target, 'wx', FILE_MODE);
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      await file.writeFile(chunk);
      bytes += chunk.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}

// So that a source which cannot be read is not taken for a disk that cannot be written.
async function* chunksOf(file: RegularFile, path: string): AsyncGenerator<Buffer> {
  try {
    yield* file.pieces();
  } catch (error) {
    throw lastgoodError('FILE_UNREADABLE', { path, reason: reasonOf(error) });
  }
}

async function hashOf(path: string): Promise<string> {
  const file = RegularFile.open(path, ARTIFACT_BYTES_MAX);
  try {
    const hash = createHash('sha256');
    for await (const piece of file.pieces()) hash.update(piece);
    return hash.digest('hex');
  } finally {
    file.close();
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Hashes the artefact again; throws ARTIFACT_DAMAGED when it is missing or has other contents. */
export async function verifyArtifact(dataDir: string, sha256: string): Promise<string> {
  const path = artifactPath(dataDir, sha256);
  const found = await hashOf(path).catch((error: unknown) => {
    throw lastgoodError('ARTIFACT_DAMAGED', { sha256, reason: reasonOf(error) });
  });
  if (found !== sha256) {
    throw lastgoodError('ARTIFACT_DAMAGED', { sha256, reason: `its contents have SHA-256 ${found.slice(0, 12)}` });
  }
  return path;
}

/** Tells whether a file of this name is a whole artefact: half a copy has another one. */
export const isArtifact = (name: string): boolean => ARTIFACT_NAME.test(name);
export const isPart = (name: string): boolean => name.endsWith(TEMPORARY);
export const isRegistrationLock = (name: string): boolean => LOCK_NAME.test(name);

/** Tells whether the process that made a registration lock still runs. */
export function isHeldByLiving(lock: string): boolean {
  try {
    process.kill(Number(LOCK_NAME.exec(lock)?.[1]), 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Runs `work` while a lock file says that an artefact may be there which no version uses yet; throws DISK_REFUSED when
 * there can be none.
 */
export async function whileRegistering<T>(dataDir: string, work: () => Promise<T>): Promise<T> {
  const directory = directoryOf(dataDir);
  const path = join(directory, `registering-${process.pid}-${randomUUID()}.lock`);
  try {
    await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    await (await open(path, 'wx', FILE_MODE)).close();
  } catch (error) {
    throw lastgoodError('DISK_REFUSED', { what: `"${path}"`, reason: reasonOf(error) });
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true }).catch(() => undefined);
  }
}

/** Deletes the file of an artefact that no version uses any more; a directory in its place is no artefact and stays. */
export async function removeArtifact(dataDir: string, sha256: string): Promise<void> {
  const path = artifactPath(dataDir, sha256);
  if (!isDirectory(path)) await rm(path, { force: true });
}

/** The names of the artefacts and of what lies beside them; throws DATA_UNUSABLE where no directory has their place. */
export function artifactNames(dataDir: string): string[] {
  const directory = directoryOf(dataDir);
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (found.isDirectory()) return readdirSync(directory).sort();
  const reason = `"${directory}" is ${kindOf(found)}, and has to be the directory of the artefacts; move it away`;
  throw lastgoodError('DATA_UNUSABLE', { path: dataDir, reason });
}

/** Deletes temporary files and locks that a crash left behind. */
export async function removeStaleParts(dataDir: string, nowMs: number): Promise<void> {
  const directory = directoryOf(dataDir);
  for (const name of artifactNames(dataDir)) {
    const path = join(directory, name);
    if (isRegistrationLock(name) && !isHeldByLiving(name)) await rm(path, { force: true }).catch(() => undefined);
    if (!isPart(name)) continue;
    const found = await stat(path).catch(() => null);
    if (found !== null && nowMs - found.mtimeMs > TEMPORARY_AGE_MS_MAX) {
      // A disk that refuses keeps it; nobody reads it.
      await rm(path, { force: true }).catch(() => undefined);
    }
  }
}
