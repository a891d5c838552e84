// Whether an operator has just put the last version that could be gone back to out of reach. Pure, but for reading the
// registry. That is said and not refused: a version that is known to be bad must not stay for being the last one.
//
//   there was a target, and none is left     a warning
//   there is another one, or was none        nothing: what never served was no target before either
import type { VersionRecord } from '../domain/records.ts';
import type { RegistryReader } from '../registry/reader.ts';

type Known = Pick<RegistryReader, 'model' | 'rollbackTarget' | 'versions'>;

/**
 * A sentence without a full stop when nothing is left to go back to, now that `taken` is in quarantine, and that was
 * different while it was not; null otherwise.
 */
export function lastFallbackGone(registry: Known, taken: VersionRecord): string | null {
  const { model, version, lastGeneration } = taken;
  const { activeVersion } = registry.model(model);
  if (activeVersion === null || lastGeneration === 0 || registry.rollbackTarget(model) !== undefined) return null;
  const fresh = registry.versions(model)
    .filter((one) => one.lastGeneration === 0 && one.health !== 'unhealthy')
    .map((one) => one.version);
  const hint = fresh.length === 0 ? '' : `; ${fresh.join(', ')} never served`;
  return `with version ${version} in quarantine nothing is left to go back to: should ${activeVersion} fail, it goes ` +
    `on answering${hint}`;
}
