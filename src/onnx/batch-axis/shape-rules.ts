// Rules for operators that give values another shape, or that tell, cut and join shapes. Pure.
import {
  Mixes, assertSame, axisIn, hasRows, integersOf, moved, numbersOf, reshaped, rowsAlong, sameForAll,
    sizesOf,
} from './flow.ts';
import type { Flow } from './flow.ts';
import type { NodeView, Rule } from './node-view.ts';
import {
  ONE, OPEN_ROWS, ROWS_MAX, countsRows, isEqualSize, isNumber, isOne, product, quotient, sizeOf,
} from './sizes.ts';
import type { Size } from './sizes.ts';

/** What stands for the end of any axis, by most exporters. */
const FAR = 2 ** 31 - 1;

export const constant: Rule = (view) => {
  const attribute = [...view.node.attributes.values()][0];
  if (attribute === undefined) throw new Mixes('it has no value');
  const { tensor, integer, integers, float } = attribute;
  if (tensor !== null) return sameForAll(tensor.dims.map(sizeOf), numbersAsSizes(tensor.numbers));
  if (integer !== null) return sameForAll([], [sizeOf(integer)]);
  if (float !== null) return sameForAll([], numbersAsSizes([float]));
  if (integers !== null && integers.length > 0) return sameForAll([sizeOf(integers.length)], integers.map(sizeOf));
  return sameForAll(attribute.text === null ? null : []);
};

/** Numbers as sizes; fractions as well, which scales may be. */
export function numbersAsSizes(numbers: readonly number[] | null): Size[] | null {
  return numbers?.every(Number.isFinite) === true ? numbers.map(sizeOf) : null;
}

export const tellShape: Rule = (view) => {
  const sizes = sizesOf(view.input(0));
  const part = sizes.slice(view.integer('start', 0), view.has('end') ? view.integer('end', 0) : undefined);
  return sameForAll([sizeOf(part.length)], part);
};
export const tellSize: Rule = (view) => sameForAll([], [product(sizesOf(view.input(0)))]);

export const reshape: Rule = (view) => {
  const flow = view.input(0);
  const wanted = view.has('shape')
    ? view.integers('shape')!.map(sizeOf) : numbersOf(view.input(1), 'new shape');
  const before = flow.shape;
  const copiesZeros = view.integer('allowzero', 0) === 0;
  const isRest = ({ factor, names }: Size): boolean => factor === -1 && names.length === 0;
  const sizes = wanted.map((one, at) => {
    if (one.factor !== 0 || !copiesZeros) return one;
    const copied = before?.[at];
    if (copied === undefined) throw new Mixes('its new shape cannot be followed');
    return copied;
  });
  const rest = sizes.findIndex(isRest);
  if (rest < 0) return reshaped(flow, sizes);
  const others = sizes.filter((_, at) => at !== rest);
  const found = before === null ? null : quotient(product(before), product(others));
  return reshaped(flow, sizes.with(rest, found ?? view.newSize(0, rest)));
};

export const flatten: Rule = (view) => {
  const before = sizesOf(view.input(0));
  const given = view.integer('axis', 1);
  const axis = given < 0 ? given + before.length : given;
  const { padding } = view.input(0);
  // The padding stays at the end of the row only where it was the end of its only text.
  if (padding !== null && (axis !== 1 || !before.slice(1, -1).every(isOne))) {
    throw new Mixes('it puts texts that are padded behind each other');
  }
  return { ...reshaped(view.input(0), [product(before.slice(0, axis)), product(before.slice(axis))]), padding };
};

const axesOf = (view: NodeView): readonly number[] | null => {
  const given = view.optional(1);
  return view.integers('axes') ?? (given === null ? null : integersOf(given, 'axes'));
};

export const squeeze: Rule = (view) => {
  const flow = view.input(0);
  const before = sizesOf(flow);
  const axes = axesOf(view)?.map((axis) => axisIn(axis, before.length)) ?? null;
  if (axes === null) {
    if (hasRows(flow)) throw new Mixes('it drops every axis of size 1, that of the rows as well');
    return sameForAll(before.every(isNumber) ? before.filter((one) => !isOne(one)) : null, flow.numbers);
  }
  if (axes.includes(flow.axis)) throw new Mixes('it drops the axis of the rows');
  return dropped(flow, axes);
};

