// What a row of any number of steps says, as a sample can carry it. An output's row is a sequence when its size is
// open: a step is what lies behind the last open dimension (of [-1, -1, 6625] one distribution of 6,625 numbers), and a
// row is summarised by the number of its steps and by their mean, the pooled vector. Shared by the workers, which write
// samples, and the judge, which computes baselines.
//   value        the Euclidean length of the pooled vector; 0 for a row without steps
//   direction 0  the number of steps
//   1 to 7       the projection of the pooled vector on that fixed direction (see projection.ts)
import type { OutputKind } from './records.ts';
import { projectionOf } from './projection.ts';
import { type PredictionSummary, summarizeRow } from './prediction.ts';

/** The direction whose place the number of steps takes. */
const STEPS_DIRECTION = 0;

/** Numbers of one step of an output of this shape: all behind its last open dimension; 1 when none is open. */
export function stepElements(shape: readonly number[]): number {
  const row = shape.slice(1);
  const open = row.findLastIndex((size) => size < 0);
  return open < 0 ? 1 : row.slice(open + 1).reduce((product, size) => product * size, 1);
}

/** Reads rows, one at a time; allocates nothing after its making. */
export class SequenceReader {
  readonly #pooled: Float64Array;
  #steps = 0;

  /** `width`: numbers of one step. */
  constructor(width: number) {
    this.#pooled = new Float64Array(width);
  }

  /** Reads the `length` elements from `offset`, and writes their summary. */
  read(data: ArrayLike<number | bigint>, offset: number, length: number, into: PredictionSummary): void {
    const pooled = this.#pooled.fill(0);
    const { length: width } = pooled;
    this.#steps = width === 0 ? 0 : Math.floor(length / width);
    for (let at = 0; at < this.#steps * width; at += 1) pooled[at % width]! += Number(data[offset + at]) / this.#steps;
    summarizeRow('vector', pooled, 0, width, into);
  }

  /** What the row that was read last has in a direction (0…7); NaN when it has none. */
  projection(direction: number): number {
    return direction === STEPS_DIRECTION
      ? this.#steps
      : projectionOf(direction, this.#pooled, 0, this.#pooled.length);
  }
}

/** Returns the summary of one whole row, or of none; `width` is that of a step, of a sequence. */
export function predictionOf(
  kind: OutputKind, row: ArrayLike<number | bigint> | null, width = 1,
): PredictionSummary {
  const summary = { value: NaN, classIndex: -1, entropy: NaN };
  if (row === null) return summary;
  if (kind === 'sequence') new SequenceReader(width).read(row, 0, row.length, summary);
  else summarizeRow(kind, row, 0, row.length, summary);
  return summary;
}
