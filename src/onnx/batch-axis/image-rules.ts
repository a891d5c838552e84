// Rules for operators whose first axis is the batch by definition: convolutions, pools, classical models of features.
// Pure.
import {
  Mixes, assertSame, broadcast, hasRows, moved, numbersOf, rowsAlong, sameForAll, sizesOf,
} from './flow.ts';
import type { Flow } from './flow.ts';
import type { NodeView, Rule } from './node-view.ts';
import { ONE, isEqualSize, isNumber, isOne, product, sizeOf } from './sizes.ts';
import type { Size } from './sizes.ts';

/** The input whose first axis is the batch; all others are the same for all rows. */
function batchOf(view: NodeView, data = 0): Flow {
  const flow = view.input(data);
  if (flow.axis > 0) throw new Mixes('its rows are not on axis 0');
  view.inputs.forEach((other, at) => {
    if (at !== data) assertSame(other, 'parameter');
  });
  return flow;
}

const onFirst = (flow: Flow, shape: readonly Size[]): Flow => moved(flow, flow.axis, shape);

interface Window {
  readonly kernel: readonly number[] | null;
  readonly isTransposed: boolean;
}

// One size behind a window that slides along an axis.
function slid(view: NodeView, size: Size, at: number, rank: number, { kernel, isTransposed }: Window): Size {
  const nth = (name: string, index: number, otherwise: number): number => view.integers(name)?.[index] ?? otherwise;
  const [step, reach] = [nth('strides', at, 1), kernel?.[at]];
  const fill = view.text('auto_pad', 'NOTSET');
  if (reach === undefined) return view.newSize(0, at + 2);
  const width = (reach - 1) * nth('dilations', at, 1) + 1;
  const padding = nth('pads', at, 0) + nth('pads', at + rank, 0);
  const isFilled = fill === 'NOTSET' ? padding === width - 1 : fill === 'VALID' && width === 1;
  if (step === 1 && isFilled && nth('output_padding', at, 0) === 0 && !view.has('output_shape')) return size;
  if (!isNumber(size)) return view.newSize(0, at + 2);
  const length = size.factor;
  if (isTransposed) {
    if (view.has('output_shape') || (fill !== 'NOTSET' && fill !== 'VALID')) return view.newSize(0, at + 2);
    return sizeOf(step * (length - 1) + nth('output_padding', at, 0) + width - (fill === 'VALID' ? 0 : padding));
  }
  if (fill.startsWith('SAME')) return sizeOf(Math.ceil(length / step));
  const places = (length + (fill === 'VALID' ? 0 : padding) - width) / step;
  if (view.integer('ceil_mode', 0) !== 0 && !Number.isInteger(places)) return view.newSize(0, at + 2);
  return sizeOf(Math.floor(places) + 1);
}

const spatial = (view: NodeView, before: readonly Size[], window: Window): Size[] =>
  before.slice(2).map((size, at) => slid(view, size, at, before.length - 2, window));

const wholeNumbersOf = (sizes: readonly Size[]): number[] | null =>
  (sizes.every(isNumber) ? sizes.map(({ factor }) => factor) : null);

/** Convolution: the weights' place among the inputs differs where they are quantised. */
export const convolve = (weights: number, isTransposed = false): Rule => (view) => {
  const flow = batchOf(view);
  const [before, kernels] = [sizesOf(flow), sizesOf(view.input(weights))];
  const kernel = wholeNumbersOf(kernels.slice(2));
  const channels = isTransposed ? product([kernels[1]!, sizeOf(view.integer('group', 1))]) : kernels[0]!;
  return onFirst(flow, [before[0]!, channels, ...spatial(view, before, { kernel, isTransposed })]);
};

