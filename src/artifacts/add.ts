// Copies what an operator registers into the data directory, hashed as it is written: the model, and every file that it
// takes weights from, which the copy itself names. Main thread, or a CLI without an engine.
// Invariant: what is published is what was hashed, complete and on disk; the source is read once.
import { lstatSync, readSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isLastgoodError, lastgoodError, reasonOf } from '../base/errors.ts';
import { RegularFile } from '../base/regular-file.ts';
import type { ArtifactRecord, Manifest, ManifestFile } from '../domain/records.ts';
import { externalFilesOf } from '../onnx/external-data.ts';
import {
  artifactDirectory, artifactFiles, artifactName, isDirectory, temporaryPath,
} from './directory.ts';
import { type GivenModel, openGiven } from './given.ts';
import { ARTIFACT_BYTES_MAX, bytesOf, checkedDataFiles, digestOf, MODEL_NAME, roomAfter } from './manifest.ts';
import { hashOf } from './verify.ts';
import { DIRECTORY_MODE, syncDirectory, writeHashed } from './write.ts';

export interface AddedArtifact extends ArtifactRecord {
  readonly bytes: number;
  /** False when the same contents were there already. */
  readonly created: boolean;
}

/**
 * Copies the model at `source` in, with its data files: a file with them beside it, a folder, or a .tar. The copy is on
 * disk when this resolves. Damaged files of the same artefact are replaced, so that registering a model again heals it.
 * Throws FILE_UNREADABLE or DISK_REFUSED.
 */
export async function addArtifact(dataDir: string, source: string): Promise<AddedArtifact> {
  const given = openGiven(source);
  const directory = artifactDirectory(dataDir);
  const temporary = temporaryPath(dataDir);
  try {
    await mkdir(temporary, { recursive: true, mode: DIRECTORY_MODE });
    const manifest = await copyAll(given, source, temporary);
    const artifact = artifactOf(manifest);
    const created = await (manifest.files.length === 1 ? publishFile : publishFolder)(dataDir, artifact, temporary);
    await syncDirectory(directory);
    return { ...artifact, bytes: bytesOf(manifest.files), created };
  } catch (error) {
    if (isLastgoodError(error)) throw error;
    throw lastgoodError('DISK_REFUSED', { what: `a copy of "${source}" into "${directory}"`, reason: reasonOf(error) });
  } finally {
    given.close();
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
  }
}

function artifactOf(manifest: Manifest): ArtifactRecord {
  const [first, ...others] = manifest.files;
  if (others.length > 0) return { sha256: digestOf(manifest), manifest };
  // As it always was, and as everybody's own tools call the file.
  return { sha256: first!.sha256, ...(manifest.kind === 'onnx' ? {} : { manifest }) };
}

async function copyAll(given: GivenModel, source: string, folder: string): Promise<Manifest> {
  const files = [await copy(given.model(), folder, MODEL_NAME)];
  const path = join(folder, MODEL_NAME);
  if (isOrt(path)) return { kind: 'ort', files };
  for (const name of dataFilesOf(path, source)) {
    files.push(await copy(given.dataFile(name, roomAfter(files)), folder, name));
  }
  return { kind: 'onnx', files };
}

function dataFilesOf(path: string, source: string): string[] {
  let names: ReadonlySet<string>;
  try {
    names = externalFilesOf(path, ARTIFACT_BYTES_MAX);
  } catch {
    // Its trial says what is wrong with it.
    return [];
  }
  try {
    return checkedDataFiles(names);
  } catch (error) {
    throw lastgoodError('FILE_UNREADABLE', { path: source, reason: reasonOf(error) });
  }
}

// What the runtime's own format begins with, behind four bytes.
function isOrt(path: string): boolean {
  const file = RegularFile.open(path, ARTIFACT_BYTES_MAX);
  try {
    const head = Buffer.alloc(8);
    readSync(file.descriptor, head, 0, 8, 0);
    return head.toString('latin1', 4) === 'ORTM';
  } finally {
    file.close();
  }
}

async function copy(pieces: AsyncIterable<Buffer>, folder: string, name: string): Promise<ManifestFile> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  return { name, ...(await writeHashed(path, pieces)) };
}

// The rename is what publishes: a crash before it leaves only a temporary folder. Whoever has the old file mapped keeps
// it: only the name moves. Tells whether nothing was there.
async function publishFile(dataDir: string, artifact: ArtifactRecord, temporary: string): Promise<boolean> {
  const path = join(artifactDirectory(dataDir), artifactName(artifact));
  // A rename takes the place of everything but a directory.
  if (isDirectory(path)) throw new Error(`"${path}" is a directory; move it away first`);
  const created = lstatSync(path, { throwIfNoEntry: false }) === undefined;
  if (created || !(await isWhole(path, artifact.sha256))) await rename(join(temporary, MODEL_NAME), path);
  return created;
}

async function publishFolder(dataDir: string, artifact: ArtifactRecord, temporary: string): Promise<boolean> {
  const path = join(artifactDirectory(dataDir), artifactName(artifact));
  const files = artifactFiles(dataDir, artifact);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    for (const folder of new Set(files.map(({ name }) => dirname(join(temporary, name!))))) await syncDirectory(folder);
    await rename(temporary, path);
    return true;
  }
  if (!found.isDirectory()) throw new Error(`"${path}" is no directory; move it away first`);
  for (const file of files) {
    if (await isWhole(file.path, file.sha256)) continue;
    await mkdir(dirname(file.path), { recursive: true, mode: DIRECTORY_MODE });
    await rename(join(temporary, file.name!), file.path);
    await syncDirectory(dirname(file.path));
  }
  return false;
}

const isWhole = async (path: string, sha256: string): Promise<boolean> =>
  (await hashOf(path).catch(() => null)) === sha256;
