// What a version makes of missing values: a made-up row that it answers is asked again with one of its numbers, and
// with all of them, NaN. The trial process.
import { hasNonFinite } from '../../domain/datatype.ts';
import type { NumericArray, Tensor } from '../../domain/datatype.ts';
import { numberToHalf } from '../../domain/half.ts';
import type { NanAnswers, TensorSignature } from '../../domain/records.ts';
import { madeUpInputs, openSizes } from './made-up-rows.ts';
import type { Manner } from './made-up-rows.ts';
import type { Session } from './session.ts';

/** Tried one after another, until the version answers one with finite numbers. */
const MANNERS: readonly Manner[] = [
  { floats: 'narrow', integers: 'few' }, { floats: 'narrow', integers: 'bits' }, { floats: 'wide', integers: 'wide' },
];

/** Null when the version has no floating-point input, or answers no made-up row with finite numbers. */
export async function answersToNaN(
  session: Session, known: readonly (readonly Tensor[])[] = [],
): Promise<NanAnswers | null> {
  const { inputs } = session.signature;
  if (!inputs.some(isFloat)) return null;
  const hasRows = inputs.map(({ shape }) => shape[0] === -1);
  for await (const openSize of openSizes(session, { hasRows, known, isSearched: true })) {
    for (const manner of MANNERS) {
      const row = (): Tensor[] => madeUpInputs(session.signature, { hasRows, openSize }, [{ number: 0 }], manner);
      if (await answerTo(session, row()) !== 'finite') continue;
      const one = await answerTo(session, spoiled(row(), inputs, 1));
      return one === 'failure' ? one : worse(one, await answerTo(session, spoiled(row(), inputs, Infinity)));
    }
  }
  return null;
}

const isFloat = ({ datatype }: TensorSignature): boolean => datatype.startsWith('FP');
const worse = (one: NanAnswers, other: NanAnswers): NanAnswers => (other === 'finite' ? one : other);

// Puts NaN in place of the first `count` numbers of each floating-point input.
function spoiled(tensors: Tensor[], inputs: readonly TensorSignature[], count: number): Tensor[] {
  tensors.forEach(({ data }, index) => {
    const signature = inputs[index]!;
    const nan = signature.datatype === 'FP16' ? numberToHalf(NaN) : NaN;
    if (isFloat(signature)) (data as NumericArray).fill(nan, 0, Math.min(count, data.length));
  });
  return tensors;
}

async function answerTo(session: Session, inputs: readonly Tensor[]): Promise<NanAnswers> {
  const { outputs: signatures } = session.signature;
  try {
    const { outputs } = await session.runWhole(inputs, signatures.map((_, index) => index));
    const isFinite = signatures.every(({ datatype }, index) => !hasNonFinite(datatype, outputs[index]!.data));
    return isFinite ? 'finite' : 'not finite';
  } catch {
    return 'failure';
  }
}
