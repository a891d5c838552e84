// open-default/1: an input that has a value of its own in the model (an initialiser of its name) may be left out by
// whoever runs it, and the binding of the runtime then has no way to give it. The value is taken out of the file, so
// that the input is one like the others, and is given with every run that has no other. Pure.
// Invariant: weights stay weights. Some exporters list all of them as inputs: a model with more such inputs than a
// person would name is left as it is, and so are large values and those of open shape.
import type { Constant } from '../constant.ts';
import type { OnnxModel } from '../graph.ts';
import type { ByteSource } from '../protobuf.ts';
import type { Change, DefaultValue } from './open-zipmap.ts';

/** Before this version of the format every initialiser had to be an input, and none was meant to be given. */
const FORMAT_MIN = 4;
/** Inputs with a value of their own that a model has at most, if they are meant to be given. */
export const DEFAULT_INPUTS_MAX = 8;
const NOTHING = new Uint8Array(0);

export function openDefault(_source: ByteSource, { irVersion, graph }: OnnxModel): Change {
  const found = graph.inputs.filter(({ name }) => graph.constants.has(name));
  if (irVersion < FORMAT_MIN || found.length > DEFAULT_INPUTS_MAX) return { edits: [], labels: {} };
  const opened = found.flatMap(({ name, shape }) => {
    const constant = graph.constants.get(name)!;
    const value = valueOf(constant, shape);
    return value === null ? [] : [{ name, value, span: constant.span }];
  });
  return {
    edits: opened.map(({ span }) => ({ span, bytes: NOTHING })), labels: {},
    defaults: Object.fromEntries(opened.map(({ name, value }) => [name, value])),
  };
}

type Shape = OnnxModel['graph']['inputs'][number]['shape'];

function valueOf({ dims, numbers }: Constant, shape: Shape): DefaultValue | null {
  const isFixed = shape?.length === dims.length && shape.every((size, axis) => size === dims[axis]);
  // A number that JavaScript cannot hold was read as another one.
  const isExact = numbers?.every((number) => !Number.isInteger(number) || Number.isSafeInteger(number)) === true;
  return isFixed && isExact ? { shape: dims, data: numbers } : null;
}
