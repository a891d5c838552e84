// What is known of a value on its way through the graph: on which axis it has the rows of the run, if on any, its
// shape, and its numbers when they are sizes. Pure.
// Invariants: of a value with rows, what belongs to row i depends on no other row, and no size but that of its axis
// depends on how many there are; a value without rows depends on none of them.
import { ONE, countsRows, isEqualSize, isOne, openSize, product, quotient, sizeText } from './sizes.ts';
import type { Size } from './sizes.ts';

/** Numbers of a value that are kept: shapes, axes, scales. */
const NUMBERS_KEPT = 256;

export interface Flow {
  /** Where its rows are; -1 when it has none. */
  readonly axis: number;
  /** The size of that axis is outer · rows · inner: 1 · rows · 1 for most. */
  readonly outer: Size;
  readonly inner: Size;
  /** null when not even its rank is known. */
  readonly shape: readonly Size[] | null;
  /** Its elements, if they are known; those of a Shape may count rows. */
  readonly numbers: readonly Size[] | null;
  /** Its elements may be others with another number of rows, whatever is in them. */
  readonly isCounted: boolean;
  /**
   * What the values of its last axis end with, which is as long as that of the row that has most: nothing of its size
   * is known. Only operators that are made for it take such a value.
   */
  readonly padding: string | null;
}

/** Where the rows are lost: the operator mixes them, or they cannot be followed through it. */
export class Mixes extends Error {
  override readonly name = 'Mixes';
  /** Also of values without rows: of two runs, no two are alike. */
  readonly isAlways: boolean;

  constructor(reason: string, isAlways = false) {
    super(reason);
    this.isAlways = isAlways;
  }
}

export const hasRows = ({ axis }: Flow): boolean => axis >= 0;

/** Whether its elements tell anything of how many rows there are. */
export const isCount = ({ numbers, isCounted }: Flow): boolean => isCounted || numbers?.some(countsRows) === true;

/** The same elements or others in their places, of which no numbers are known. */
export const elementsOf = (flow: Flow): Flow => ({ ...flow, numbers: null, isCounted: isCount(flow) });

/** A value that is the same for all rows. */
export function sameForAll(shape: readonly Size[] | null, numbers: readonly Size[] | null = null): Flow {
  if (shape?.some(countsRows) === true) throw new Mixes('its shape depends on how many rows there are');
  const kept = numbers !== null && numbers.length <= NUMBERS_KEPT ? numbers : null;
  if (kept === null && numbers?.some(countsRows) === true) throw new Mixes('it depends on how many rows there are');
  return { axis: -1, outer: ONE, inner: ONE, shape, numbers: kept, isCounted: false, padding: null };
}

/** A value with rows on `axis`. */
export function rowsAlong(
  axis: number, shape: readonly Size[], { outer, inner }: Pick<Flow, 'outer' | 'inner'> = { outer: ONE, inner: ONE },
): Flow {
  if (shape.some((size, at) => at !== axis && countsRows(size))) {
    throw new Mixes('a size of its rows depends on how many there are');
  }
  return { axis, outer, inner, shape, numbers: null, isCounted: false, padding: null };
}

/** The same value with another shape; its rows are on `axis` of it, if it has any. */
export const moved = (flow: Flow, axis: number, shape: readonly Size[]): Flow =>
  (hasRows(flow) ? rowsAlong(axis, shape, flow) : sameForAll(shape));

export function sizesOf({ shape }: Flow): readonly Size[] {
  if (shape === null) throw new Mixes('a shape in it cannot be followed');
  return shape;
}

/** From an axis as attributes have it, which may count from the end. */
export function axisIn(axis: number, rank: number): number {
  const found = axis < 0 ? axis + rank : axis;
  if (found < 0 || found >= rank) throw new Mixes(`axis ${axis} is none of a value of rank ${rank}`);
  return found;
}

/** Of what has to be the same for all rows, and for any number of them; `what` says what it is. */
export function assertSame(flow: Flow | null, what: string): void {
  if (flow === null) return;
  if (hasRows(flow)) throw new Mixes(`its ${what} comes from the rows`);
  if (isCount(flow)) throw new Mixes(`its ${what} depends on how many rows there are`);
}

