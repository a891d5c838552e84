// Runs the `lastgood.f32` frames of a slab: their rows are copied behind each other into one array, the session runs
// once for all of them, and the results are copied to where the answers lie. Worker thread; one per session.
// Invariants: every entry that was taken is answered when flush() returns; a frame that fails fails alone.
import { isLastgoodError, lastgoodError } from '../../base/errors.ts';
import { Outcome } from '../../shared-memory/sample-ring.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import { ANSWER_HEAD_BYTES, FRAME_ID_BYTES, floatRefusal } from '../../protocols/f32/frame.ts';
import { refusalOf } from '../../protocols/protocol.ts';
import type { InputSource } from '../../domain/row-batch.ts';
import type { RunBlock } from '../../domain/run-block.ts';
import { hasBoundless } from '../../domain/datatype.ts';
import type { FiniteCheck } from './finite-check.ts';
import type { RunGate } from './run-gate.ts';
import type { Sampler } from './sampler.ts';
import type { StackCheck } from './stack-check.ts';
import type { RunResult, Session } from '../session/session.ts';

const HTTP_OK = 200;
const WORD_BYTES = 4;
const FLOATS_MIN = 4_096;
/** A larger array is let go after its batch. */
const FLOATS_KEPT_MAX = 1_048_576;
/**
 * The rows begin at the second word: a frame's rows lie behind its id, and shared memory is copied eight bytes at a
 * time only between addresses that are equally far from a multiple of eight, else one by one.
 */
const FIRST_WORD = FRAME_ID_BYTES / WORD_BYTES;
/** Up to this many words a loop copies faster than the making of the view that set() needs. */
const LOOP_WORDS_MAX = 128;
/** The exponent bits of a float32 that is infinite or no number. */
const INFINITY_BITS = 0x7f80_0000;

interface FloatBatchOptions {
  readonly model: string;
  readonly version: string;
  readonly session: Session;
  readonly sampler: Sampler;
  readonly gate: RunGate;
  readonly finite: FiniteCheck;
  readonly check: StackCheck;
  readonly requestRowsMax: number;
  readonly answerBytesMax: number;
  readonly monotonicUs: () => number;
  /** Takes an answer that does not fit the slab. */
  readonly overflow: (entry: number, answer: Uint8Array) => void;
}

/** A run's outputs with their bits beside them. */
interface WordBlock extends RunBlock {
  readonly words: readonly Int32Array[];
}

export class FloatBatch {
  readonly #options: FloatBatchOptions;
  /** Why the model cannot be asked like this, or null. */
  readonly #refusal: string | null;
  readonly #rowFloats: number;
  readonly #input: { data: Float32Array; readonly shape: readonly number[]; readonly elements: number };
  readonly #inputs: readonly InputSource[];
  /** The input's bits: copied as integers no NaN changes. */
  #words: Int32Array;
  readonly #times = { receivedUs: 0, startUs: 0, doneUs: 0, runUs: 0, batchRows: 0, source: 0 };
  #slab: Slab | null = null;
  #rows = 0;
  /** The waiting frames: entry n of the batch begins at row `#firstRows[n]`. */
  readonly #entries: number[] = [];
  readonly #firstRows: number[] = [];

  constructor(options: FloatBatchOptions) {
    const { signature, layout } = options.session;
    this.#options = options;
    this.#refusal = floatRefusal(signature);
    const { shape = [], elements = 0 } = layout.inputs[0] ?? {};
    this.#rowFloats = elements;
    this.#words = new Int32Array(FIRST_WORD);
    this.#input = { data: floatsOf(this.#words), shape, elements };
    this.#inputs = [this.#input];
  }