/** Values at places that each row has of its own. */
export const convolveDeformed: Rule = (view) => {
  const flow = view.input(0);
  const own = [0, 2, 4].map((at) => view.optional(at)).filter((one) => one !== null);
  if (own.some((one) => one.axis !== flow.axis || one.axis > 0)) {
    throw new Mixes('its rows are not on axis 0 of all that has them');
  }
  assertSame(view.input(1), 'weight');
  return onFirst(flow, [sizesOf(flow)[0]!, sizesOf(view.input(1))[0]!, ...sizesOf(view.input(2)).slice(2)]);
};

/** A pool's second output, where its maxima were, counts through all rows. */
export const pool: Rule = (view) => {
  const flow = batchOf(view);
  if (view.outputCount > 1 && view.node.outputs[1] !== '') throw new Mixes('its places count through all rows');
  const before = sizesOf(flow);
  return onFirst(flow, [before[0]!, before[1]!, ...spatial(view, before,
    { kernel: view.integers('kernel_shape'), isTransposed: false })]);
};

export const poolAll: Rule = (view) => {
  const flow = batchOf(view);
  const before = sizesOf(flow);
  return onFirst(flow, before.map((size, at) => (at < 2 ? size : ONE)));
};

/** The batch is on axis 0; of the other axes the answer has `rank` in all, or as many as before. */
export const firstAxisOnly = (rank?: number): Rule => (view) => {
  const flow = batchOf(view);
  const before = sizesOf(flow);
  const length = rank ?? before.length;
  return onFirst(flow, [before[0]!, ...Array.from({ length: length - 1 }, (_, at) => view.newSize(0, at + 1))]);
};

/** Groups of channels, normalised: nothing changes its shape. */
export const normaliseChannels: Rule = (view) => {
  const flow = batchOf(view);
  return onFirst(flow, sizesOf(flow));
};

/** From blocks of space to channels, or back. */
export const blocks = (direction: 1 | -1): Rule => (view) => {
  const flow = batchOf(view);
  const [batch, channels, ...sizes] = sizesOf(flow);
  const block = view.integer('blocksize', 1);
  const scaled = (size: Size, by: number): Size => (isNumber(size) ? sizeOf(Math.floor(size.factor * by))
    : view.newSize(0, 2));
  return onFirst(flow, [
    batch!, scaled(channels!, block ** (2 * direction)), ...sizes.map((size) => scaled(size, block ** -direction)),
  ]);
};

/** Another size for every axis but that of the rows. */
export const resize: Rule = (view) => {
  const flow = view.input(0);
  const before = sizesOf(flow);
  const axes = view.integers('axes') ?? before.map((_, at) => at);
  const isOld = view.node.operator === 'Upsample' || view.opset < 11;
  const [scales, sizes] = isOld ? [view.optional(1), null] : [view.optional(2), view.optional(3)];
  view.assertSameFrom(3 + (isOld ? 0 : 1), 'size');
  const at = axes.indexOf(flow.axis);
  if (hasRows(flow) && at >= 0) {
    const isKept = sizes !== null ? isEqualSize(numbersOf(sizes, 'sizes')[at] ?? ONE, before[flow.axis]!)
      : scales !== null ? isOne(firstOf(scales, at)) : false;
    if (!isKept) throw new Mixes('it stretches the rows');
  }
  const wanted = (axis: number): Size => {
    const place = axes.indexOf(axis);
    if (axis === flow.axis || place < 0) return before[axis]!;
    const [given, scale] = [sizes?.numbers?.[place], scales?.numbers?.[place]];
    if (given !== undefined) return given;
    const size = before[axis]!;
    return scale !== undefined && isNumber(scale) && isNumber(size)
      ? sizeOf(Math.floor(size.factor * scale.factor)) : view.newSize(0, axis);
  };
  return moved(flow, flow.axis, before.map((_, axis) => wanted(axis)));
};

function firstOf({ numbers }: Flow, at: number): Size {
  if (numbers === null) throw new Mixes('its scales cannot be followed');
  return numbers[at] ?? ONE;
}

