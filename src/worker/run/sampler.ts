// Collects the samples of one batch and hands them to the worker's ring in one go. Worker thread; single owner.
// Invariant: a request always gets its request sample; row samples are the ones that are left out at the limits.
import type { OutputKind } from '../../domain/records.ts';
import { SampleKind, emptySample } from '../../shared-memory/sample-ring.ts';
import type { Outcome, Sample, SampleWriter } from '../../shared-memory/sample-ring.ts';
import { Track } from '../../shared-memory/slab.ts';
import { halfToNumber } from '../../domain/half.ts';
import { labelNumber, summarizeRow } from '../../domain/prediction.ts';
import { SequenceReader } from '../../domain/sequence.ts';
import { Projector } from '../../domain/projection.ts';
import type { InputSource } from '../../domain/row-batch.ts';
import { eachRow, type RunBlock } from '../../domain/run-block.ts';
import type { TensorData } from '../../domain/datatype.ts';
import type { PredictionSource } from '../messages.ts';
import type { RowOutputs, RowTap } from './row-sampler.ts';

/** Row samples of one request beyond its first row. */
export const ROW_SAMPLES_MAX = 64;
/** Share of the ring that the row samples of one batch may fill, so that no batch laps the monitor by itself. */
const RING_SHARE = 1 / 4;

/** Words of one row that are hashed at most, spread over it: a large input costs no more than a small one. */
const INPUT_WORDS_MAX = 256;

const HASH_SEED = 0x811c9dc5 | 0;
const HASH_FACTOR = 0x01000193;

/** One input of a request as it was run: whole rows, one after another. */
export interface AskedInput {
  readonly data: TensorData;
  /** Elements of one row. */
  readonly elements: number;
}

/** The part of a sample that is the same for all rows of a request. */
interface RequestTimes {
  readonly receivedUs: number;
  readonly startUs: number;
  readonly doneUs: number;
  readonly runUs: number;
  readonly batchRows: number;
  /** Who asked, as in shared-memory/source-ids.ts. */
  readonly source: number;
}

export class Sampler {
  readonly #writer: SampleWriter | null;
  readonly #ringCapacity: number;
  readonly #tap: RowTap | null;
  #source: PredictionSource | null = null;
  #sequences: SequenceReader | null = null;
  readonly #samples: Sample[] = [];
  readonly #asked = new WordView();
  readonly #answered = new WordView();
  readonly #projector = new Projector();
  #count = 0;
  #rowSamplesLeft = 0;
  #generation = 0;
  #track: Track = Track.stable;
  #isRunNew = false;

  /** Without a writer the samples go nowhere; without a tap no rows are kept. */
  constructor(writer: SampleWriter | null, ringCapacity: number, tap: RowTap | null = null) {
    this.#writer = writer;
    this.#ringCapacity = ringCapacity;
    this.#tap = tap;
  }

  get source(): PredictionSource | null {
    return this.#source;
  }
  /** Set when the version is loaded; until then samples carry no prediction. */
  set source(source: PredictionSource | null) {
    this.#source = source;
    this.#sequences = source?.kind === 'sequence' ? new SequenceReader(source.width ?? 1) : null;
  }

  /** Starts a batch of one generation. */
  begin(generation: number, track: Track): void {
    this.#track = track;
    this.#isRunNew = false;
    this.#count = 0;
    this.#generation = generation;
    this.#tap?.begin(generation);
    this.#rowSamplesLeft = Math.floor(this.#ringCapacity * RING_SHARE);
  }

  /** The requests that follow were in one run of the session; the first of them counts it. */
  beginRun(): void {
    this.#isRunNew = true;
  }

  /** Adds the sample of one request and returns it, so that its first row can be filled in. */
  request(outcome: Outcome, rows: number, times: RequestTimes): Sample {
    const sample = this.#next();
    sample.kind = SampleKind.request;
    sample.outcome = outcome;
    sample.rows = rows;
    sample.batchRows = times.batchRows;
    sample.latencyUs = times.doneUs - times.receivedUs;
    sample.queueUs = times.startUs - times.receivedUs;
    sample.runUs = times.runUs;
    sample.atUs = times.doneUs;
    sample.source = times.source;
    this.#tap?.request();
    sample.isRunFirst = this.#isRunNew;
    this.#isRunNew = false;
    return sample;
  }

