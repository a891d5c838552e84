// Hashes an artefact's files again before they are loaded. Workers, trial, backtests, the doctor, a CLI without an
// engine.
// Invariant: a session gets nothing to read whose hash is not in the version's record.
import { lastgoodError, reasonOf } from '../base/errors.ts';
import { RegularFile } from '../base/regular-file.ts';
import type { ArtifactRecord, Manifest } from '../domain/records.ts';
import type { ClassLabels, DefaultValue } from '../onnx/derive/open-zipmap.ts';
import { artifactFiles, artifactPath, derivedPath } from './directory.ts';
import { ARTIFACT_BYTES_MAX } from './manifest.ts';

/** What a session is opened on. */
export interface ModelFile {
  readonly path: string;
  readonly kind: Manifest['kind'];
  /** Beside it, the files that its weights lie in. */
  readonly dataFiles: readonly string[];
  /** The names of classes that an output has a number for each of, by output. */
  readonly labels?: Readonly<Record<string, ClassLabels>>;
  /** The values of inputs that may be left out, by input. */
  readonly defaults?: Readonly<Record<string, DefaultValue>>;
}

/** The model of an artefact as it was given; nothing has been looked at. */
export function givenFileOf(dataDir: string, artifact: ArtifactRecord): ModelFile {
  const { kind = 'onnx', files = [] } = artifact.manifest ?? {};
  return { path: artifactPath(dataDir, artifact), kind, dataFiles: files.slice(1).map(({ name }) => name) };
}

/** What is loaded of an artefact: its model, or what is derived of it; nothing has been looked at. */
export function modelFileOf(dataDir: string, artifact: ArtifactRecord): ModelFile {
  const given = givenFileOf(dataDir, artifact);
  const { derived } = artifact;
  return derived === undefined ? given : { ...given, path: derivedPath(dataDir, artifact, derived) };
}

/**
 * Hashes every file of the artefact as it was given, and returns those; throws ARTIFACT_DAMAGED when one is missing or
 * has other contents.
 */
export async function verifyArtifact(dataDir: string, artifact: ArtifactRecord): Promise<ModelFile> {
  for (const { name, path, sha256 } of artifactFiles(dataDir, artifact)) {
    const damaged = (reason: string): Error => lastgoodError('ARTIFACT_DAMAGED', {
      sha256: artifact.sha256, reason: name === null ? reason : `its file "${name}": ${reason}`,
    });
    const found = await hashOf(path).catch((error: unknown) => {
      throw damaged(reasonOf(error));
    });
    if (found !== sha256) throw damaged(`its contents have SHA-256 ${found.slice(0, 12)}`);
  }
  return givenFileOf(dataDir, artifact);
}

export async function hashOf(path: string): Promise<string> {
  const file = RegularFile.open(path, ARTIFACT_BYTES_MAX);
  try {
    return await file.sha256();
  } finally {
    file.close();
  }
}