export const centerCropPad: Rule = (view) => {
  const flow = view.input(0);
  const before = sizesOf(flow);
  const axes = (view.integers('axes') ?? before.map((_, at) => at)).map((axis) =>
    (axis < 0 ? axis + before.length : axis));
  const wanted = numbersOf(view.input(1), 'shape');
  if (hasRows(flow) && axes.includes(flow.axis)) throw new Mixes('it crops the rows');
  return moved(flow, flow.axis, before.map((size, axis) => wanted[axes.indexOf(axis)] ?? size));
};

/** What each row is sampled at is its own. */
export const gridSample: Rule = (view) => {
  const [flow, grid] = [view.input(0), view.input(1)];
  if (flow.axis > 0 || grid.axis !== flow.axis) throw new Mixes('its rows are not on axis 0 of all that has them');
  const before = sizesOf(flow);
  return onFirst(flow, [before[0]!, before[1]!, ...sizesOf(grid).slice(1, -1)]);
};

export const affineGrid: Rule = (view) => {
  const flow = view.input(0);
  if (flow.axis > 0) throw new Mixes('its rows are not on axis 0');
  const [rows = ONE, , ...sizes] = numbersOf(view.input(1), 'size');
  if (!isEqualSize(rows, sizesOf(flow)[0]!)) throw new Mixes('it makes grids for another number of rows');
  return onFirst(flow, [sizesOf(flow)[0]!, ...sizes, sizeOf(sizes.length)]);
};

/** Models of features: a row of them for each row,
  of rank 2; `sizes` are those of the outputs behind the first axis. */
export const features = (...sizes: readonly ('classes' | 'targets' | 'none' | 'same')[]): Rule => (view) => {
  const flow = batchOf(view);
  const before = sizesOf(flow);
  if (hasRows(flow) && before.length !== 2) throw new Mixes('its features lie along the rows');
  const [first = ONE] = before;
  return view.node.outputs.map((_, at) => {
    const kind = sizes[at] ?? 'none';
    const behind = kind === 'none' ? [] : kind === 'same' ? before.slice(1) : [targetsOf(view, kind)];
    return hasRows(flow) ? rowsAlong(0, [first, ...behind], flow) : sameForAll(null);
  });
};

function targetsOf(view: NodeView, kind: 'classes' | 'targets'): Size {
  if (kind === 'targets') return sizeOf(view.integer('n_targets', view.integer('targets', 1)));
  const texts = [...view.node.attributes.values()].find(({ name, texts: found }) => /^class(labels|es)_/.test(name) &&
    found !== null && found.length > 0);
  const integers = [...view.node.attributes.values()].find(({ name, integers: found }) =>
    /^class(labels|es)_/.test(name) && found?.length);
  const count = texts?.texts?.length ?? integers?.integers?.length;
  return count === undefined ? view.newSize(1, 1) : sizeOf(count);
}

/** Features of several inputs beside each other. */
export const besideEachOther: Rule = (view) => {
  const flows = view.from(0);
  const first = flows[0]!;
  for (const flow of flows) {
    if (flow.axis !== first.axis || flow.axis > 0) throw new Mixes('its rows are not on axis 0 of all that has them');
  }
  return onFirst(first, [sizesOf(first)[0]!, view.newSize(0, 1)]);
};

/** Distances of rows to what is the same for all. */
export const distances: Rule = (view) => {
  const [flow, others] = [view.input(0), view.input(1)];
  if (flow.axis > 0) throw new Mixes('its rows are not on axis 0');
  assertSame(others, 'other points');
  return onFirst(flow, [sizesOf(flow)[0]!, sizesOf(others)[0]!]);
};

/** Normalises what two values make together, over the last axis. */
export const addAndNormalise = (operands: readonly number[]): Rule => (view) => {
  view.inputs.forEach((flow, at) => {
    if (!operands.includes(at)) assertSame(flow, 'parameter');
  });
  const flow = broadcast(operands.map((at) => view.optional(at)).filter((one) => one !== null));
  if (flow.axis === sizesOf(flow).length - 1) throw new Mixes('it works along the rows');
  return flow;
};