  /** Adds the sample of one more row of the request `of`, or returns null at the limit. `index` counts from 0. */
  row(of: Readonly<Sample>, index: number): Sample | null {
    if (index > ROW_SAMPLES_MAX || this.#rowSamplesLeft === 0) return null;
    this.#rowSamplesLeft -= 1;
    const sample = this.#next();
    const { outcome, rows, batchRows, latencyUs, queueUs, runUs, atUs, source } = of;
    Object.assign(sample, { kind: SampleKind.row, outcome, rows, batchRows, latencyUs, queueUs, runUs, atUs, source });
    return sample;
  }

  /** Fills in what the rows of an answered request say, the first of them in its own sample. */
  answered(
    sample: Sample, inputs: readonly InputSource[], blocks: readonly RunBlock[], firstRow: number, rows: number,
  ): void {
    // One row in one block is the common case: no visitor is made for it.
    if (rows === 1 && blocks.length === 1) {
      this.#answeredRow(sample, 0, inputs, firstRow, blocks[0]!);
      return;
    }
    let index = 0;
    eachRow({ firstRow, rows }, blocks, (block) => {
      const one = index === 0 ? sample : this.row(sample, index);
      if (one !== null) this.#answeredRow(one, index, inputs, firstRow + index, block);
      index += 1;
    });
  }

  // `row` is one of the batch.
  #answeredRow(sample: Sample, index: number, inputs: readonly InputSource[], row: number, block: RunBlock): void {
    this.ask(sample, inputs, row);
    this.predict(sample, block, row - block.firstRow);
    this.keep(sample, index, block, row - block.firstRow, inputs, row);
  }

