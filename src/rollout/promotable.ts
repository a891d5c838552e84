// May this version be made the active one? Asked before anything is loaded; the registry asks again in its transaction.
import { lastgoodError } from '../base/errors.ts';
import type { VersionRecord } from '../domain/records.ts';
import type { RegistryReader } from '../registry/reader.ts';
import { signatureDifference } from './signature.ts';

/** What a promote may do all the same. */
export interface PromoteLeave {
  /** Inputs and outputs may differ from those of the active version. */
  readonly allowSignatureChange: boolean;
  /** The file may be in quarantine under another name. */
  readonly force?: boolean;
}

/** Throws ALREADY_ACTIVE, PINNED, QUARANTINED, FILE_QUARANTINED or SIGNATURE_CHANGED. */
export function checkPromotable(
  registry: RegistryReader, candidate: VersionRecord, { allowSignatureChange, force = false }: PromoteLeave,
): void {
  const { model, version } = candidate;
  const record = registry.model(model);
  registry.assertPromotable(record, candidate, force);
  if (record.activeVersion === null || allowSignatureChange) return;
  const difference = signatureDifference(registry.version(model, record.activeVersion).signature, candidate.signature);
  if (difference !== null) throw lastgoodError('SIGNATURE_CHANGED', { model, version, difference });
}
