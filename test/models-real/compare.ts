// An answer of the engine against what Python onnxruntime said: numbers within the model's tolerance, everything else
// exactly.
import type { GivenTensor, RealModel, Value } from './collection.ts';
import type { Reply } from './ways.ts';

/** The largest difference of any number, as a share of the number where that is over 1; or what is wrong. */
export type Difference = { readonly worst: number } | { readonly wrong: string };

export function differenceOf(reply: Reply, expected: readonly GivenTensor[], model: RealModel): Difference {
  if ('refused' in reply) return { wrong: `was refused: ${reply.refused.slice(0, 300)}` };
  let worst = 0;
  for (const [at, { datatype, shape, values }] of expected.entries()) {
    const { name } = model.outputs[at]!;
    const got = reply.values[at] ?? [];
    const gotShape = reply.shapes?.[at] ?? shape;
    if (got.length !== values.length || gotShape.join() !== shape.join()) {
      return { wrong: `output ${name} has ${got.length} values, shape [${gotShape.join()}]; wanted [${shape.join()}]` };
    }
    const isFloat = datatype === 'FP16' || datatype === 'FP32' || datatype === 'FP64';
    for (const [place, wanted] of values.entries()) {
      const value = got[place]!;
      const off = isFloat ? distance(value as number, wanted as number, reply.nonFinite === 'null') :
        value === wanted ? 0 : Infinity;
      if (off > limitOf(model, wanted)) {
        return { wrong: `output ${name} has ${String(value)} at ${place}; wanted ${String(wanted)}` };
      }
      worst = Math.max(worst, off === 0 ? 0 : off / Math.max(1, Math.abs(Number(wanted))));
    }
  }
  return { worst };
}

function limitOf({ tolerance: { rtol, atol } }: RealModel, wanted: Value): number {
  return typeof wanted === 'number' && Number.isFinite(wanted) ? atol + rtol * Math.abs(wanted) : 0;
}

/** Where JSON has null, nobody can tell which of the three it was. */
function distance(value: number, wanted: number, isNullForAll: boolean): number {
  if (Object.is(value, wanted) || value === wanted) return 0;
  if (Number.isNaN(value) && (Number.isNaN(wanted) || (isNullForAll && !Number.isFinite(wanted)))) return 0;
  const off = Math.abs(value - wanted);
  return Number.isNaN(off) ? Infinity : off;
}
