// Compares the signatures of two versions: clients of a model must not notice which version answers.
import type { Signature, TensorSignature } from '../domain/records.ts';

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
  }
  const added = to.find((tensor) => !from.some((known) => known.name === tensor.name));
  return added === undefined ? null : `${side} ${show(added)} is new`;
}

/** Describes the first difference between two signatures, or returns null when clients can use either. */
export function signatureDifference(from: Signature, to: Signature): string | null {
  return differenceOf('input', from.inputs, to.inputs) ?? differenceOf('output', from.outputs, to.outputs);
}
