// One ONNX session: opened from a file, warmed, run on rows, released once. It divides rows into runs as the model's
// batch axis wants it. Used by inference workers and by the trial process; it knows neither.
// Invariant: input arrays belong to a run until its promise settles; runs of one session never overlap.
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { PREPARED_MODEL, PREPARED_WEIGHTS } from '../../artifacts/prepared.ts';
import type { Signature, StackingDecision } from '../../domain/records.ts';
import type { ClassLabels, DefaultValue } from '../../onnx/derive/open-zipmap.ts';
import { rowLayout, withRowOutputs } from '../../domain/row-layout.ts';
import type { RowLayout } from '../../domain/row-layout.ts';
import type { InputSource } from '../../domain/row-batch.ts';
import type { OutputBlock, RunBlock } from '../../domain/run-block.ts';
import {
  createElements, elementCount, numberElements, runtimeType, shapeText, signatureFrom, withDefaults,
  withLabels,
} from '../../domain/datatype.ts';
import type { Tensor, TensorData } from '../../domain/datatype.ts';
import type { ModelFile } from '../../artifacts/verify.ts';
import { reasonOf } from '../../base/errors.ts';
import type { SessionOptions as VersionSession } from '../../options/session-options.ts';
import type { MemoryGate } from './memory-gate.ts';
import { openSession } from './direct-run.ts';
import type { DirectRun } from './direct-run.ts';
import { assertProviders, loadRuntime, runtimeOptions, withProviders } from './runtime.ts';
import { unserved } from './unserved.ts';
import type { FeedValue, OrtModule, OrtSession } from './runtime.ts';

/** Runs at batch 1 whose median is reported. */
const TIMED_RUNS = 5;
/**
 * Runs before the first request, the largest first: what a full batch of single rows takes by default. Runs of requests
 * with more rows take their memory when they come, since a session keeps it, and so would every worker for nothing.
 */
const WARM_ROWS_MAX = 64;
const WARM_ROWS = [16, 4];

interface SessionOptions {
  /** The model's file, which must never change while the session lives; an ONNX file by default. */
  readonly path: string;
  readonly kind?: ModelFile['kind'];
  /** Beside it, the files that its weights lie in; none by default. */
  readonly dataFiles?: readonly string[];
  /** Names of classes, by output; none by default. */
  readonly labels?: Readonly<Record<string, ClassLabels>>;
  /** The values of inputs that may be left out, by input; none by default. */
  readonly defaults?: Readonly<Record<string, DefaultValue>>;
  readonly intraOpThreads: number;
  /** The version's own; all are the engine's by default. */
  readonly session?: VersionSession;
  /** Most rows of one run of a model with an open batch axis. */
  readonly rowsMax: number;
  /** Most elements of all inputs of a run of several rows; as many as they have by default. */
  readonly elementsMax?: number;
  /** Writes the optimised graph and the packed weights into this folder, in the names of artifacts/prepared.ts. */
  readonly saveIn?: string;
}

export interface RunResult {
  readonly blocks: readonly RunBlock[];
  /** Milliseconds inside the runtime, all runs together. */
  readonly runMs: number;
}

interface WarmUp {
  /** Median milliseconds of a run at batch 1; 0 when the model refuses rows of zeros. */
  readonly runMs: number;
  /** Least milliseconds for a row among all runs, the larger ones included; 0 when the model refuses them. */
  readonly rowMs: number;
  readonly warnings: readonly string[];
}

/** Whole tensors by name, as golden cases hold them. */
export type TensorMap = Readonly<Record<string, Tensor>>;

export interface WholeResult {
  readonly outputs: readonly (Tensor | undefined)[];
  /** Milliseconds inside the runtime. */
  readonly runMs: number;
}

/** Asked before each run; rows that it refuses get no run, and no block in the result. */
type MayRun = (firstRow: number, rows: number) => boolean;

const always: MayRun = () => true;

/** A run answered fewer or more rows than it was given. */
class RowsMismatch extends Error {
  override readonly name = 'RowsMismatch';
}

export class Session {
  readonly signature: Signature;
  #layout: RowLayout;
  /** What the file calls the dimensions of the inputs; empty for a number, and for one without a name. */
  readonly dimensionNames: readonly (readonly string[])[];
  readonly #elementsMax: number;
  readonly #ort: OrtModule;
  readonly #session: OrtSession;
  readonly #direct: DirectRun | null;
  /** What is given for inputs that a run leaves out. */
  readonly #defaults: Readonly<Record<string, FeedValue>>;
  readonly #hasDefaults: boolean;
  readonly #fetches: Readonly<Record<string, null>>;
  /** Until it was decided: a trial's runs are nobody's. */
  /** Asked before each run; nobody by default. */
  gate: MemoryGate | null = null;
  #isStacking = true;
  #rowsMax = Infinity;
  #released: Promise<void> | null = null;