/** Numbers that have to be known; they may still be names of open sizes. */
export function numbersOf(flow: Flow, what: string): readonly Size[] {
  if (flow.numbers === null) throw new Mixes(`its ${what} cannot be followed`);
  return flow.numbers;
}

/** Whole numbers that have to be known. */
export function integersOf(flow: Flow, what: string): number[] {
  return numbersOf(flow, what).map((size) => {
    if (size.names.length > 0) throw new Mixes(`its ${what} cannot be followed`);
    return size.factor;
  });
}

/** One of two sizes, one of which may be stretched from 1. */
function widerOf(left: Size, right: Size): Size {
  if (isOne(left) || isEqualSize(left, right)) return right;
  if (isOne(right)) return left;
  // Of two that differ, one is 1 when the model runs: which one is not known, unless a number says so.
  if (left.names.length === 0) return left;
  if (right.names.length === 0) return right;
  return openSize(`(${sizeText(left)} | ${sizeText(right)})`);
}

/** What element-wise operators make of these values, which are stretched to each other's shapes from the right. */
export function broadcast(flows: readonly Flow[]): Flow {
  const shapes = flows.map(sizesOf);
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  const rows = flows.find(hasRows) ?? null;
  const placeOf = (flow: Flow): number => flow.axis + rank - sizesOf(flow).length;
  const axis = rows === null ? -1 : placeOf(rows);
  for (const flow of flows) {
    if (rows === null || !hasRows(flow)) continue;
    const isAlike = isEqualSize(rows.outer, flow.outer) && isEqualSize(rows.inner, flow.inner);
    if (placeOf(flow) !== axis || !isAlike) throw new Mixes('the rows of its operands are on different axes');
  }
  const shape: Size[] = [];
  for (let at = 0; at < rank; at += 1) {
    let size = ONE;
    flows.forEach((flow, index) => {
      const own = shapes[index]![at - rank + shapes[index]!.length] ?? ONE;
      if (at === axis && !hasRows(flow) && !isOne(own)) {
        throw new Mixes(`an operand of it has ${sizeText(own)} different values along the rows`);
      }
      size = at === axis && hasRows(flow) ? own : widerOf(size, own);
    });
    shape.push(size);
  }
  const result = rows === null ? sameForAll(shape) : rowsAlong(axis, shape, rows);
  return { ...result, isCounted: flows.some(isCount) };
}

/**
 * The same elements in the same order under another shape. Where as many elements are before an axis as were before the
 * rows, and the axis has the rows and `inner` places for each, the rest of a row is behind it: the runtime refuses a
 * shape of another number of elements. Of sizes that are not known to fit, it may take one that is no size of the value
 * itself for whatever fits; so one of those has to be behind the rows, where it moves none.
 */
export function reshaped(flow: Flow, shape: readonly Size[]): Flow {
  if (!hasRows(flow)) return sameForAll(shape, flow.numbers);
  const before = sizesOf(flow);
  const outside = product([...before.slice(0, flow.axis), flow.outer]);
  const inside = product([flow.inner, ...before.slice(flow.axis + 1)]);
  const rows = quotient(before[flow.axis]!, product([flow.outer, flow.inner]))!;
  const isOther = (size: Size): boolean => size.names.length > 0 && !before.some((own) => isEqualSize(own, size));
  for (let axis = 0; axis < shape.length; axis += 1) {
    const behind = shape.slice(axis + 1);
    const outer = quotient(outside, product(shape.slice(0, axis)));
    const inner = outer === null ? null : quotient(shape[axis]!, product([outer, rows]));
    if (outer === null || inner === null || countsRows(inner)) continue;
    if (isEqualSize(product([inner, ...behind]), inside) || behind.some(isOther)) {
      return rowsAlong(axis, shape, { outer, inner });
    }
  }
  throw new Mixes(`the rows are not found again in its new shape [${shape.map(sizeText).join(', ')}]`);
}
