// Rules for products of matrices and what is built of them: attention, recurrent layers. Pure.
import { Mixes, assertSame, broadcast, elementsOf, hasRows, rowsAlong, sameForAll, sizesOf } from './flow.ts';
import type { Flow } from './flow.ts';
import { NodeView } from './node-view.ts';
import type { Rule } from './node-view.ts';
import { ONE, isEqualSize, isOne, sizeOf } from './sizes.ts';
import type { Size } from './sizes.ts';

const isAlike = (left: Flow, right: Flow): boolean =>
  isEqualSize(left.outer, right.outer) && isEqualSize(left.inner, right.inner);

function multiplied(left: Flow, right: Flow): Flow {
  // A vector is a matrix of one row on the left, of one column on the right.
  const isVector = [sizesOf(left).length === 1, sizesOf(right).length === 1];
  const rows = isVector[0]! ? [ONE, ...sizesOf(left)] : sizesOf(left);
  const columns = isVector[1]! ? [...sizesOf(right), ONE] : sizesOf(right);
  const rank = Math.max(rows.length, columns.length);
  const leftAxis = hasRows(left) ? left.axis + rank - sizesOf(left).length : -1;
  const rightAxis = hasRows(right) ? right.axis + rank - columns.length : -1;
  if (hasRows(left) && leftAxis === rank - 1) throw new Mixes('it sums over the rows');
  if (hasRows(right) && rightAxis === rank - 2) throw new Mixes('it sums over the rows');
  const isInside = leftAxis === rank - 2 || rightAxis === rank - 1;
  if (hasRows(left) && hasRows(right) && isInside) throw new Mixes('it multiplies rows with other rows');
  // All axes but the last two are stretched as those of element-wise operators.
  const outside = (flow: Flow, shape: readonly Size[], axis: number): Flow =>
    (axis >= 0 && axis < rank - 2 ? rowsAlong(axis - rank + shape.length, shape.slice(0, -2), flow)
      : sameForAll(shape.slice(0, -2)));
  const batch = broadcast([outside(left, rows, leftAxis), outside(right, columns, rightAxis)]);
  const dropped = [...(isVector[0]! ? [rank - 2] : []), ...(isVector[1]! ? [rank - 1] : [])];
  const after = [...sizesOf(batch), rows.at(-2)!, columns.at(-1)!].filter((_, at) => !dropped.includes(at));
  const axis = isInside ? Math.max(leftAxis, rightAxis) : batch.axis;
  if (axis < 0) return sameForAll(after);
  return rowsAlong(axis - dropped.filter((one) => one < axis).length, after, hasRows(left) ? left : right);
}

/** A product of the inputs at these places; scales and zero points beside them are the same for all rows. */
export const productOf = (left: number, right: number): Rule => (view) => {
  view.inputs.forEach((flow, at) => {
    if (at !== left && at !== right) assertSame(flow, 'scale');
  });
  return multiplied(view.input(left), view.input(right));
};

const turned = (flow: Flow, isTurned: boolean): Flow => {
  if (!isTurned) return flow;
  const shape = [...sizesOf(flow)].reverse();
  return hasRows(flow) ? rowsAlong(shape.length - 1 - flow.axis, shape, flow) : sameForAll(shape);
};

/** A product of two matrices and what is added to it; the third input at `added`. */
export const gemm: Rule = (view) => {
  const result = multiplied(
    turned(view.input(0), view.integer('transA', 0) !== 0), turned(view.input(1), view.integer('transB', 0) !== 0));
  const added = view.optional(2);
  return added === null ? result : broadcast([result, added]);
};

/** The same of quantised matrices: scales and zero points stand between them. */
export const quantisedGemm: Rule = (view) => gemm(new NodeView(
  view.node, view.opset, [view.input(0), view.input(3), view.optional(6)], view.place, view.walkInner));

const LETTER = /^[A-Za-z]$/;

/** Letters name axes: that of the rows has to stand in all that has them, and in the answer. */
export const einsum: Rule = (view) => {
  const equation = view.text('equation', '').replaceAll(' ', '');
  const [from = '', to] = equation.split('->');
  const terms = from.split(',');
  if (to === undefined || equation.includes('.')) throw new Mixes('its equation cannot be followed');
  const flows = terms.map((_, at) => view.input(at));
  const rows = flows.find(hasRows);
  const sizes = new Map<string, Size>();
  let letter = '';
  terms.forEach((term, at) => {
    const shape = sizesOf(flows[at]!);
    if (Array.from(term).some((one) => !LETTER.test(one)) || term.length !== shape.length) {
      throw new Mixes('its equation cannot be followed');
    }
    Array.from(term).forEach((one, axis) => {
      if (!sizes.has(one) || isOne(sizes.get(one)!)) sizes.set(one, shape[axis]!);
    });
    if (hasRows(flows[at]!)) {
      const own = term[flows[at]!.axis]!;
      if ((letter !== '' && own !== letter) || !isAlike(flows[at]!, rows!)) {
        throw new Mixes('its rows have different letters');
      }
      letter = own;
    }
  });
  const after = Array.from(to).map((one) => sizes.get(one) ?? ONE);
  if (rows === undefined) return sameForAll(after);
  terms.forEach((term, at) => {
    const own = Array.from(term).filter((one) => one === letter).length;
    if (own > 1 || (own === 1 && !hasRows(flows[at]!))) throw new Mixes('it has different values along the rows');
  });
  if (Array.from(to).filter((one) => one === letter).length !== 1) throw new Mixes('it sums over the rows');
  return rowsAlong(to.indexOf(letter), after, rows);
};

