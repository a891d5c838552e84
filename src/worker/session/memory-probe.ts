// Measures what runs of a model take of memory: as the rows of a run double, and as its open dimensions do, together
// and each by itself. In the trial, whose process has nothing else to do; the numbers are zeros.
// Limits: a curve ends at a run that takes long, that takes much, whose inputs are larger than a request can be, or
// that the model refuses, unless it is small; what lies beyond is worked out from its last points.
import type { OpenDimension, MemoryPoint, RunMemory } from '../../domain/run-memory.ts';
import { createElements, elementCount } from '../../domain/datatype.ts';
import type { Tensor } from '../../domain/datatype.ts';
import { anonymousBytes, peakBytes, resetPeak } from '../../base/process-memory.ts';
import { searchedSize } from './made-up-rows.ts';
import type { Session } from './session.ts';

/** Sizes of open dimensions while rows grow; the first that the model takes. */
const BASE_SIZES = [1, 2, 8, 32, 64, 256];
const ROWS_MAX = 1_024;
const ELEMENTS_MAX = 4 * 1024 ** 2;
/** Dimensions that are measured by themselves, each of which loads the model once more. */
const DIMENSIONS_MAX = 3;
const RUN_MS_MAX = 400;
const CURVE_MS_MAX = 1_500;
/** Smaller sizes may be refused: there are models that take images of 4 pixels, and then multiples of 32. */
const REFUSED_SIZE_MAX = 32;

export interface Measured {
  readonly memory: RunMemory;
  /** Least milliseconds for a row among the runs of several rows; 0 when there were none. */
  readonly rowMs: number;
}

interface MeasureOptions {
  /** Anonymous bytes of the loaded model. */
  readonly modelBytes: number;
  /** A run that takes more ends its curve. */
  readonly bytesMax: number;
  /**
   * Opens the model once more: what a session's arena took for one curve it would have for the next. Null when there is
   * no memory for that; then open dimensions are not measured.
   */
  readonly openAgain: (() => Promise<Session>) | null;
}

/** Null when the model refuses rows of zeros; `session` has run nothing larger than a few rows. */
export async function measureMemory(
  session: Session, { modelBytes, bytesMax, openAgain }: MeasureOptions,
): Promise<Measured | null> {
  const dimensions = openDimensionsOf(session);
  const probe = new Probe(session, dimensions, bytesMax);
  const baseSize = await probe.baseSize();
  if (baseSize === null) return null;
  const rows = await probe.rows(baseSize);
  const onNew = async (axes: Axes | null): Promise<readonly MemoryPoint[]> => {
    if (openAgain === null) return [];
    const other = await openAgain();
    try {
      return await new Probe(other, dimensions, bytesMax).growing(baseSize, axes);
    } finally {
      await other.release();
    }
  };
  const open = dimensions.length === 0 ? [] : await onNew(null);
  const measured: OpenDimension[] = [];
  for (const axes of dimensions) {
    const isOneOfMany = dimensions.length > 1 && measured.length < DIMENSIONS_MAX;
    const curve = isOneOfMany ? await onNew(axes) : [];
    // One measurement says nothing: it depends on another dimension, in a way that the names do not show.
    measured.push({ axes, curve: curve.length > 1 ? curve : [] });
  }
  return { memory: { modelBytes, rows, open, dimensions: measured }, rowMs: probe.rowMs };
}

type Axes = OpenDimension['axes'];

// Open dimensions that are no row axes; those of one name are one.
function openDimensionsOf({ signature, layout, dimensionNames }: Session): readonly Axes[] {
  const named = new Map<string, [number, number][]>();
  signature.inputs.forEach(({ shape }, input) => shape.forEach((size, axis) => {
    if (size >= 0 || (axis === 0 && layout.batching === 'dynamic')) return;
    const name = dimensionNames[input]![axis] || `${input}:${axis}`;
    named.set(name, [...(named.get(name) ?? []), [input, axis]]);
  }));
  return [...named.values()];
}

type Shapes = readonly (readonly number[])[];

class Probe {
  rowMs = 0;
  readonly #session: Session;
  readonly #dimensions: readonly Axes[];
  /** Before the first run. */
  readonly #startBytes = anonymousBytes();
  readonly #bytesMax: number;
  readonly #hasRows: boolean;