/** Without these axes; an axis that is dropped has size 1 or has been used up. */
export function dropped(flow: Flow, axes: readonly number[]): Flow {
  const left = sizesOf(flow).filter((_, at) => !axes.includes(at));
  if (!hasRows(flow)) return sameForAll(left, flow.numbers);
  return rowsAlong(flow.axis - axes.filter((axis) => axis < flow.axis).length, left, flow);
}

export const unsqueeze: Rule = (view) => {
  const flow = view.input(0);
  const given = axesOf(view);
  if (given === null) throw new Mixes('it has no axes');
  const before = sizesOf(flow);
  const rank = before.length + given.length;
  const axes = given.map((axis) => axisIn(axis, rank));
  const after: Size[] = [];
  let own = 0;
  let rows = -1;
  for (let at = 0; at < rank; at += 1) {
    if (axes.includes(at)) after.push(ONE);
    else {
      if (own === flow.axis) rows = at;
      after.push(before[own]!);
      own += 1;
    }
  }
  return hasRows(flow) ? rowsAlong(rows, after, flow) : sameForAll(after, flow.numbers);
};

export const transpose: Rule = (view) => {
  const flow = view.input(0);
  const before = sizesOf(flow);
  const order = view.integers('perm') ?? before.map((_, at) => before.length - 1 - at);
  const after = order.map((axis) => before[axis] ?? ONE);
  if (before.length === 1) return flow;
  return moved(flow, order.indexOf(flow.axis), after);
};

/** A shape that counts rows makes rows, all alike, of what is the same for all. */
function withShape(target: readonly Size[], numbers: readonly Size[] | null = null): Flow {
  const rows = target.findIndex(countsRows);
  if (rows < 0) return sameForAll(target, numbers);
  return rowsAlong(rows, target, { outer: ONE, inner: quotient(target[rows]!, OPEN_ROWS) ?? fail() });
}

function fail(): never {
  throw new Mixes('a size in it is no multiple of the rows');
}

export const constantOfShape: Rule = (view) => {
  const target = numbersOf(view.input(0), 'shape');
  const count = product(target);
  const [fill] = view.has('value') ? numbersAsSizes(view.node.attributes.get('value')!.tensor?.numbers ?? null) ?? []
    : [sizeOf(0)];
  const isKept = fill !== undefined && isNumber(count) && count.factor >= 0 && count.factor <= FEW;
  return withShape(target, isKept ? new Array<Size>(count.factor).fill(fill) : null);
};
const FEW = 64;

export const expand: Rule = (view) => {
  const flow = view.input(0);
  const target = numbersOf(view.input(1), 'shape');
  const own = sizesOf(flow);
  const rank = Math.max(own.length, target.length);
  const at = (sizes: readonly Size[], axis: number): Size => sizes[axis - rank + sizes.length] ?? ONE;
  const rows = hasRows(flow) ? flow.axis + rank - own.length : -1;
  const sizes = Array.from({ length: rank }, (_, axis) => {
    const [from, to] = [at(own, axis), at(target, axis)];
    if (axis === rows && !isOne(to) && !isEqualSize(from, to)) {
      throw new Mixes('the sizes of its new shape cannot be followed');
    }
    if (axis === rows || isOne(to)) return from;
    if (countsRows(to) && !isOne(from)) throw new Mixes('it has different values along the rows');
    return to;
  });
  return hasRows(flow) ? rowsAlong(rows, sizes, flow) : withShape(sizes);
};

export const tile: Rule = (view) => {
  const flow = view.input(0);
  const before = sizesOf(flow);
  const repeats = view.opset < 6 ? [] : numbersOf(view.input(1), 'repeats');
  if (repeats.length !== before.length) throw new Mixes('its repeats cannot be followed');
  if (hasRows(flow) && !isOne(repeats[flow.axis]!)) throw new Mixes('it repeats the rows');
  const after = before.map((one, at) => product([one, repeats[at]!]));
  if (hasRows(flow)) return rowsAlong(flow.axis, after, flow);
  if (repeats.some((repeat, at) => countsRows(repeat) && !isOne(before[at]!))) {
    throw new Mixes('it has different values along the rows');
  }
  return withShape(after);
};

