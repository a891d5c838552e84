// The file that is loaded in place of a model which cannot be served as it is: made by named rules (onnx/derive), kept
// beside the model, hashed like it, and made again from it whenever it is missing or damaged.
//
//   SHA256.RULES.derived           of an artefact of one file
//   SHA256/RULES.derived           of one of several: its weights lie beside it, as they do beside the model
//
// Main thread at registration, workers and backtests at a load.
// Invariant: what is loaded has the hash that the version's record has for it.
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { lastgoodError, reasonOf } from '../base/errors.ts';
import { RegularFile } from '../base/regular-file.ts';
import type { ArtifactRecord, DerivedFile } from '../domain/records.ts';
import { derive } from '../onnx/derive/derive.ts';
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
type Plan = NonNullable<ReturnType<typeof derive>>;

/**
 * Makes what is loaded in place of the model; null when that is the model itself, because no rule has anything to do,
 * or because it cannot be read, which its trial has words for. Throws DISK_REFUSED.
 */
export async function addDerived(dataDir: string, artifact: ArtifactRecord): Promise<Made | null> {
  if (artifact.manifest?.kind === 'ort') return null;
  return withModel(dataDir, artifact, async (model) => {
    const plan = planOf(model);
    if (plan === null) return null;
    const { rules, labels, defaults } = plan;
    const path = derivedPath(dataDir, artifact, rules);
    try {
      const written = await write(dataDir, model, plan, (temporary) => rename(temporary, path));
      return { derived: { rules, ...written }, labels, defaults };
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
  dataDir: string, model: RegularFile, { rules, sha256 }: DerivedFile, path: string,
): Promise<void> {
  const plan = derive(sourceOf(model), rules);
  const other = (): Error =>
    new Error(`${rules.join(' and ')} of this build make another file of it; register it again`);
  if (plan === null) throw other();
  await write(dataDir, model, plan, async (temporary, found) => {
    if (found !== sha256) throw other();
    await rename(temporary, path);
  });
}

const sourceOf = ({ descriptor, bytes }: RegularFile): ByteSource => ByteSource.ofFile(descriptor, bytes);

function planOf(model: RegularFile): Plan | null {
  try {
    return derive(sourceOf(model));
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