/** Attention: each row has its own questions, keys and values; a mask is each row's own or the same for all. */
export const attention = (own: readonly number[], others: readonly number[] = []): Rule => (view) => {
  const flows = own.map((at) => view.optional(at)).filter((flow) => flow !== null);
  if (flows.some((flow) => !hasRows(flow) || flow.axis !== 0 || !isAlike(flow, flows[0]!))) {
    if (view.seesRows) throw new Mixes('its rows are not on axis 0 of all that has them');
    return view.node.outputs.map(() => sameForAll(null));
  }
  view.inputs.forEach((flow, at) => {
    if (flow === null || own.includes(at)) return;
    if (!others.includes(at)) {
      assertSame(flow, 'parameter');
      return;
    }
    if (hasRows(flow) && flow.axis !== 0) throw new Mixes('the rows of its mask are not on axis 0');
    const shape = sizesOf(flow);
    // What has as many axes as the scores has one for the rows.
    if (!hasRows(flow) && shape.length > 3 && !isOne(shape[0]!)) throw new Mixes('its mask differs along the rows');
  });
  const first = sizesOf(flows[0]!);
  const open = (output: number, rank: number): Flow =>
    rowsAlong(0, [first[0]!, ...Array.from({ length: rank - 1 }, (_, at) => view.newSize(output, at + 1))], flows[0]);
  return view.node.outputs.map((_, at) => (at === 0
    ? rowsAlong(0, [...first.slice(0, -1), view.newSize(0, first.length - 1)], flows[0]) : open(at, 4)));
};

/** Positions turn each row's values; where they are looked up, each row says. */
export const rotaryEmbedding: Rule = (view) => {
  const flow = view.input(0);
  if (hasRows(flow) && flow.axis !== 0) throw new Mixes('its rows are not on axis 0');
  for (const other of view.from(1)) {
    const isOwn = hasRows(other) && other.axis === 0 && isAlike(other, flow);
    const isTable = !hasRows(other) && sizesOf(other).length === 2 && view.inputs.indexOf(other) > 0;
    if (!isOwn && !isTable) throw new Mixes('its positions are not those of the rows');
  }
  const positions = view.optional(3);
  if (hasRows(flow) && positions !== null && !hasRows(positions)) {
    throw new Mixes('it has other positions for each row');
  }
  return elementsOf(flow);
};

/** LSTM, GRU and RNN go along one axis and have their sequences on another. */
export const recurrent = (states: readonly number[]): Rule => (view) => {
  const flow = view.input(0);
  const before = sizesOf(flow);
  const axis = view.integer('layout', 0) === 0 ? 1 : 0;
  if (hasRows(flow) && flow.axis !== axis) throw new Mixes('its steps lie along the rows');
  view.inputs.forEach((other, at) => {
    if (other === null || at === 0) return;
    const ownAxis = at === LENGTHS_INPUT ? 0 : states.includes(at) ? axis : -1;
    if (!hasRows(other) && ownAxis < 0) {
      assertSame(other, 'weight');
      return;
    }
    if (hasRows(flow) && (other.axis !== ownAxis || !isAlike(other, flow))) {
      throw new Mixes('its states are not those of the rows');
    }
    if (!hasRows(flow) && hasRows(other)) throw new Mixes('its states are not those of the rows');
  });
  const directions = view.text('direction', 'forward') === 'bidirectional' ? sizeOf(2) : ONE;
  const hidden = sizesOf(view.input(2)).at(-1)!;
  const [steps, batch] = axis === 1 ? [before[0]!, before[1]!] : [before[1]!, before[0]!];
  const all = axis === 1 ? [steps, directions, batch, hidden] : [batch, steps, directions, hidden];
  const last = axis === 1 ? [directions, batch, hidden] : [batch, directions, hidden];
  const place = (shape: readonly Size[], at: number): Flow =>
    (hasRows(flow) ? rowsAlong(at, shape, flow) : sameForAll(shape));
  return view.node.outputs.map((_, at) => (at === 0 ? place(all, axis === 1 ? 2 : 0) : place(last, axis)));
};
const LENGTHS_INPUT = 4;
