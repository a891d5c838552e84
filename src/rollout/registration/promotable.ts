// May this version be made the active one, and would clients notice? Asked before anything is loaded; the registry asks
// again in its transaction.
import { isDeepStrictEqual } from 'node:util';
import { lastgoodError } from '../../base/errors.ts';
import type { Signature, TensorSignature, VersionRecord } from '../../domain/records.ts';
import type { RegistryReader } from '../../registry/reader.ts';

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

const show = (tensor: TensorSignature): string => `${tensor.name} ${tensor.datatype}[${tensor.shape.join(',')}]`;

function differenceOf(
  side: 'input' | 'output',
  from: readonly TensorSignature[],
  to: readonly TensorSignature[],
): string | null {
  for (const wanted of from) {
    const found = to.find((tensor) => tensor.name === wanted.name);
    if (found === undefined) return `${side} ${show(wanted)} is missing`;
    if (show(found) !== show(wanted)) return `${side} ${show(wanted)} became ${show(found)}`;
    // The same numbers would speak for other classes.
    if (wanted.labels !== undefined && found.labels !== undefined && !isDeepStrictEqual(wanted.labels, found.labels)) {
      return `the classes of ${side} "${wanted.name}" have other names, or another order`;
    }
  }
  const added = to.find((tensor) => !from.some((known) => known.name === tensor.name));
  return added === undefined ? null : `${side} ${show(added)} is new`;
}

/** Describes the first difference between two signatures, or returns null when clients can use either. */
export function signatureDifference(from: Signature, to: Signature): string | null {
  // Clients may give what they could leave out.
  const kept = (to.optional ?? []).filter(({ name }) => from.optional?.some((known) => known.name === name));
  return differenceOf('input', from.inputs, to.inputs) ?? differenceOf('input', from.optional ?? [], kept) ??
    differenceOf('output', from.outputs, to.outputs);
}
