// Rules for operators that look at one element at a time, and for those that work along some axes of a value and leave
// the others alone. Pure.
import { Mixes, assertSame, axisIn, broadcast, elementsOf, hasRows, integersOf, sameForAll,
  sizesOf } from './flow.ts';
import { NodeView } from './node-view.ts';
import type { Rule } from './node-view.ts';
import { ONE, derivedSize, isEqualSize, isNumber, product, quotient, sizeOf } from './sizes.ts';
import type { Size } from './sizes.ts';

/** One value out of all that there are, or by chance. */
export const mixes = (reason: string): Rule => () => {
  throw new Mixes(reason);
};
/** Answers differently each time, also where no rows come in. */
export const byChance: Rule = () => {
  throw new Mixes('it takes numbers by chance', true);
};

/** One element at a time of its first input; what else it has is the same for all rows. */
export const eachElement: Rule = (view) => {
  view.assertSameFrom(1, 'parameter');
  return elementsOf(view.input(0));
};

/** Reads nothing of its second input but the type. */
export const firstAlone: Rule = (view) => eachElement(new NodeView(view.node, view.opset, [view.input(0)],
  view.place, view.walkInner));

/** The same elements: whatever they count, they go on counting. */
export const sameElements: Rule = (view) => view.input(0);

type Arithmetic = (left: Size, right: Size) => Size | null;

/** Element by element of all inputs, which are stretched to each other. */
export const together: Rule = (view) => {
  assertOwnStretching(view);
  return broadcast(view.from(0));
};

/** The same of two inputs, which may be sizes of a shape. */
const arithmetic = (compute: Arithmetic): Rule => (view) => {
  assertOwnStretching(view);
  const [left, right] = [view.input(0), view.input(1)];
  if (left.numbers === null || right.numbers === null) return broadcast([left, right]);
  const count = Math.max(left.numbers.length, right.numbers.length);
  const isStretched = [left, right].every(({ numbers }) => numbers!.length === 1 || numbers!.length === count);
  const shape = (left.numbers.length === count ? left : right).shape;
  const numbers = isStretched ? Array.from({ length: count }, (_, at) =>
    compute(left.numbers!.at(left.numbers!.length === 1 ? 0 : at)!,
      right.numbers!.at(right.numbers!.length === 1 ? 0 : at)!))
    : [null];
  if (numbers.every((number) => number !== null)) return sameForAll(shape, numbers);
  return broadcast([left, right]);
};

// The oldest operators stretch by an axis of their own.
function assertOwnStretching(view: NodeView): void {
  if (view.integer('broadcast', 0) !== 0) throw new Mixes('it stretches its operands as old versions did');
}

const truth = (is: boolean): Size => sizeOf(is ? 1 : 0);

export const add = arithmetic((left, right) => {
  if (isNumber(left) && isNumber(right)) return sizeOf(left.factor + right.factor);
  if (left.factor === 0) return right;
  return right.factor === 0 ? left : derivedSize('+', left, right);
});
export const subtract = arithmetic((left, right) => {
  if (isNumber(left) && isNumber(right)) return sizeOf(left.factor - right.factor);
  return right.factor === 0 ? left : derivedSize('-', left, right);
});
export const multiply = arithmetic((left, right) => product([left, right]));
export const divide = arithmetic((left, right) => {
  // What does not come out even is cut off for integers and goes on for fractions.
  return quotient(left, right) ?? (isNumber(left) && isNumber(right) ? null : derivedSize('/', left, right));
});
export const equal = arithmetic((left, right) => {
  if (isNumber(left) && isNumber(right)) return truth(left.factor === right.factor);
  if (isEqualSize(left, right)) return truth(true);
  // A size is never negative, which is what exporters ask for: is it the -1 that stands for the rest?
  if ((isNumber(left) && left.factor < 0 && right.factor > 0) ||
    (isNumber(right) && right.factor < 0 && left.factor > 0)) {
    return truth(false);
  }
  return derivedSize('=', left, right);
});

/** Integers stay what they are; all else is no size any more. */
const INTEGER_TYPES = [6, 7, 9, 12, 13];
export const cast: Rule = (view) => {
  const flow = view.input(0);
  if (flow.numbers !== null && INTEGER_TYPES.includes(view.integer('to', 0))) {
    return { ...flow, numbers: flow.numbers.map((size) => (isNumber(size) ? sizeOf(Math.trunc(size.factor)) : size)) };
  }
  return eachElement(view);
};

