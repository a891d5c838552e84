// Where the files of versions lie, in <data>/artifacts, and what else is there while a registration is under way. Main
// thread, workers, or a CLI without an engine.
//
//   SHA256.onnx, SHA256.ort        an artefact of one file, by its contents
//   SHA256/                        an artefact of several files, by its manifest
//   SHA256.RULES.derived           what is loaded in place of a model, see derived.ts; SHA256/RULES.derived likewise
//   SHA256.RULES.SIZES.derived     the same, with open dimensions of these sizes, by a digest of them
//   UUID.part                      a copy that is being made
//   registering-PID-UUID.lock      a registration that is under way
//
// Invariant: what has its final name is complete, on disk, and never written again.
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { lastgoodError, reasonOf } from '../base/errors.ts';
import { kindOf } from '../base/regular-file.ts';
import type { ArtifactRecord, DerivedFile, ManifestFile } from '../domain/records.ts';
import { DIRECTORY_MODE, FILE_MODE } from './write.ts';

const TEMPORARY = '.part';
const DERIVED = '.derived';
const SIZES_CHARACTERS = 16;
const ARTIFACT_NAME = /^[0-9a-f]{64}(?:\.onnx|\.ort)?$/;
const DIGEST = /^[0-9a-f]{64}/;
/** Beside the artefacts while a registration is under way: registering-PID-….lock. */
const LOCK_NAME = /^registering-(\d+)-[0-9a-f-]+\.lock$/;
/** A temporary file older than this belongs to nobody any more. */
const TEMPORARY_AGE_MS_MAX = 3_600_000;

export const artifactDirectory = (dataDir: string): string => join(dataDir, 'artifacts');

/** Where a copy may be made that nobody takes for an artefact. */
export const temporaryPath = (dataDir: string): string =>
  join(artifactDirectory(dataDir), `${randomUUID()}${TEMPORARY}`);

/** What an artefact is called among the others. */
export function artifactName({ sha256, manifest }: ArtifactRecord): string {
  if (manifest === undefined) return `${sha256}.onnx`;
  return manifest.files.length === 1 ? `${sha256}.${manifest.kind}` : sha256;
}

/** Where the model of an artefact lies, the file that was given. */
export function artifactPath(dataDir: string, artifact: ArtifactRecord): string {
  const path = join(artifactDirectory(dataDir), artifactName(artifact));
  const files = artifact.manifest?.files ?? [];
  return files.length > 1 ? join(path, files[0]!.name) : path;
}

/** Where what these rules make of the model lies: beside its data files, where it has some. */
export function derivedPath(
  dataDir: string, artifact: ArtifactRecord, { rules, sizes }: Pick<DerivedFile, 'rules' | 'sizes'>,
): string {
  const digest = sizes === undefined ? '' : `.${digestOfSizes(sizes)}`;
  const name = `${rules.map((rule) => rule.replace('/', '-')).join('+')}${digest}${DERIVED}`;
  const path = artifactPath(dataDir, artifact);
  if ((artifact.manifest?.files.length ?? 1) > 1) return join(dirname(path), name);
  return join(artifactDirectory(dataDir), `${artifact.sha256}.${name}`);
}

// A name of a dimension may have any characters.
const digestOfSizes = (sizes: NonNullable<DerivedFile['sizes']>): string =>
  createHash('sha256').update(JSON.stringify(Object.entries(sizes).sort())).digest('hex').slice(0, SIZES_CHARACTERS);

/** Every file of an artefact, by the digest that it has to have; `name` is null where it is the only one. */
export function artifactFiles(
  dataDir: string, artifact: ArtifactRecord,
): { readonly name: string | null; readonly sha256: string; readonly path: string }[] {
  const path = artifactPath(dataDir, artifact);
  const files: readonly ManifestFile[] = artifact.manifest?.files ?? [];
  if (files.length <= 1) return [{ name: null, sha256: artifact.sha256, path }];
  return files.map(({ name, sha256 }) => ({ name, sha256, path: join(dirname(path), name) }));
}

/** Tells whether a directory has this name. */
export const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** Tells whether a file or folder of this name is a whole artefact: half a copy has another one. */
export const isArtifact = (name: string): boolean => ARTIFACT_NAME.test(name);
export const isDerived = (name: string): boolean => name.endsWith(DERIVED);
/** The digest of the artefact that a file of this name belongs to; null when it belongs to none. */
export const digestIn = (name: string): string | null => DIGEST.exec(name)?.[0] ?? null;
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
  const directory = artifactDirectory(dataDir);
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

/** Deletes the artefact that no version uses any more; a directory in the place of a file is none and stays. */
export async function removeArtifact(dataDir: string, sha256: string): Promise<void> {
  for (const name of artifactNames(dataDir).filter((one) => digestIn(one) === sha256)) {
    const path = join(artifactDirectory(dataDir), name);
    if (name === sha256 || !isDirectory(path)) await rm(path, { recursive: true, force: true });
  }
}

/** The names of the artefacts and of what lies beside them; throws DATA_UNUSABLE where no directory has their place. */
export function artifactNames(dataDir: string): string[] {
  const directory = artifactDirectory(dataDir);
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found === undefined) return [];
  if (found.isDirectory()) return readdirSync(directory).sort();
  const reason = `"${directory}" is ${kindOf(found)}, and has to be the directory of the artefacts; move it away`;
  throw lastgoodError('DATA_UNUSABLE', { path: dataDir, reason });
}

/** Deletes copies and locks that a crash left behind. */
export async function removeStaleParts(dataDir: string, nowMs: number): Promise<void> {
  const directory = artifactDirectory(dataDir);
  for (const name of artifactNames(dataDir)) {
    const path = join(directory, name);
    if (isRegistrationLock(name) && !isHeldByLiving(name)) await rm(path, { force: true }).catch(() => undefined);
    // A disk that refuses keeps it; nobody reads it.
    if (isPart(name) && nowMs - (await newestMs(path)) > TEMPORARY_AGE_MS_MAX) {
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

// When anything was last written in a copy.
async function newestMs(path: string): Promise<number> {
  const inside = await readdir(path, { recursive: true }).catch(() => []);
  const times = [path, ...inside.map((name) => join(path, name))].map(async (one) => (await stat(one)).mtimeMs);
  // What cannot be looked at is gone, or is somebody's.
  return Math.max(...(await Promise.all(times.map((time) => time.catch(() => Infinity)))));
}
