// The file that is loaded in place of a model which cannot be served as it is: made by named rules (onnx/derive), kept
// beside the model, hashed like it, and made again from it whenever it is missing or damaged.
//
//   SHA256.RULES.derived           of an artefact of one file
//   SHA256/RULES.derived           of one of several: its weights lie beside it, as they do beside the model
//   …RULES.SIZES.derived           where open dimensions of it were given sizes
//
// Main thread at registration, workers and backtests at a load.
// Invariant: what is loaded has the hash that the version's record has for it.
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lastgoodError, reasonOf } from '../base/errors.ts';
import { RegularFile } from '../base/regular-file.ts';
import type { ArtifactRecord, DerivedFile } from '../domain/records.ts';
import { derive } from '../onnx/derive/derive.ts';
import { type DimensionSizes, openDimensions } from '../onnx/derive/fix-dimensions.ts';
import { type OnnxModel, readModel } from '../onnx/graph.ts';
import { ByteSource } from '../onnx/protobuf.ts';
import { artifactPath, derivedPath, temporaryPath } from './directory.ts';
import { ARTIFACT_BYTES_MAX } from './manifest.ts';
import { hashOf, type ModelFile, modelFileOf, verifyArtifact } from './verify.ts';
import { syncDirectory, writeHashed } from './write.ts';

interface Made {
  readonly derived: DerivedFile;
  readonly labels: NonNullable<ModelFile['labels']>;
  readonly defaults: NonNullable<ModelFile['defaults']>;
}
/** Of a model's open dimensions. */
const NAMES_SHOWN = 8;

type Plan = NonNullable<ReturnType<typeof derive>>;

/**
 * Makes what is loaded in place of the model; null when that is the model itself, because no rule has anything to do,
 * or because it cannot be read, which its trial has words for. Throws DISK_REFUSED, and INVALID_OPTION for sizes of
 * dimensions that it has not.
 */
export async function addDerived(
  dataDir: string, artifact: ArtifactRecord, sizes: DimensionSizes = {},
): Promise<Made | null> {
  const named = Object.keys(sizes);
  if (artifact.manifest?.kind === 'ort') {
    if (named.length > 0) throw refusedSize(named[0]!, 'a file of the .ort format has no graph that could be changed');
    return null;
  }
  return withModel(dataDir, artifact, async (model) => {
    if (named.length > 0) assertNamed(model, named);
    const plan = planOf(model, sizes);
    if (plan === null) return null;
    const { rules, labels, defaults } = plan;
    const made = { rules, ...(named.length === 0 ? {} : { sizes }) };
    const path = derivedPath(dataDir, artifact, made);
    try {
      const written = await write(dataDir, model, plan, (temporary) => rename(temporary, path));
      return { derived: { ...made, ...written }, labels, defaults };
    } catch (error) {
      throw lastgoodError('DISK_REFUSED', { what: `"${path}"`, reason: reasonOf(error) });
    }
  });
}

/**
 * What a session is opened on: the model, every file of it hashed, or what is derived from it. Throws ARTIFACT_DAMAGED;
 * an Error when that has to be made again and this build cannot.
 */
export async function loadableModel(dataDir: string, artifact: ArtifactRecord): Promise<ModelFile> {
  await verifyArtifact(dataDir, artifact);
  const { derived } = artifact;
  const file = modelFileOf(dataDir, artifact);
  if (derived === undefined) return file;
  const { path } = file;
  if ((await hashOf(path).catch(() => null)) !== derived.sha256) {
    await withModel(dataDir, artifact, (model) => makeAgain(dataDir, model, derived, path));
  }
  return file;
}

async function makeAgain(
  dataDir: string, model: RegularFile, { rules, sizes, sha256 }: DerivedFile, path: string,
): Promise<void> {
  const plan = derive(sourceOf(model), rules, sizes);
  const other = (): Error =>
    new Error(`${rules.join(' and ')} of this build make another file of it; register it again`);
  if (plan === null) throw other();
  await write(dataDir, model, plan, async (temporary, found) => {
    if (found !== sha256) throw other();
    await rename(temporary, path);
  });
}

const sourceOf = ({ descriptor, bytes }: RegularFile): ByteSource => ByteSource.ofFile(descriptor, bytes);

const refusedSize = (name: string, reason: string): Error =>
  lastgoodError('INVALID_OPTION', { reason: `session.freeDimensions: ${JSON.stringify(name)}: ${reason}` });

function assertNamed(file: RegularFile, names: readonly string[]): void {
  let model: OnnxModel;
  try {
    model = readModel(sourceOf(file));
  } catch {
    // Its trial says what is wrong with it.
    return;
  }
  const known = openDimensions(model);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const shown = known.slice(0, NAMES_SHOWN).map((name) => JSON.stringify(name)).join(', ') || 'none: it has no other';
  throw refusedSize(unknown, `no input of the model has an open dimension of this name; wanted of ${shown}`);
}

function planOf(model: RegularFile, sizes: DimensionSizes): Plan | null {
  try {
    return derive(sourceOf(model), undefined, sizes);
  } catch {
    return null;
  }
}

async function withModel<T>(
  dataDir: string, artifact: ArtifactRecord, act: (model: RegularFile) => Promise<T>,
): Promise<T> {
  const model = RegularFile.open(artifactPath(dataDir, artifact), ARTIFACT_BYTES_MAX);
  try {
    return await act(model);
  } finally {
    model.close();
  }
}

// Several threads may make the same file at the same time: each writes its own, and the last name wins.
async function write(
  dataDir: string, model: RegularFile, { pieces }: Plan, publish: (temporary: string, sha256: string) => Promise<void>,
): Promise<Pick<DerivedFile, 'sha256' | 'bytes'>> {
  const temporary = temporaryPath(dataDir);
  try {
    const written = await writeHashed(temporary, contentOf(model, pieces));
    await publish(temporary, written.sha256);
    await syncDirectory(dirname(temporary));
    return written;
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

async function* contentOf(model: RegularFile, pieces: Plan['pieces']): AsyncGenerator<Uint8Array, void> {
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) yield piece;
    else yield* model.part(piece.from, piece.to - piece.from);
  }
}
