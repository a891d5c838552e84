// What a run of a model takes of memory, as it was measured in the trial, and how large one may be to stay within an
// amount. Pure.
//
// A curve is a row of measurements in which one size doubles. Between two of them, and beyond the last, memory is taken
// to grow by a power of the size: 1 for what works row by row, 2 for attention over a sequence.
/** One measured run. */
export interface MemoryPoint {
  /** Rows, or the size of an open dimension. */
  readonly size: number;
  /** Elements of all inputs together. */
  readonly elements: number;
  /** Anonymous bytes beyond those of the loaded model. */
  readonly bytes: number;
}

/** An open dimension that is no row axis; the same one may stand in several inputs. */
export interface OpenDimension {
  /** Places in the signature: input and axis. */
  readonly axes: readonly (readonly [input: number, axis: number])[];
  /** While all others are small. Empty when there is no other, or when it cannot grow alone. */
  readonly curve: readonly MemoryPoint[];
}

export interface RunMemory {
  /** Anonymous bytes of the loaded model. */
  readonly modelBytes: number;
  /** By the number of rows, open dimensions being small; empty when the model has no row axis. */
  readonly rows: readonly MemoryPoint[];
  /** One row, all open dimensions growing together; empty when there are none. */
  readonly open: readonly MemoryPoint[];
  readonly dimensions: readonly OpenDimension[];
  /** The largest sizes in golden vectors, by input and axis. */
  readonly given?: readonly (readonly number[])[];
}

/** Less is noise: heaps and buffers grow by themselves. */
const NOISE_BYTES = 2 * 1024 ** 2;
/** How fast memory may grow with a size. */
const POWER_MIN = 1;
const POWER_MAX = 3;
/** Of what has not grown yet. At this size a number for each pair would have been seen. */
const POWER_UNSEEN = 2;
const PAIRS_SEEN_SIZE = 1_024;
const STEPS_FITTED = 3;
/** An arena grows in steps: a run may take so many times what lies between two measurements. */
const STEP_SPARE = 1.25;

type Axis = 'size' | 'elements';

/** The largest size, or number of elements, whose run is within `bytes`; Infinity when nothing was measured. */
export function mostWithin(curve: readonly MemoryPoint[], bytes: number, axis: Axis): number {
  const [first] = curve;
  if (first === undefined) return Infinity;
  const over = curve.findIndex((point) => point.bytes > bytes);
  if (over === 0) return 1;
  const at = over < 0 ? curve.length - 1 : over - 1;
  const point = curve[at]!;
  const most = point[axis] * (bytes / Math.max(point.bytes, NOISE_BYTES)) ** (1 / powerAt(curve, at, axis));
  return Math.max(point[axis], Math.floor(over < 0 ? most : Math.min(most, curve[over]![axis])));
}

/** What a run of this size, or of so many elements, takes; 0 when nothing was measured. */
export function bytesAt(curve: readonly MemoryPoint[], value: number, axis: Axis): number {
  const over = curve.findIndex((point) => point[axis] >= value);
  const at = over < 0 ? curve.length - 1 : over;
  const point = curve[at];
  if (point === undefined) return 0;
  if (over < 0) return point.bytes * (value / point[axis]) ** powerAt(curve, at, axis);
  const before = curve[at - 1];
  // From next to nothing no growth can be worked out.
  if (before === undefined || !isTelling(before)) return point.bytes;
  const bytes = before.bytes * (value / before[axis]) ** powerAt(curve, at - 1, axis);
  return Math.min(point.bytes, Math.ceil(bytes * STEP_SPARE));
}

// Between this measurement and the next one; beyond the last, over the last few, because an arena grows in steps.
function powerAt(curve: readonly MemoryPoint[], at: number, axis: Axis): number {
  const isInside = at + 1 < curve.length;
  const to = curve[isInside ? at + 1 : at]!;
  const from = isInside ? curve[at]! : curve.slice(Math.max(0, at - STEPS_FITTED)).find(isTelling);
  if (from === undefined || !isTelling(from) || to.bytes <= from.bytes) {
    return to.size >= PAIRS_SEEN_SIZE ? POWER_MIN : POWER_UNSEEN;
  }
  const power = Math.log(to.bytes / from.bytes) / Math.log(to[axis] / from[axis]);
  return Math.min(POWER_MAX, Math.max(POWER_MIN, power));
}

const isTelling = ({ bytes }: MemoryPoint): boolean => bytes >= NOISE_BYTES;
