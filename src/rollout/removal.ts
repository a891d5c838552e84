// Forgets versions and deletes the artefacts that no version uses any more. Main thread, or a CLI without an engine.
// The registry goes first: a crash in between leaves a file too many, never a version without its file.
import { removeArtifact } from '../registry/artifacts.ts';
import type { Registry } from '../registry/registry.ts';

/** Removes a version, or the whole model when none is named; throws VERSION_IN_USE and then has changed nothing. */
export async function removeVersions(
  { dataDir, registry }: { readonly dataDir: string; readonly registry: Registry },
  target: { readonly model: string; readonly version?: string },
  by: string,
): Promise<{ removed: string[]; artifacts: string[] }> {
  const { removed, orphans } = await registry.commit(() => registry.remove({ ...target, by }));
  for (const sha256 of orphans) await removeArtifact(dataDir, sha256);
  return { removed, artifacts: orphans };
}