export const concat: Rule = (view) => {
  const flows = view.from(0);
  const axis = axisIn(view.integer('axis', 1), sizesOf(flows[0]!).length);
  const sizes = flows.map((flow) => sizesOf(flow)[axis] ?? fail());
  if (flows.every((flow) => !hasRows(flow))) {
    const numbers = flows.every((flow) => flow.numbers !== null) && sizesOf(flows[0]!).length === 1
      ? flows.flatMap((flow) => flow.numbers!) : null;
    return sameForAll(sizesOf(flows[0]!).with(axis, sum(view, sizes)), numbers);
  }
  const rows = flows.find(hasRows)!;
  if (rows.axis === axis) throw new Mixes('it puts more behind the rows');
  for (const flow of flows) {
    const isAlike = flow.axis === rows.axis && isEqualSize(flow.outer, rows.outer) &&
      isEqualSize(flow.inner, rows.inner);
    if (!isAlike) throw new Mixes('it joins rows with what has none');
  }
  return rowsAlong(rows.axis, sizesOf(rows).with(axis, sum(view, sizes)), rows);
};

function sum(view: NodeView, sizes: readonly Size[]): Size {
  return sizes.every(isNumber) ? sizeOf(sizes.reduce((all, { factor }) => all + factor, 0)) : view.newSize(0, 0);
}

export const split: Rule = (view) => {
  const flow = view.input(0);
  const before = sizesOf(flow);
  const axis = axisIn(view.integer('axis', 0), before.length);
  if (axis === flow.axis) throw new Mixes('it cuts the rows apart');
  const given = view.optional(1);
  const parts = view.integers('split')?.map(sizeOf) ?? given?.numbers ?? null;
  assertSame(given, 'sizes');
  const whole = before[axis]!;
  return view.node.outputs.map((_, at) => {
    const even = isNumber(whole) && whole.factor % view.outputCount === 0 ? sizeOf(whole.factor / view.outputCount)
      : null;
    const part = parts?.[at] ?? (given === null ? even : null) ?? view.newSize(at, axis);
    const numbers = flow.numbers !== null && parts !== null && before.length === 1 && parts.every(isNumber)
      ? flow.numbers.slice(parts.slice(0, at).reduce((all, { factor }) => all + factor, 0)).slice(0, part.factor)
        : null;
    const after = before.with(axis, part);
    return hasRows(flow) ? rowsAlong(flow.axis, after, flow) : sameForAll(after, numbers);
  });
};

interface Cut {
  readonly axis: number;
  readonly start: Size;
  readonly end: Size;
  readonly step: Size;
}

export const slice: Rule = (view) => {
  const flow = view.input(0);
  const before = sizesOf(flow);
  let after = [...before];
  for (const { axis, start, end, step } of cutsOf(view, before.length)) {
    const whole = before[axis]!;
    const isFull = start.factor === 0 && isOne(step) && (isEqualSize(end, whole) || isBehind(end, whole));
    if (isFull) continue;
    if (axis === flow.axis) throw new Mixes('it cuts some of the rows out');
    if ([start, end, step].some(countsRows)) throw new Mixes('what it cuts depends on how many rows there are');
    after = after.with(axis, [start, end, step, whole].every(isNumber)
      ? sizeOf(cutNumbers(whole.factor, start.factor, end.factor, step.factor).length) : view.newSize(0, axis));
    if (flow.numbers !== null && before.length === 1) {
      return slicedNumbers(flow.numbers, { axis, start, end, step }, after);
    }
  }
  return hasRows(flow) ? rowsAlong(flow.axis, after, flow) : sameForAll(after, flow.numbers);
};

/** Whether the end is behind every axis of that size; there are exporters whose far end is a billion. */
function isBehind(end: Size, whole: Size): boolean {
  const rows = quotient(whole, OPEN_ROWS);
  const most = rows !== null && isNumber(rows) ? rows.factor * ROWS_MAX : FAR;
  return isNumber(end) && end.factor >= Math.min(FAR, most);
}

