// Hashes an artefact's files again before they are loaded. Workers, trial, backtests, the doctor, a CLI without an
// engine.
// Invariant: a session gets nothing to read whose hash is not in the version's record.
import { lastgoodError, reasonOf } from '../base/errors.ts';
import { RegularFile } from '../base/regular-file.ts';
import type { ArtifactRecord, Manifest } from '../domain/records.ts';
import { artifactFiles, artifactPath } from './directory.ts';
import { ARTIFACT_BYTES_MAX } from './manifest.ts';

/** What a session is opened on. */
export interface ModelFile {
  readonly path: string;
  readonly kind: Manifest['kind'];
  /** Beside it, the files that its weights lie in. */
  readonly dataFiles: readonly string[];
}

/** The model of an artefact; nothing has been looked at. */
export function modelFileOf(dataDir: string, artifact: ArtifactRecord): ModelFile {
  const { kind = 'onnx', files = [] } = artifact.manifest ?? {};
  return { path: artifactPath(dataDir, artifact), kind, dataFiles: files.slice(1).map(({ name }) => name) };
}

/** Hashes every file of the artefact; throws ARTIFACT_DAMAGED when one is missing or has other contents. */
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
  return modelFileOf(dataDir, artifact);
}

export async function hashOf(path: string): Promise<string> {
  const file = RegularFile.open(path, ARTIFACT_BYTES_MAX);
  try {
    return await file.sha256();
  } finally {
    file.close();
  }
}