  /** Copies the rows of one frame, or answers it. */
  take(slab: Slab, entry: number, startUs: number): void {
    this.#slab = slab;
    this.#times.startUs = startUs;
    const { model, gate, requestRowsMax: limit } = this.#options;
    const rowBytes = this.#rowFloats * WORD_BYTES;
    const bytes = slab.requestBytes(entry) - FRAME_ID_BYTES;
    if (startUs >= slab.deadlineUs(entry)) {
      this.#fail(entry, gate.lateError(slab.receivedUs(entry), slab.deadlineUs(entry)), Outcome.expired, 0);
    } else if (this.#refusal !== null) {
      this.#fail(entry, lastgoodError('FLOATS_REFUSED', { model, reason: this.#refusal }), Outcome.clientFault, 0);
    } else if (bytes < rowBytes || bytes % rowBytes !== 0) {
      const reason = `the frame has ${Math.max(0, bytes)} bytes behind its id; ` +
        `wanted a multiple of ${rowBytes}, which are the ${this.#rowFloats} float32 of one row`;
      this.#fail(entry, lastgoodError('INVALID_REQUEST', { reason }), Outcome.clientFault, 0);
    } else if (bytes / rowBytes > limit) {
      this.#fail(entry, lastgoodError('ROWS_TOO_MANY', { model, limit }), Outcome.clientFault, 0);
    } else {
      const rows = bytes / rowBytes;
      this.#append(slab, (slab.requestOffset(entry) + FRAME_ID_BYTES) / WORD_BYTES, bytes / WORD_BYTES);
      if (this.#options.finite.isNeeded && !this.#isFinite(entry, rows)) return;
      this.#entries.push(entry);
      this.#firstRows.push(this.#rows);
      this.#rows += rows;
    }
  }

  /** Whether anything that was taken has no answer yet. */
  get isWaiting(): boolean {
    return this.#entries.length > 0;
  }

  /** Runs and answers everything that was taken; there must be something. */
  async flush(): Promise<void> {
    const count = this.#entries.length;
    this.#firstRows.push(this.#rows);
    if (this.#options.session.rowsPerRun > 1) await this.#run(0, count);
    // Nothing is shared: each has its own time, and fails alone without being run again.
    else for (let at = 0; at < count; at += 1) await this.#run(at, at + 1);
    this.#rows = 0;
    this.#entries.length = 0;
    this.#firstRows.length = 0;
    if (this.#words.length > FLOATS_KEPT_MAX) this.#grow(0, FLOATS_MIN);
  }

  // Looks at the rows that were copied last; answers their frame when they are refused.
  #isFinite(entry: number, rows: number): boolean {
    try {
      this.#options.finite.inputs(this.#inputs, this.#rows, this.#rows + rows);
      return true;
    } catch (error) {
      this.#fail(entry, error, Outcome.clientFault, 0);
      return false;
    }
  }

  #append({ words }: Slab, from: number, count: number): void {
    const at = FIRST_WORD + this.#rows * this.#rowFloats;
    if (at + count > this.#words.length) this.#grow(at, Math.max(at + count, this.#words.length * 2, FLOATS_MIN));
    const target = this.#words;
    if (count > LOOP_WORDS_MAX) target.set(words.subarray(from, from + count), at);
    else for (let index = 0; index < count; index += 1) target[at + index] = words[from + index]!;
  }

  #grow(kept: number, length: number): void {
    const grown = new Int32Array(length);
    grown.set(this.#words.subarray(0, kept));
    this.#words = grown;
    this.#input.data = floatsOf(grown);
  }

  // Runs the frames from number `from` up to `to`. When the run fails, halves are run, down to the frames that fail.
  async #run(from: number, to: number): Promise<void> {
    const { session, sampler, check, monotonicUs } = this.#options;
    const firstRow = this.#firstRows[from]!;
    const rows = this.#firstRows[to]! - firstRow;
    const beginUs = monotonicUs();
    let result: RunResult;
    try {
      result = await session.run(this.#inputs, firstRow, rows, this.#mayRun);
    } catch (error) {
      if (to - from === 1) {
        sampler.beginRun();
        const runUs = monotonicUs() - beginUs;
        // There is no memory for the run now: no fault of the model.
        const isOurs = isLastgoodError(error);
        this.#fail(this.#entries[from]!, isOurs ? error : this.#options.gate.failure(error),
          isOurs ? Outcome.clientFault : Outcome.modelFailure, runUs, rows, firstRow);
        return;
      }
      const half = (from + to) >> 1;
      await this.#run(from, half);
      await this.#run(half, to);
      return;
    }
    const times = this.#times;
    times.runUs = result.runMs * 1e3;
    times.doneUs = monotonicUs();
    times.batchRows = rows;
    sampler.beginRun();
    const blocks = result.blocks.map(wordBlock);
    for (let at = from; at < to; at += 1) this.#answer(at, blocks);
    const [block] = result.blocks;
    if (block !== undefined && block.rows > 1 && check.isDue(rows)) check.keepRow(this.#inputs, block);
  }

  // Whether one of the frames that these rows are of is not late.
  readonly #mayRun = (firstRow: number, rows: number): boolean => {
    const slab = this.#slab!;
    let latestUs = 0;
    for (let at = 0; at < this.#entries.length; at += 1) {
      if (this.#firstRows[at]! >= firstRow + rows) break;
      if (this.#firstRows[at + 1]! > firstRow) latestUs = Math.max(latestUs, slab.deadlineUs(this.#entries[at]!));
    }
    return this.#options.gate.opens(latestUs);
  };

  #answer(at: number, blocks: readonly WordBlock[]): void {
    const { sampler, answerBytesMax, gate } = this.#options;
    const slab = this.#slab!;
    const entry = this.#entries[at]!;
    const deadlineUs = slab.deadlineUs(entry);
    if (gate.isLate(deadlineUs)) {
      this.#fail(entry, gate.lateError(slab.receivedUs(entry), deadlineUs), Outcome.expired, this.#times.runUs);
      return;
    }
    const firstRow = this.#firstRows[at]!;
    const rows = this.#firstRows[at + 1]! - firstRow;
    const bytes = ANSWER_HEAD_BYTES + resultWords(blocks, firstRow, rows) * WORD_BYTES;
    if (bytes > answerBytesMax) {
      const reason = `the answer takes more than ${answerBytesMax} bytes; send fewer rows at once`;
      this.#fail(entry, lastgoodError('INVALID_REQUEST', { reason }), Outcome.clientFault, this.#times.runUs);
      return;
    }
    const offset = slab.placeAnswer(entry, HTTP_OK, bytes);
    const target = offset >= 0 ? slab.words : new Int32Array(bytes / WORD_BYTES);
    const start = offset >= 0 ? offset / WORD_BYTES : 0;
    target[start] = slab.words[slab.requestOffset(entry) / WORD_BYTES]!;
    target[start + 1] = HTTP_OK;
    const isFinite = copyResults(blocks, firstRow, rows, target, start + ANSWER_HEAD_BYTES / WORD_BYTES);
    if (offset < 0) this.#options.overflow(entry, new Uint8Array(target.buffer));
    const outcome = isFinite ? Outcome.ok : this.#nonFiniteTo(firstRow, rows);
    slab.setRows(entry, rows);
    slab.setOutcome(entry, outcome);
    this.#times.receivedUs = slab.receivedUs(entry);
    this.#times.source = slab.source(entry);
    sampler.answered(sampler.request(outcome, rows, this.#times), this.#inputs, blocks, firstRow, rows);
  }

  // An answer that is not finite is the client's when what was asked has no bounds: see TensorBatch.
  #nonFiniteTo(firstRow: number, rows: number): Outcome {
    const { data, elements } = this.#input;
    return hasBoundless('FP32', data, firstRow * elements, (firstRow + rows) * elements)
      ? Outcome.nonFiniteInput : Outcome.nonFinite;
  }

  // `firstRow`: of what was run; -1 when nothing was.
  #fail(entry: number, error: unknown, outcome: Outcome, runUs: number, batchRows = 0, firstRow = -1): void {
    const { sampler, monotonicUs } = this.#options;
    const slab = this.#slab!;
    const { status, bytes } = refusalOf(slab, entry, error);
    slab.setOutcome(entry, outcome);
    if (!slab.setAnswer(entry, status, bytes)) this.#options.overflow(entry, Uint8Array.from(bytes));
    const { startUs } = this.#times;
    const sample = sampler.request(outcome, 0, {
      receivedUs: slab.receivedUs(entry), startUs, doneUs: monotonicUs(), runUs, batchRows,
      source: slab.source(entry),
    });
    sampler.fail(sample, firstRow < 0 ? null : this.#inputs, firstRow);
  }
}

const floatsOf = ({ buffer }: Int32Array): Float32Array => new Float32Array(buffer, FIRST_WORD * WORD_BYTES);

const wordBlock = (block: RunBlock): WordBlock => ({
  ...block,
  words: block.outputs.map(({ data }) => {
    const { buffer, byteOffset, length } = data as Float32Array;
    return new Int32Array(buffer, byteOffset, length);
  }),
});

/** Words that the results of these rows take. */
function resultWords(blocks: readonly WordBlock[], firstRow: number, rows: number): number {
  let words = 0;
  for (const block of blocks) {
    const from = Math.max(firstRow, block.firstRow);
    const to = Math.min(firstRow + rows, block.firstRow + block.rows);
    for (const { rowElements } of block.outputs) words += Math.max(0, to - from) * rowElements;
  }
  return words;
}

/** Copies the results of these rows, row by row; tells whether all of them are finite numbers. */
function copyResults(
  blocks: readonly WordBlock[], firstRow: number, rows: number, target: Int32Array, start: number,
): boolean {
  let at = start;
  let isFinite = true;
  for (const { firstRow: blockRow, rows: blockRows, outputs, words } of blocks) {
    const to = Math.min(firstRow + rows, blockRow + blockRows) - blockRow;
    for (let row = Math.max(firstRow, blockRow) - blockRow; row < to; row += 1) {
      for (let output = 0; output < outputs.length; output += 1) {
        const source = words[output]!;
        const { rowElements } = outputs[output]!;
        const end = (row + 1) * rowElements;
        for (let from = row * rowElements; from < end; from += 1) {
          const bits = source[from]!;
          if ((bits & INFINITY_BITS) === INFINITY_BITS) isFinite = false;
          target[at] = bits;
          at += 1;
        }
      }
    }
  }
  return isFinite;
}