  constructor(session: Session, dimensions: readonly Axes[], bytesMax: number) {
    this.#session = session;
    this.#dimensions = dimensions;
    this.#bytesMax = bytesMax;
    this.#hasRows = session.layout.batching === 'dynamic';
  }

  /** The smallest size of open dimensions that the model takes; null when it takes none. */
  async baseSize(): Promise<number | null> {
    for (const size of this.#dimensions.length === 0 ? BASE_SIZES.slice(0, 1) : BASE_SIZES) {
      if (await this.#takes(size)) return size;
    }
    return this.#dimensions.length === 0 ? null : searchedSize((size) => this.#takes(size));
  }

  async #takes(size: number): Promise<boolean> {
    const shapes = this.#shapes(1, () => size);
    if (shapes.reduce((sum, shape) => sum + elementCount(shape), 0) > ELEMENTS_MAX) return false;
    return this.#run(shapes).then(() => true, () => false);
  }

  /** Runs of more and more rows. */
  async rows(baseSize: number): Promise<readonly MemoryPoint[]> {
    if (!this.#hasRows) return [];
    return this.#curve(1, (rows) => this.#shapes(rows, () => baseSize), (rows, ms) => {
      if (rows > 1) this.rowMs = this.rowMs === 0 ? ms / rows : Math.min(this.rowMs, ms / rows);
      return rows < ROWS_MAX;
    });
  }

  /** Runs of one row in which the dimension of these axes grows, or all of them. */
  growing(baseSize: number, axes: Axes | null): Promise<readonly MemoryPoint[]> {
    const grows = (input: number, axis: number): boolean =>
      axes === null || axes.some(([at, on]) => at === input && on === axis);
    return this.#curve(baseSize, (size) =>
      this.#shapes(1, (input, axis) => (grows(input, axis) ? size : baseSize)));
  }

  // `goesOn` is told of each size that was run and how long it took.
  async #curve(
    firstSize: number, shapesOf: (size: number) => Shapes, goesOn: (size: number, ms: number) => boolean = () => true,
  ): Promise<readonly MemoryPoint[]> {
    const points: MemoryPoint[] = [];
    let spentMs = 0;
    for (let size = firstSize; ; size *= 2) {
      const shapes = shapesOf(size);
      const elements = shapes.reduce((sum, shape) => sum + elementCount(shape), 0);
      if (elements > ELEMENTS_MAX && points.length > 0) return points;
      resetPeak();
      const ms = await this.#run(shapes).catch(() => null);
      if (ms === null && size < REFUSED_SIZE_MAX) continue;
      if (ms === null) return points;
      const bytes = Math.max(0, peakBytes() - this.#startBytes);
      points.push({ size, elements, bytes: Math.max(bytes, points.at(-1)?.bytes ?? 0) });
      spentMs += ms;
      if (!goesOn(size, ms) || ms > RUN_MS_MAX || spentMs > CURVE_MS_MAX) return points;
      if (bytes > this.#bytesMax || (bytes > this.#bytesMax / 2 && isSteep(points))) return points;
    }
  }

  // The inputs' shapes with so many rows, and open dimensions as `sizeOf` says.
  #shapes(rows: number, sizeOf: (input: number, axis: number) => number): Shapes {
    return this.#session.signature.inputs.map(({ shape }, input) =>
      shape.map((size, axis) =>
        (size >= 0 ? size : axis === 0 && this.#hasRows ? rows : sizeOf(input, axis))));
  }

  // Resolves with its milliseconds.
  async #run(shapes: Shapes): Promise<number> {
    const { inputs, outputs } = this.#session.signature;
    const tensors = inputs.map(({ datatype }, input): Tensor =>
      ({ data: createElements(datatype, elementCount(shapes[input]!)), shape: shapes[input]! }));
    return (await this.#session.runWhole(tensors, outputs.map((_, index) => index))).runMs;
  }
}

// The next point of a curve that is like this is some four times as high.
function isSteep(points: readonly MemoryPoint[]): boolean {
  const [before, last] = points.slice(-2);
  return last !== undefined && before !== undefined && last.bytes > before.bytes * 3;
}
