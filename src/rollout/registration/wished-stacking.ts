// What becomes of the proof about stacking when an operator has a word to say: `none` always holds, `rows` only where
// it is proven, and `rows!` wherever two rows fit into one run at all. Pure; main thread.
import { lastgoodError } from '../../base/errors.ts';
import type { Signature, StackingDecision, StackingWish } from '../../domain/records.ts';
import { rowLayout } from '../../domain/row-layout.ts';

/** Throws STACKING_UNPROVEN when it cannot be had. */
export function wishedStacking(
  proof: StackingDecision, wish: StackingWish | undefined,
  about: { readonly model: string; readonly version: string; readonly signature: Signature },
): StackingDecision {
  if (wish === undefined || wish === proof.mode) return proof;
  if (wish === 'none') return { ...proof, mode: 'none', by: 'operator', reason: 'an operator wants none' };
  if (proof.mode === 'rows') return proof;
  const { model, version, signature } = about;
  if (wish === 'rows' || !hasPlace(signature)) {
    const advice = wish === 'rows' ? 'none, which is the default then, or rows! to have it all the same' : 'none';
    throw lastgoodError('STACKING_UNPROVEN', { model, version, reason: proof.reason, advice });
  }
  const reason = `an operator wants it, against the proof: ${proof.reason}`;
  return { ...proof, mode: 'rows', by: 'operator', reason, rowOutputs: signature.outputs.map(() => true) };
}

// Whether a run can have several rows, by the rows of all inputs or by those of some.
function hasPlace(signature: Signature): boolean {
  const isOpen = ({ shape }: Signature['inputs'][number]): boolean => shape[0] === -1;
  return rowLayout(signature, 2).rowsPerRun > 1 || (signature.inputs.some(isOpen) && signature.outputs.every(isOpen));
}
