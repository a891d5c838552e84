// Prepared models: what the runtime made of an artefact on this host, its weights packed as the operators want them, in
// files that all sessions of the process map and share. They lie in <data>/prepared, apart from the artefacts, because
// they can be made again and are good for nobody else:
//
//   KEY/           of one artefact, one way to run it, one build of the runtime and one kind of processor
//   KEY/prepared.json   its files by their SHA-256, or why there are none
//   UUID.part/     one that is being made
//
// Main thread, workers, or a CLI without an engine. Invariants: what has its final name is complete, and never written
// again, since sessions have it mapped; a session maps nothing whose hash is not in prepared.json.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { ArtifactRecord, ManifestFile } from '../domain/records.ts';
import type { SessionOptions } from '../options/session-options.ts';
import { hashOf, type ModelFile } from './verify.ts';
import { DIRECTORY_MODE, FILE_MODE } from './write.ts';

/** The model of a prepared folder, and the file of its weights. */
export const PREPARED_MODEL = 'model.onnx';
export const PREPARED_WEIGHTS = 'weights.bin';
const LIST = 'prepared.json';
const TEMPORARY = '.part';
/** A temporary folder that is older belongs to nobody any more. */
const TEMPORARY_AGE_MS_MAX = 3_600_000;
/** Bytes of a disk that are left to everybody else. */
const FREE_BYTES_MIN = 256 * 1024 ** 2;

const NAMES: readonly string[] = [PREPARED_MODEL, PREPARED_WEIGHTS];

interface List {
  readonly files: readonly ManifestFile[];
  /** Why there are no files: it is not tried again. */
  readonly refused?: string;
}

const preparedDirectory = (dataDir: string): string => join(dataDir, 'prepared');
const folderOf = (dataDir: string, key: string): string => join(preparedDirectory(dataDir), key);

let host: string | null = null;

// What the packing of weights depends on.
function hostText(): string {
  if (host !== null) return host;
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { readonly version: string };
  let processor = process.arch as string;
  try {
    processor = /^(?:flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? processor;
  } catch {
    // Not on this system.
  }
  host = `${process.platform} ${process.arch} ${version} ${processor}`;
  return host;
}

/** What is prepared, and how it is to be run, which the graph and the packing may depend on. */
type PreparedOf = Pick<ArtifactRecord, 'sha256' | 'derived'> & { readonly session?: SessionOptions | undefined };

/** The name of what is prepared of an artefact, or of what is derived of it, on this host. */
export function preparedKey({ sha256, derived, session }: PreparedOf): string {
  const way = session === undefined ? '' : JSON.stringify(session);
  return createHash('sha256').update(`${sha256} ${derived?.sha256 ?? ''}${hostText()}${way}`).digest('hex');
}

/** Whether sessions have files to open; their hashes are looked at by whoever opens them. */
export const isPrepared = (dataDir: string, key: string): boolean =>
  existsSync(join(folderOf(dataDir, key), PREPARED_WEIGHTS));

/** What is known of it: nothing, that it cannot be, or its bytes. */
export async function lookPrepared(dataDir: string, key: string): Promise<'unknown' | 'refused' | number> {
  const list = await readList(folderOf(dataDir, key));
  if (list === null) return 'unknown';
  return list.refused === undefined ? list.files.reduce((sum, { bytes }) => sum + bytes, 0) : 'refused';
}

async function readList(folder: string): Promise<List | null> {
  try {
    const { files, refused } = JSON.parse(await readFile(join(folder, LIST), 'utf8')) as Partial<List>;
    if (typeof refused === 'string') return { files: [], refused };
    const names = files?.map(({ name }) => name).join();
    return files !== undefined && names === NAMES.join() ? { files } : null;
  } catch {
    return null;
  }
}

/** What a session is to be opened on; null, and gone from the disk, when it is not as it was made. */
export async function verifyPrepared(dataDir: string, key: string): Promise<ModelFile | null> {
  const folder = folderOf(dataDir, key);
  const list = await readList(folder);
  if (list === null || list.files.length === 0) return null;
  for (const { name, sha256 } of list.files) {
    if ((await hashOf(join(folder, name)).catch(() => null)) === sha256) continue;
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    return null;
  }
  return { path: join(folder, PREPARED_MODEL), kind: 'onnx', dataFiles: [PREPARED_WEIGHTS] };
}

/** A folder to prepare in; throws an Error when the disk has no room for so many bytes and some to spare. */
export async function beginPrepared(dataDir: string, bytes: number): Promise<string> {
  const directory = preparedDirectory(dataDir);
  await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < bytes + FREE_BYTES_MIN) throw new Error('the disk has not enough room');
  const temporary = join(directory, `${randomUUID()}${TEMPORARY}`);
  await mkdir(temporary, { mode: DIRECTORY_MODE });
  return temporary;
}

/** Publishes what was prepared in `temporary`, or that it cannot be; returns its bytes. */
export async function publishPrepared(
  dataDir: string, key: string, temporary: string, refused?: string,
): Promise<number> {
  const files: ManifestFile[] = [];
  for (const name of refused === undefined ? NAMES : []) {
    const path = join(temporary, name);
    await sync(path);
    files.push({ name, sha256: await hashOf(path), bytes: (await stat(path)).size });
  }
  const list: List = { files, ...(refused === undefined ? {} : { refused }) };
  for (const name of await readdir(temporary)) {
    if (files.every((file) => file.name !== name)) await rm(join(temporary, name), { recursive: true });
  }
  await writeFile(join(temporary, LIST), JSON.stringify(list), { mode: FILE_MODE, flush: true });
  const folder = folderOf(dataDir, key);
  // What is in its place was not whole, or was made by somebody else meanwhile.
  await rm(folder, { recursive: true, force: true });
  await rename(temporary, folder);
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

export const discardPrepared = (temporary: string): Promise<void> =>
  rm(temporary, { recursive: true, force: true }).catch(() => undefined);

/**
 * Removes what is prepared of anything but `wanted`, and of those, which come in the order in which they are missed
 * most, what does not fit in `bytesMax`. Whoever has it mapped keeps it: only the name goes.
 */
export async function prunePrepared(
  dataDir: string, wanted: readonly string[], bytesMax: number, nowMs: number,
): Promise<void> {
  const directory = preparedDirectory(dataDir);
  let bytes = 0;
  const kept = new Set<string>();
  for (const key of wanted) {
    const found = await lookPrepared(dataDir, key);
    if (typeof found === 'number') bytes += found;
    if (bytes <= bytesMax) kept.add(key);
  }
  for (const name of await readdir(directory).catch(() => [])) {
    const path = join(directory, name);
    const isMaking = name.endsWith(TEMPORARY) &&
      nowMs - (await stat(path).then(({ mtimeMs }) => mtimeMs, () => nowMs)) < TEMPORARY_AGE_MS_MAX;
    if (!kept.has(name) && !isMaking) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
