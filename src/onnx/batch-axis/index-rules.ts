// Rules for operators that look elements up, put them somewhere else, or make few out of many along some axes. Pure.
import {
  Mixes, assertSame, axisIn, elementsOf, hasRows, integersOf, moved, rowsAlong, sameForAll, sizesOf,
} from './flow.ts';
import type { Flow } from './flow.ts';
import type { NodeView, Rule } from './node-view.ts';
import { dropped } from './shape-rules.ts';
import { ONE, isEqualSize, isNumber, product, sizeOf } from './sizes.ts';
import type { Size } from './sizes.ts';

const isAligned = (left: Flow, right: Flow): boolean =>
  left.axis === right.axis && isEqualSize(left.outer, right.outer) && isEqualSize(left.inner, right.inner);

/** Makes one element out of all along some axes. */
export const reduce = (axesAreInputSince: number): Rule => (view) => {
  const flow = view.input(0);
  const before = sizesOf(flow);
  const given = view.opset >= axesAreInputSince ? view.optional(1) : null;
  const listed = view.opset >= axesAreInputSince
    ? (given === null ? null : integersOf(given, 'axes')) : view.integers('axes');
  const isNothing = (listed === null || listed.length === 0) && view.integer('noop_with_empty_axes', 0) !== 0;
  if (isNothing) return elementsOf(flow);
  const axes = listed === null || listed.length === 0
    ? before.map((_, at) => at) : listed.map((axis) => axisIn(axis, before.length));
  return reduced(view, flow, axes);
};

export const reduceAxis: Rule = (view) => {
  const flow = view.input(0);
  return reduced(view, flow, [axisIn(view.integer('axis', 0), sizesOf(flow).length)]);
};

/** A product of sizes is a size. */
export const reduceProduct: Rule = (view) => {
  const flow = view.input(0);
  if (flow.numbers !== null && flow.shape?.length === 1) {
    return sameForAll(view.integer('keepdims', 1) === 0 ? [] : [ONE], [product(flow.numbers)]);
  }
  return reduce(18)(view);
};

function reduced(view: NodeView, flow: Flow, axes: readonly number[]): Flow {
  if (axes.includes(flow.axis)) throw new Mixes('it makes one out of all rows');
  const before = sizesOf(flow);
  if (view.integer('keepdims', 1) !== 0) {
    return moved(flow, flow.axis, before.map((size, at) => (axes.includes(at) ? ONE : size)));
  }
  return dropped(elementsOf(flow), axes);
}

export const topK: Rule = (view) => {
  const flow = view.input(0);
  const before = sizesOf(flow);
  const axis = axisIn(view.integer('axis', -1), before.length);
  if (axis === flow.axis) throw new Mixes('it ranks the rows');
  const given = view.optional(1);
  assertSame(given, 'k');
  const count = view.has('k') ? sizeOf(view.integer('k', 1)) : given?.numbers?.[0] ?? view.newSize(0, axis);
  return moved(flow, flow.axis, before.with(axis, count));
};

export const gather: Rule = (view) => {
  const [data, indices] = [view.input(0), view.input(1)];
  const [from, places] = [sizesOf(data), sizesOf(indices)];
  const axis = axisIn(view.integer('axis', 0), from.length);
  if (data.numbers !== null && indices.numbers?.every(isNumber) === true && from.length === 1) {
    const found = indices.numbers.map(({ factor }) => data.numbers!.at(factor));
    if (found.every((number) => number !== undefined)) return sameForAll(places, found);
  }
  const after = [...from.slice(0, axis), ...places, ...from.slice(axis + 1)];
  if (!hasRows(data)) {
    if (!hasRows(indices)) assertSame(indices, 'place');
    return moved(indices, axis + indices.axis, after);
  }
  assertSame(indices, 'place');
  if (axis === data.axis) throw new Mixes('it picks some of the rows');
  return rowsAlong(data.axis < axis ? data.axis : data.axis + places.length - 1, after, data);
};

export const gatherElements: Rule = (view) => {
  const [data, indices] = [view.input(0), view.input(1)];
  const places = sizesOf(indices);
  const axis = axisIn(view.integer('axis', 0), sizesOf(data).length);
  if (hasRows(data)) {
    if (!isAligned(data, indices)) throw new Mixes('its places are not those of the rows');
    if (axis === data.axis) throw new Mixes('it picks some of the rows');
  } else if (hasRows(indices) && indices.axis !== axis) throw new Mixes('it looks up another place for each row');
  return moved(indices, indices.axis, places);
};

export const gatherNd: Rule = (view) => {
  const [data, indices] = [view.input(0), view.input(1)];
  const [from, places] = [sizesOf(data), sizesOf(indices)];
  const batched = view.integer('batch_dims', 0);
  const depth = places.at(-1) ?? ONE;
  if (!isNumber(depth)) throw new Mixes('its depth cannot be followed');
  if (hasRows(data) && !(isAligned(data, indices) && data.axis < batched)) throw new Mixes('it picks some of the rows');
  if (!hasRows(data) && indices.axis < batched && hasRows(indices)) {
    throw new Mixes('it looks up another place for each row');
  }
  if (indices.axis === places.length - 1) throw new Mixes('its places lie along the rows');
  return moved(indices, indices.axis, [...places.slice(0, -1), ...from.slice(batched + depth.factor)]);
};