function cutsOf(view: NodeView, rank: number): Cut[] {
  const listed = (name: string, input: number): readonly Size[] | null => {
    const flow = view.optional(input);
    if (flow !== null) {
      if (flow.numbers !== null) return flow.numbers;
      // Sizes that come out of a calculation, the same for all rows, cut any other axis somewhere.
      assertSame(flow, name);
      return Array.from({ length: sizesOf(flow)[0]?.factor ?? 0 }, (_, at) => view.newSize(input, at));
    }
    return view.opset < 10 ? view.integers(name)?.map(sizeOf) ?? null : null;
  };
  const [starts, ends] = [listed('starts', 1), listed('ends', 2)];
  if (starts === null || ends === null) throw new Mixes('what it cuts cannot be followed');
  const axes = listed('axes', 3)?.map((axis) => (isNumber(axis) ? axisIn(axis.factor, rank)
    : fail())) ?? starts.map((_, at) => at);
  const steps = listed('steps', 4);
  return axes.map((axis, at) => ({ axis, start: starts[at]!, end: ends[at]!, step: steps?.[at] ?? ONE }));
}

function cutNumbers(length: number, start: number, end: number, step: number): number[] {
  const clamp = (place: number, low: number, high: number): number => Math.max(low, Math.min(high, place));
  const from = start < 0 ? start + length : start;
  const to = end < 0 ? end + length : end;
  const found: number[] = [];
  if (step > 0) for (let at = clamp(from, 0, length); at < clamp(to, 0, length); at += step) found.push(at);
  if (step < 0) for (let at = clamp(from, 0, length - 1); at > clamp(to, -1, length - 1); at += step) found.push(at);
  return found;
}

function slicedNumbers(numbers: readonly Size[], { start, end, step }: Cut, after: readonly Size[]): Flow {
  if (![start, end, step].every(isNumber)) {
    if (numbers.some(countsRows)) throw new Mixes('it depends on how many rows there are');
    return sameForAll(after);
  }
  const places = cutNumbers(numbers.length, start.factor, end.factor, step.factor);
  return sameForAll([sizeOf(places.length)], places.map((at) => numbers[at]!));
}

export const pad: Rule = (view) => {
  const flow = view.input(0);
  const before = sizesOf(flow);
  const given = view.optional(1);
  const listed = view.integers('pads') ?? view.integers('paddings') ?? (given === null ? []
    : integersOf(given, 'pads'));
  view.assertSameFrom(2, 'fill value');
  const axisInput = view.optional(3);
  const axes = axisInput === null ? before.map((_, at) => at)
    : integersOf(axisInput, 'axes').map((axis) => axisIn(axis, before.length));
  let after = [...before];
  axes.forEach((axis, at) => {
    const added = (listed[at] ?? 0) + (listed[at + axes.length] ?? 0);
    const isUntouched = listed[at] === 0 && listed[at + axes.length] === 0;
    if (isUntouched) return;
    if (axis === flow.axis) throw new Mixes('it puts more beside the rows');
    const whole = before[axis]!;
    after = after.with(axis, isNumber(whole) ? sizeOf(whole.factor + added) : view.newSize(0, axis));
  });
  return moved(flow, flow.axis, after);
};

/** Positions: the same for all rows, unless they number the rows. */
export const range: Rule = (view) => {
  view.assertSameFrom(0, 'range');
  const numbers = [0, 1, 2].map((at) => view.input(at).numbers?.[0]);
  if (numbers.every((number) => number !== undefined && isNumber(number))) {
    const [start, limit, delta] = numbers.map((number) => number!.factor) as [number, number, number];
    const count = Math.max(0, Math.ceil((limit - start) / delta));
    return sameForAll([sizeOf(count)], count <= FEW
      ? Array.from({ length: count }, (_, at) => sizeOf(start + at * delta)) : null);
  }
  const isPlain = numbers[0]?.factor === 0 && numbers[2] !== undefined && isOne(numbers[2]);
  return sameForAll([isPlain && numbers[1] !== undefined ? numbers[1] : view.newSize(0, 0)]);
};