  /** Fills in which row was asked about. */
  ask(sample: Sample, inputs: readonly AskedInput[], row: number): void {
    if (this.#writer === null) return;
    let hash = HASH_SEED;
    for (const { data, elements } of inputs) {
      // An input without rows of its own belongs to all of them.
      const offset = (row + 1) * elements <= data.length ? row * elements : 0;
      hash = hashElements(hash, data, this.#asked, offset, elements, Math.ceil(elements / INPUT_WORDS_MAX));
    }
    // 0 stands for a row that is not known.
    sample.input = hash === 0 ? 1 : hash;
  }

  /** Fills in what one answered row says. */
  predict(sample: Sample, block: RunBlock, row: number): void {
    if (this.#writer === null) return;
    let hash = HASH_SEED;
    for (const { data, rowElements } of block.outputs) {
      hash = hashElements(hash, data, this.#answered, row * rowElements, rowElements, 1);
    }
    sample.hash = hash;
    const source = this.#source;
    if (source === null) return;
    const { data, rowElements } = block.outputs[source.output]!;
    const offset = row * rowElements;
    if (Array.isArray(data)) {
      if (source.kind === 'labels' && rowElements > 0) sample.value = labelNumber(data[offset]!);
    } else if (source.datatype === 'FP16') {
      this.#summarize(source.kind, halves(data, offset, rowElements), 0, rowElements, sample);
    } else {
      this.#summarize(source.kind, data, offset, rowElements, sample);
    }
  }

  #summarize(
    kind: OutputKind, data: ArrayLike<number | bigint>, offset: number, elements: number, sample: Sample,
  ): void {
    if (this.#sequences !== null) {
      this.#sequences.read(data, offset, elements, sample);
      sample.direction = this.#projector.next();
      sample.projection = this.#sequences.projection(sample.direction);
      return;
    }
    summarizeRow(kind, data, offset, elements, sample);
    if (kind === 'vector') this.#projector.project(data, offset, elements, sample);
  }

  /** Ends a request that has no answer: recorder and reservoir get to know of it all the same. */
  fail(sample: Readonly<Sample>, inputs: readonly InputSource[] | null = null, inputRow = 0): void {
    this.#tap?.fail(sample, inputs, inputRow);
  }

  /** Tells whether somebody wants a row of this request. */
  takes(sample: Readonly<Sample>): boolean {
    return this.#tap?.takes(sample) === true;
  }

  /**
   * Keeps the row itself when somebody wants it: number `index` of its request, `row` of the block, `inputRow` of the
   * inputs, which are null when they do not divide into rows.
   */
  keep(
    sample: Readonly<Sample>, index: number, block: RunBlock, row: number, inputs: readonly InputSource[] | null,
    inputRow: number,
  ): void {
    if (this.#tap?.takes(sample) !== true) return;
    this.#tap.add(sample, index, outputNumbers(block, this.source, row), inputs, inputRow);
  }

  /** Writes everything to the ring. */
  publish(): void {
    if (this.#writer === null) {
      this.#count = 0;
      return;
    }
    for (let done = 0; done < this.#count; ) {
      // begin() hands the records over to be overwritten: never more than there are.
      const chunk = Math.min(this.#count - done, this.#ringCapacity);
      this.#writer.begin(chunk);
      for (let index = 0; index < chunk; index += 1) this.#writer.write(this.#samples[done + index]!);
      this.#writer.publish();
      done += chunk;
    }
    this.#count = 0;
  }

  #next(): Sample {
    let sample = this.#samples[this.#count];
    if (sample === undefined) {
      sample = emptySample();
      this.#samples.push(sample);
    }
    this.#count += 1;
    sample.generation = this.#generation;
    sample.track = this.#track;
    sample.isRunFirst = false;
    sample.value = NaN;
    sample.classIndex = -1;
    sample.entropy = NaN;
    sample.direction = -1;
    sample.projection = NaN;
    sample.hash = 0;
    sample.input = 0;
    return sample;
  }
}

const NO_NUMBERS: RowOutputs = { numbers: [], offset: 0, length: 0 };

/** The numbers of one row of the output that predictions are read from, a text label's among them; else none. */
export function outputNumbers({ outputs }: RunBlock, source: PredictionSource | null, row: number): RowOutputs {
  const found = source === null ? undefined : outputs[source.output];
  if (found === undefined) return NO_NUMBERS;
  const { data, rowElements: length } = found;
  const offset = row * length;
  if (Array.isArray(data)) {
    return source!.kind === 'labels' && length > 0
      ? { numbers: [labelNumber(data[offset]!)], offset: 0, length: 1 }
      : NO_NUMBERS;
  }
  if (source!.datatype === 'FP16') return { numbers: halves(data, offset, length), offset: 0, length };
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return { numbers: Float64Array.from(data.subarray(offset, offset + length), Number), offset: 0, length };
  }
  return { numbers: data, offset, length };
}

function halves(data: Exclude<TensorData, string[]>, offset: number, length: number): Float32Array {
  return Float32Array.from(data.subarray(offset, offset + length) as Uint16Array, halfToNumber);
}

/**
 * The elements of an array as 32-bit words (or, when they are not aligned to words, as bytes). Kept for the last array
 * that was asked for: all rows of a batch lie in one, and making a view costs more than hashing a small row.
 */
class WordView {
  #data: Exclude<TensorData, string[]> | null = null;
  #words: Int32Array | Uint8Array = new Int32Array(0);
  /** Words (or bytes) of one element. */
  perElement = 1;

  of(data: Exclude<TensorData, string[]>): Int32Array | Uint8Array {
    if (data === this.#data) return this.#words;
    const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: elementBytes } = data;
    const isAligned = ((byteOffset | elementBytes) & 3) === 0;
    this.#data = data;
    this.#words = isAligned
      ? new Int32Array(buffer, byteOffset, byteLength / 4)
      : new Uint8Array(buffer, byteOffset, byteLength);
    this.perElement = isAligned ? elementBytes / 4 : elementBytes;
    return this.#words;
  }
}

// FNV-1a over every `step`th word (or text) of the elements.
function hashElements(
  seed: number, data: TensorData, view: WordView, offset: number, length: number, step: number,
): number {
  let hash = seed;
  if (Array.isArray(data)) {
    for (let at = offset; at < offset + length; at += step) {
      const text = data[at]!;
      for (let index = 0; index < text.length; index += 1) {
        hash = Math.imul(hash ^ text.charCodeAt(index), HASH_FACTOR);
      }
      // Keeps ["ab", "c"] and ["a", "bc"] apart.
      hash = Math.imul(hash ^ 0xffff_ffff, HASH_FACTOR);
    }
    return hash;
  }
  const words = view.of(data);
  const end = (offset + length) * view.perElement;
  for (let at = offset * view.perElement; at < end; at += step) hash = Math.imul(hash ^ words[at]!, HASH_FACTOR);
  return hash;
}
