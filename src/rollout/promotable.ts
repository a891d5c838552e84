// May this version be made the active one? Asked before anything is loaded; the registry asks again in its transaction.
import { lastgoodError } from '../base/errors.ts';
import type { VersionRecord } from '../registry/records.ts';
import type { RegistryReader } from '../registry/reader.ts';
import { signatureDifference } from './signature.ts';

/** Throws ALREADY_ACTIVE, PINNED, QUARANTINED or SIGNATURE_CHANGED. */
export function checkPromotable(
  registry: RegistryReader,
  candidate: VersionRecord,
  allowSignatureChange: boolean,
): void {
  const { model, version } = candidate;
  const { activeVersion, pin } = registry.model(model);
  if (activeVersion === version) throw lastgoodError('ALREADY_ACTIVE', { model, version });
  if (pin !== null) throw lastgoodError('PINNED', { model, version: activeVersion ?? '' });
  if (candidate.health === 'unhealthy') {
    throw lastgoodError('QUARANTINED', { model, version, reason: candidate.quarantine?.reason ?? 'unhealthy' });
  }
  if (activeVersion === null || allowSignatureChange) return;
  const difference = signatureDifference(registry.version(model, activeVersion).signature, candidate.signature);
  if (difference !== null) throw lastgoodError('SIGNATURE_CHANGED', { model, version, difference });
}