/** Puts elements of its third input into its first, at the places of the second. */
export const scatterElements: Rule = (view) => {
  const data = view.input(0);
  const axis = axisIn(view.integer('axis', 0), sizesOf(data).length);
  if (!view.seesRows) return sameForAll(sizesOf(data));
  if (axis === data.axis || ![1, 2].every((at) => isAligned(view.input(at), data))) {
    throw new Mixes('it writes into some of the rows');
  }
  return moved(data, data.axis, sizesOf(data));
};

/** Its values differ in rank from its places, and places name rows. */
export const scatterNd: Rule = (view) => {
  if (view.seesRows) throw new Mixes('it writes into some of the rows');
  view.assertSameFrom(0, 'input');
  return sameForAll(view.input(0).shape);
};

/** A window of a cache for each row. */
export const tensorScatter: Rule = (view) => {
  const flows = view.from(0);
  const axis = axisIn(view.integer('axis', -2), sizesOf(flows[0]!).length);
  if (!flows.every((flow) => isAligned(flow, flows[0]!)) || axis === flows[0]!.axis || flows[0]!.axis > 0) {
    throw new Mixes('it writes into some of the rows');
  }
  return elementsOf(flows[0]!);
};

export const pickElements: Rule = (view) => {
  const [flow, chosen] = [view.input(0), view.input(1)];
  assertSame(chosen, 'choice');
  if (!view.has('axis')) throw new Mixes('it picks from all rows');
  const before = sizesOf(flow);
  const axis = axisIn(view.integer('axis', 0), before.length);
  if (axis === flow.axis) throw new Mixes('it picks some of the rows');
  return moved(flow, flow.axis, before.with(axis, view.newSize(0, axis)));
};

export const oneHot: Rule = (view) => {
  view.assertSameFrom(1, 'depth');
  const flow = view.input(0);
  const before = sizesOf(flow);
  const axis = axisIn(view.integer('axis', -1), before.length + 1);
  const depth: Size = view.input(1).numbers?.[0] ?? view.newSize(0, axis);
  const after = [...before.slice(0, axis), depth, ...before.slice(axis)];
  return moved(flow, flow.axis >= axis ? flow.axis + 1 : flow.axis, after);
};

/** A column for each category behind the last axis. */
export const oneHotEncoder: Rule = (view) => {
  const flow = view.input(0);
  const [texts, integers] = ['cats_strings', 'cats_int64s'].map((name) => view.node.attributes.get(name));
  const count = texts?.texts?.length ?? integers?.integers?.length;
  return moved(flow, flow.axis, [...sizesOf(flow), count === undefined ? view.newSize(0, sizesOf(flow).length)
    : sizeOf(count)]);
};

/** A label for each class, picked by each row's place in a list: the classes are on the last axis. */
export const arrayFeatureExtractor: Rule = (view) => {
  const [data, places] = [view.input(0), view.input(1)];
  const before = sizesOf(data);
  if (hasRows(data)) {
    assertSame(places, 'place');
    if (data.axis === before.length - 1) throw new Mixes('it picks some of the rows');
    return rowsAlong(data.axis, [...before.slice(0, -1), product(sizesOf(places))], data);
  }
  if (!hasRows(places)) return sameForAll(null);
  // Its places are read as one list.
  if (places.axis !== sizesOf(places).findIndex((size) => size.names.length > 0 || size.factor !== 1)) {
    throw new Mixes('its places do not follow the rows');
  }
  const after = before.length === 1 ? [ONE, product(sizesOf(places))]
    : [...before.slice(0, -1), product(sizesOf(places))];
  const inner = product([places.inner, ...sizesOf(places).slice(places.axis + 1)]);
  return rowsAlong(after.length - 1, after, { outer: places.outer, inner });
};

/** Each row, by itself, of a list for each of them. */
export const reverseSequence: Rule = (view) => {
  const flow = view.input(0);
  const lengths = view.input(1);
  if (flow.axis !== view.integer('batch_axis', 1) || !hasRows(lengths)) throw new Mixes('it turns the rows around');
  return elementsOf(flow);
};

/** Works on the last axes of a value; rows before them stay apart. */
export const onLast = (axes: number, after: (view: NodeView, before: readonly Size[]) => readonly Size[]): Rule =>
  (view) => {
    view.assertSameFrom(1, 'parameter');
    const flow = view.input(0);
    const before = sizesOf(flow);
    if (flow.axis >= before.length - axes) throw new Mixes('it works along the rows');
    return moved(flow, flow.axis, after(view, before));
  };
