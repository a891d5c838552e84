// Where a vector points, as one number a row: its unit vector projected on one of eight fixed directions. Shared by the
// workers, which write samples, and the judge, which computes baselines. Pure but for the turn of the directions.
//
// A direction is a row of signs that follow from the element's number alone, so every process and every version of a
// model has the same ones. A projection is the sum of the unit vector's elements under those signs; over vectors that
// point anywhere it has mean 0 and variance 1, whatever their length. A row is projected on one direction: a sample has
// room for one number, and eight times the work would see no more over a window.

/** Fixed directions. */
export const DIRECTIONS = 8;

const WEYL_STEP = 0x9e3779b9 | 0;

/** Bit `direction` of the result is the sign of element `index`; the mixing is the finaliser of MurmurHash3. */
function signsOf(index: number): number {
  let bits = Math.imul(index + 1, WEYL_STEP);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/**
 * Projects the unit vector of the `length` elements from `offset` on a direction (0…7). NaN when it has no direction:
 * for zeros only, and for elements that are not finite. Allocates nothing.
 */
export function projectionOf(
  direction: number, data: ArrayLike<number | bigint>, offset: number, length: number,
): number {
  let sum = 0;
  let squares = 0;
  for (let index = 0; index < length; index += 1) {
    const element = Number(data[offset + index]);
    sum += ((signsOf(index) >>> direction) & 1) === 0 ? element : -element;
    squares += element * element;
  }
  return squares > 0 ? sum / Math.sqrt(squares) : NaN;
}

/** The projection of one row. */
interface Projected {
  /** 0…7, or -1 for an output that is no vector. */
  direction: number;
  /** NaN when there is none. */
  projection: number;
}

/** Takes the directions in turn. */
export class Projector {
  #turn = 0;

  /**
   * The next direction. The turn is that of a Weyl sequence: even over any few rows, and no
   * multiple of a batch's size, so that no place in a batch keeps one direction.
   */
  next(): number {
    this.#turn = (this.#turn + WEYL_STEP) | 0;
    return this.#turn >>> 29;
  }

  /** Projects one row on the next direction. */
  project(data: ArrayLike<number | bigint>, offset: number, length: number, into: Projected): void {
    into.direction = this.next();
    into.projection = projectionOf(into.direction, data, offset, length);
  }
}
