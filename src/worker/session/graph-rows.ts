// What a model's graph says about the rows of its outputs: the first of the witnesses that a decision about stacking is
// made from. Worker threads and the trial process.
import { reasonOf } from '../../base/errors.ts';
import type { ModelFile } from '../../artifacts/verify.ts';
import { ARTIFACT_BYTES_MAX } from '../../artifacts/manifest.ts';
import type { Signature } from '../../domain/records.ts';
import { followRows } from '../../onnx/batch-axis/batch-axis.ts';
import type { OutputRows } from '../../onnx/batch-axis/batch-axis.ts';
import { nodesOf, readModelFile } from '../../onnx/graph.ts';
import type { OnnxModel } from '../../onnx/graph.ts';
import { HALF, QUANTISED, SINGLE } from './row-agreement.ts';
import type { Arithmetic } from './row-agreement.ts';

/** Operators that round to steps, or take such numbers on. */
const QUANTISING = /^(?:QLinear|QuantizeLinear|DynamicQuantize|MatMulInteger|ConvInteger|QGemm|QAttention)/;
/** The element types of float16 and bfloat16, and the attribute in which a Cast names its own. */
const HALF_TYPES = [10, 16];

export interface GraphRows {
  /** In the order of the signature's outputs. */
  readonly outputs: readonly Omit<OutputRows, 'name'>[];
  readonly arithmetic: Arithmetic;
}

/** Follows the rows of the inputs that have them, in the signature's order. */
export function graphRows(
  { path, kind }: Pick<ModelFile, 'path' | 'kind'>, { inputs, outputs }: Signature, hasRows: readonly boolean[],
): GraphRows {
  const nothing = (reason: string): GraphRows => ({
    outputs: outputs.map(() => ({ rows: 'unknown', reason })), arithmetic: outputs.some(isHalf) ? HALF : SINGLE,
  });
  if (kind === 'ort') return nothing('its format has no graph that could be followed');
  try {
    const model = readModelFile(path, ARTIFACT_BYTES_MAX);
    const found = followRows(model, new Set(inputs.filter((_, at) => hasRows[at]).map(({ name }) => name)));
    const named = new Map(found.map((one) => [one.name, one]));
    return {
      outputs: outputs.map(({ name }) => named.get(name) ?? { rows: 'unknown',
        reason: 'its graph has no such output' }),
      arithmetic: arithmeticOf(model, outputs.some(isHalf)),
    };
  } catch (error) {
    return nothing(`its graph cannot be read: ${reasonOf(error)}`);
  }
}

const isHalf = ({ datatype }: Signature['outputs'][number]): boolean => datatype === 'FP16';

function arithmeticOf(model: OnnxModel, hasHalves: boolean): Arithmetic {
  const nodes = nodesOf(model);
  if (nodes.some(({ operator }) => QUANTISING.test(operator))) return QUANTISED;
  const isHalved = hasHalves ||
    [...model.graph.constants.values()].some(({ elementType }) => HALF_TYPES.includes(elementType)) ||
    nodes.some(({ attributes }) => HALF_TYPES.includes(attributes.get('to')?.integer ?? 0));
  return isHalved ? HALF : SINGLE;
}