/** The second or the third, as the first says. */
export const choose: Rule = (view) => {
  const [condition, left, right] = [view.input(0), view.input(1), view.input(2)];
  const chosen = condition.numbers;
  if (chosen?.every(isNumber) === true && left.numbers !== null && right.numbers !== null) {
    const count = Math.max(chosen.length, left.numbers.length, right.numbers.length);
    const nth = (numbers: readonly Size[], at: number): Size => numbers[numbers.length === 1 ? 0 : at] ?? ONE;
    const lengths = [chosen, left.numbers, right.numbers].map(({ length }) => length);
    if (lengths.every((length) => length === 1 || length === count)) {
      const shape = [condition, left, right].find(({ numbers }) => numbers!.length === count)!.shape;
      return sameForAll(shape, Array.from({ length: count }, (_, at) =>
        nth(nth(chosen, at).factor !== 0 ? left.numbers! : right.numbers!, at)));
    }
  }
  return broadcast([condition, left, right]);
};

/** Leaves values alone when it answers, and by chance when it learns. */
export const dropout: Rule = (view) => {
  const training = view.optional(2);
  if (view.opset < 7 && view.integer('is_test', 0) === 0) throw new Mixes('it drops elements by chance', true);
  if (training !== null && integersOf(training, 'training mode').some((mode) => mode !== 0)) {
    throw new Mixes('it drops elements by chance', true);
  }
  return elementsOf(view.input(0));
};

/** Works along one axis, given by an attribute; rows on another one stay apart. */
export const alongAxis = (otherwise: number, attribute = 'axis'): Rule => (view) => {
  view.assertSameFrom(1, 'parameter');
  const flow = view.input(0);
  const axis = axisIn(view.integer(attribute, otherwise), sizesOf(flow).length);
  if (axis === flow.axis) throw new Mixes('it works along the rows');
  return elementsOf(flow);
};

/** Works along all axes from one on. */
export const fromAxis = (otherwise: number): Rule => (view) => {
  view.assertSameFrom(1, 'parameter');
  const flow = view.input(0);
  const axis = axisIn(view.integer('axis', otherwise), sizesOf(flow).length);
  if (flow.axis >= axis) throw new Mixes('it works along the rows');
  return elementsOf(flow);
};

/** Softmax and its kin: since version 13 along one axis, before that along all from one on. */
export const softmax: Rule = (view) => (view.opset >= 13 ? alongAxis(-1) : fromAxis(1))(view);

/** The same on quantised numbers; which version it stands for, an attribute says. */
export const quantisedSoftmax: Rule = (view) => (view.integer('opset', 1) >= 13 ? alongAxis(-1) : fromAxis(1))(view);

/** Works along an axis that an input names. */
export const alongInputAxis = (input: number): Rule => (view) => {
  const flow = view.input(0);
  const [axis] = integersOf(view.input(input), 'axis');
  if (axisIn(axis ?? 0, sizesOf(flow).length) === flow.axis) throw new Mixes('it works along the rows');
  return elementsOf(flow);
};

/** A parameter for each place on axis 1, as channels have them; the rest of the normalised axes is behind it. */
export const perChannel: Rule = (view) => {
  view.assertSameFrom(1, 'parameter');
  const flow = view.input(0);
  if (flow.axis > 0) throw new Mixes('its rows are not on axis 0');
  return elementsOf(flow);
};

export const batchNormalization: Rule = (view) => {
  const isLearning = view.integer('training_mode', 0) !== 0 || (view.opset < 7 && view.integer('is_test', 0) === 0);
  if (isLearning || (view.opset < 14 && view.outputCount > 1)) {
    throw new Mixes('it takes mean and variance of all rows');
  }
  return perChannel(view);
};

/** Along the axes of an attribute. */
export const alongAxes = (otherwise: readonly number[]): Rule => (view) => {
  const flow = view.input(0);
  const rank = sizesOf(flow).length;
  const axes = (view.integers('axes') ?? otherwise).map((axis) => axisIn(axis, rank));
  if (axes.includes(flow.axis)) throw new Mixes('it works along the rows');
  return elementsOf(flow);
};

/** Scales as a quantisation has them: one, or one for each place on an axis. */
export const quantise: Rule = (view) => {
  view.assertSameFrom(1, 'scale');
  const flow = view.input(0);
  const scale = sizesOf(view.input(1));
  const isOnRows = scale.length === 1
    ? axisIn(view.integer('axis', 1), sizesOf(flow).length || 1) === flow.axis : scale.length > 1;
  if (hasRows(flow) && isOnRows && !product(scale).names.length && product(scale).factor !== 1) {
    throw new Mixes('it has a scale for each place along the rows');
  }
  return elementsOf(flow);
};

/** Quantised arithmetic: operands at these places, scales and zero points in between. */
export const quantisedTogether = (operands: readonly number[]): Rule => (view) => {
  view.inputs.forEach((flow, at) => {
    if (!operands.includes(at)) assertSame(flow, 'scale');
  });
  return broadcast(operands.map((at) => view.input(at)));
};