  private constructor(ort: OrtModule, session: OrtSession, direct: DirectRun | null, options: SessionOptions) {
    this.#ort = ort;
    this.#session = session;
    this.#direct = direct;
    const { labels = {}, defaults = {} } = options;
    const signature = withLabels(signatureFrom(session.inputMetadata, session.outputMetadata), labels);
    this.signature = withDefaults(signature, defaults);
    this.#defaults = Object.fromEntries((this.signature.optional ?? []).map(({ name, datatype, default: value }) =>
      [name, this.#tensor(runtimeType(datatype), numberElements(datatype, value.data), value.shape)]));
    this.#hasDefaults = this.signature.optional !== undefined;
    this.#fetches = Object.fromEntries(this.signature.outputs.map(({ name }) => [name, null]));
    this.dimensionNames = session.inputMetadata.filter(({ name }) => !(name in this.#defaults)).map((input) =>
      (input.isTensor ? input.shape : []).map((size) => (typeof size === 'string' ? size : '')));
    this.#layout = rowLayout(this.signature, options.rowsMax);
    this.#elementsMax = options.elementsMax ?? Infinity;
  }

  /** Opens the model in `path`; rejects with onnxruntime's reason, or with what the engine cannot carry. */
  static async open(options: SessionOptions): Promise<Session> {
    const { path, kind = 'onnx', dataFiles = [], session: chosen = {}, intraOpThreads } = options;
    const ort = await loadRuntime();
    assertProviders(ort, chosen);
    const [running, saving] = [runtimeOptions(chosen, intraOpThreads), savingIn(options.saveIn)];
    const opening = openSession(ort, { path, kind, dataFiles }, {
      ...running, ...saving, extra: { ...running.extra, ...saving.extra },
    });
    const { session, run } = await opening.catch((error: unknown) => {
      throw unserved(withProviders(error, ort, chosen), { path, kind, dataFiles });
    });
    try {
      return new Session(ort, session, run, options);
    } catch (error) {
      await session.release();
      throw unserved(error, { path, kind, dataFiles });
    }
  }

  get layout(): RowLayout {
    return this.#layout;
  }
  /** Divides its inputs and outputs from now on as was decided; before it answers anybody. */
  obey({ mode, rowOutputs }: StackingDecision): void {
    this.#isStacking = mode === 'rows';
    if (rowOutputs !== undefined) this.#layout = withRowOutputs(this.#layout, this.signature, rowOutputs);
  }
  /** Whether rows of different requests may share a run. */
  get isStacking(): boolean {
    return this.#isStacking;
  }
  /** From now on each row has a run of its own, and so has each request for whole tensors. */
  stopStacking(): void {
    this.#isStacking = false;
  }
  /** Most rows of these inputs that one run takes now. */
  rowsOf(inputs: readonly Pick<InputSource, 'elements'>[]): number {
    const most = this.rowsPerRun;
    if (most === 1 || this.#elementsMax === Infinity || this.layout.batching !== 'dynamic') return most;
    return Math.max(1, Math.min(most, Math.floor(this.#elementsMax / Math.max(1, elementsOf(inputs)))));
  }
  /** The same of rows without open sizes; a fixed batch of a model that is not stacked is one row again and again. */
  get rowsPerRun(): number {
    return this.#isStacking ? Math.min(this.layout.rowsPerRun, this.#rowsMax) : 1;
  }
  /** Rows of the largest run of its warm-up. */
  get warmRows(): number {
    return Math.min(this.rowsPerRun, WARM_ROWS_MAX);
  }
  /** From now on a run has no more rows than that; a fixed batch has as many as ever. */
  limitRows(rows: number): void {
    if (this.layout.batching !== 'fixed') this.#rowsMax = rows;
  }

  /** Runs the rows `firstRow` to `firstRow + rows` of the inputs, which come in the signature's order. */
  async run(
    inputs: readonly InputSource[], firstRow: number, rows: number, mayRun: MayRun = always,
  ): Promise<RunResult> {
    const blocks: RunBlock[] = [];
    let runMs = 0;
    for (let done = 0; done < rows; ) {
      const start = firstRow + done;
      const count = Math.min(this.rowsOf(inputs), rows - done);
      if (!mayRun(start, count)) {
        done += count;
        continue;
      }
      const feeds = this.#feeds(inputs, start, count);
      const beginMs = performance.now();
      const begun = this.#begin(feeds, this.#fetches, count, count * elementsOf(inputs));
      const answer = begun instanceof Promise ? await begun : begun;
      runMs += performance.now() - beginMs;
      try {
        blocks.push({ firstRow: start, rows: count, outputs: this.#outputs(answer, count) });
      } catch (error) {
        // The signature promised a row axis that the outputs do not have (a flattened or a reduced one): from now on
        // each row gets a run, and with it the whole output.
        if (!(error instanceof RowsMismatch)) throw error;
        this.stopStacking();
        continue;
      }
      done += count;
    }
    return { blocks, runMs };
  }

  // Throws MEMORY_FULL when the process has no memory for this run.
  #begin(
    feeds: Readonly<Record<string, FeedValue>>, fetches: Readonly<Record<string, null>>, rows: number, elements: number,
  ): Readonly<Record<string, FeedValue>> | Promise<Readonly<Record<string, FeedValue>>> {
    const { gate } = this;
    const taken = gate === null ? 0 : gate.enter(rows, elements);
    if (this.#direct === null) return this.#session.run(feeds, Object.keys(fetches)).finally(() => gate?.leave(taken));
    try {
      return this.#direct(feeds, fetches);
    } finally {
      gate?.leave(taken);
    }
  }

  /** Runs whole tensors by name, without dividing them into rows. */
  async runTensors(inputs: TensorMap): Promise<TensorMap> {
    const feeds: Record<string, FeedValue> = { ...this.#defaults };
    for (const { name, datatype } of this.signature.optional ?? []) {
      const tensor = inputs[name];
      if (tensor !== undefined) feeds[name] = this.#tensor(runtimeType(datatype), tensor.data, tensor.shape);
    }
    for (const { name, datatype } of this.signature.inputs) {
      const tensor = inputs[name];
      if (tensor === undefined) throw new Error(`input "${name}" is missing`);
      feeds[name] = this.#tensor(runtimeType(datatype), tensor.data, tensor.shape);
    }
    const answer = await this.#session.run(feeds);
    return Object.fromEntries(
      this.signature.outputs.map(({ name }) => {
        const tensor = answer[name]!;
        return [name, { shape: tensor.dims, data: tensor.data }];
      }));
  }

  /**
   * Runs whole tensors, given in the signature's order, and returns the wanted outputs (by their place in the
   * signature), the others undefined. FP16 outputs come as their bits. `optional`: those that may be left out.
   */
  async runWhole(
    inputs: readonly Tensor[], wanted: readonly number[], optional: readonly (Tensor | undefined)[] = [],
  ): Promise<WholeResult> {
    const feeds: Record<string, FeedValue> = { ...this.#defaults };
    this.signature.optional?.forEach(({ name, datatype }, index) => {
      const tensor = optional[index];
      if (tensor !== undefined) feeds[name] = this.#tensor(runtimeType(datatype), tensor.data, tensor.shape);
    });
    this.signature.inputs.forEach(({ name, datatype }, index) => {
      const { data, shape } = inputs[index]!;
      feeds[name] = this.#tensor(runtimeType(datatype), data, shape);
    });
    const fetches = Object.fromEntries(wanted.map((index) => [this.signature.outputs[index]!.name, null]));
    const rows = this.layout.batching === 'dynamic' ? inputs[0]!.shape[0]! : 1;
    const elements = inputs.reduce((sum, { data }) => sum + data.length, 0);
    const beginMs = performance.now();
    const begun = this.#begin(feeds, fetches, rows, elements);
    const answer = begun instanceof Promise ? await begun : begun;
    const runMs = performance.now() - beginMs;
    const outputs = this.signature.outputs.map(({ name }, index) => {
      if (!wanted.includes(index)) return undefined;
      const { dims, data } = answer[name] as { dims: readonly number[]; data: TensorData };
      return { shape: dims, data };
    });
    return { outputs, runMs };
  }

  /**
   * Runs zeros in a batch of `rowsMax` rows, or as many as it takes, and then in smaller ones down to 1, so that memory
   * is grown before the first request. A model may refuse zeros (a table lookup, a date); that is only a warning.
   */
  async warmUp(rowsMax = WARM_ROWS_MAX): Promise<WarmUp> {
    const warnings: string[] = [];
    const times: number[] = [];
    const largest = Math.min(this.rowsPerRun, rowsMax);
    let rowMs = Infinity;
    try {
      for (const rows of [largest, ...WARM_ROWS.filter((size) => size < largest)]) {
        if (rows > 1) rowMs = Math.min(rowMs, (await this.run(this.#zeros(rows), 0, rows)).runMs / rows);
      }
      const one = this.#zeros(1);
      for (let count = 0; count < TIMED_RUNS; count += 1) times.push((await this.run(one, 0, 1)).runMs);
    } catch (error) {
      warnings.push(`warm-up with zeros failed: ${reasonOf(error)}`);
    }
    times.sort((a, b) => a - b);
    const leastMs = Math.min(rowMs, ...times);
    return { runMs: times[times.length >> 1] ?? 0, rowMs: Number.isFinite(leastMs) ? leastMs : 0, warnings };
  }

  /** Frees the native session; the first call does it, later ones wait for the same. No run may be under way. */
  release(): Promise<void> {
    this.#released ??= this.#session.release();
    return this.#released;
  }

  #zeros(rows: number): InputSource[] {
    return this.layout.inputs.map(({ datatype, shape }) => {
      const sized = shape.map((size) => (size < 0 ? 1 : size));
      const elements = elementCount(sized);
      return { data: createElements(datatype, elements * rows), shape: sized, elements };
    });
  }

  #feeds(inputs: readonly InputSource[], firstRow: number, rows: number): Record<string, FeedValue> {
    const { batching, inputs: layouts, rowsPerRun } = this.layout;
    const feeds: Record<string, FeedValue> = this.#hasDefaults ? { ...this.#defaults } : {};
    for (let index = 0; index < layouts.length; index += 1) {
      const { name, datatype } = layouts[index]!;
      const { data, shape, elements } = inputs[index]!;
      const taken = slice(data, firstRow * elements, (firstRow + rows) * elements);
      const padded = batching === 'fixed' ? repeatLastRow(taken, rows, rowsPerRun, elements) : taken;
      const dims = batching === 'none' ? shape : [batching === 'fixed' ? rowsPerRun : rows, ...shape];
      feeds[name] = this.#tensor(runtimeType(datatype), padded, dims);
    }
    return feeds;
  }

  #tensor(type: string, data: TensorData, dims: readonly number[]): FeedValue {
    // The constructor's overloads want a literal type name each; the table of datatypes pairs names and arrays.
    return new this.#ort.Tensor(type as 'float32', data as Float32Array, dims);
  }

  #outputs(answer: Readonly<Record<string, FeedValue>>, rows: number): OutputBlock[] {
    const runRows = this.layout.batching === 'fixed' ? this.layout.rowsPerRun : rows;
    return this.layout.outputs.map(({ name, hasRows }) => {
      const { dims, data } = answer[name] as { dims: readonly number[]; data: TensorData };
      const isDivided = hasRows && dims[0] === runRows;
      // What is not divided belongs to the only row of its run.
      if (!isDivided && rows > 1) {
        throw new RowsMismatch(`output "${name}" has shape ${shapeText(dims)} for ${runRows} rows`);
      }
      const rowShape = isDivided ? dims.slice(1) : dims;
      return { data, rowShape, rowElements: elementCount(rowShape) };
    });
  }
}

// Of one row.
function elementsOf(inputs: readonly Pick<InputSource, 'elements'>[]): number {
  let sum = 0;
  for (const { elements } of inputs) sum += elements;
  return sum;
}

// What is written for later sessions when this one opens.
function savingIn(folder: string | undefined): { optimizedModelFilePath?: string; extra?: object } {
  if (folder === undefined) return {};
  return {
    optimizedModelFilePath: join(folder, PREPARED_MODEL),
    extra: { session: {
      optimized_model_external_initializers_file_name: PREPARED_WEIGHTS,
      optimized_model_external_initializers_min_size_in_bytes: '1024',
      save_external_prepacked_constant_initializers: '1',
    } },
  };
}

function slice(data: TensorData, from: number, to: number): TensorData {
  return Array.isArray(data) ? data.slice(from, to) : data.subarray(from, to);
}

// A fixed batch axis wants all its rows; the answers of the repeated ones are left out.
function repeatLastRow(data: TensorData, rows: number, wanted: number, elements: number): TensorData {
  if (rows === wanted) return data;
  if (Array.isArray(data)) {
    const last = data.slice((rows - 1) * elements);
    return Array.from({ length: wanted * elements }, (_, at) => data[at] ?? last[at % elements] ?? '');
  }
  // One constructor call of the array's own type; numbers and bigints are only moved.
  const padded = new (data.constructor as new (length: number) => Float32Array)(wanted * elements);
  padded.set(data as Float32Array);
  for (let row = rows; row < wanted; row += 1) {
    padded.copyWithin(row * elements, (rows - 1) * elements, rows * elements);
  }
  return padded;
}
