// Runs one slab: decodes its entries, runs the session once for all their rows, encodes the answers into the slab and
// writes the samples. Worker thread; one runner per session.
// Invariants: every entry that was pending has a status when run() returns; a bad row or a failing row fails alone.
import { monotonicUs } from '../../base/clock.ts';
import { isLastgoodError, lastgoodError } from '../../base/errors.ts';
import { EntryStatus } from '../../shared-memory/slab.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import type { StackWatch } from '../../shared-memory/stack-watch.ts';
import { Outcome } from '../../shared-memory/sample-ring.ts';
import { JsonTooLarge } from '../../protocols/json/json-writer.ts';
import { AnswerEncoder } from '../../protocols/predict/answer.ts';
import type { AnsweredRequest } from '../../protocols/predict/answer.ts';
import type { NonFiniteJson } from '../../protocols/json/tensor-json.ts';
import { refusalJson } from '../../protocols/json/refusal.ts';
import { protocolOf, refusalOf } from '../../protocols/protocol.ts';
import { PredictDecoder } from '../../protocols/predict/request.ts';
import { RowBatch } from '../../domain/row-batch.ts';
import type { RunBlock } from '../../domain/run-block.ts';
import { hasBoundless } from '../../domain/datatype.ts';
import type { RunLimits } from '../../domain/run-limits.ts';
import type { BatchResult } from '../messages.ts';
import { Replay } from './replay.ts';
import { FiniteCheck } from './finite-check.ts';
import { RunGate } from './run-gate.ts';
import type { Sampler } from './sampler.ts';
import { StackCheck } from './stack-check.ts';
import type { RunResult, Session } from '../session/session.ts';
import { FloatBatch } from './float-lane.ts';
import { SizeCheck } from './size-check.ts';
import { TensorBatch } from './tensor-lane.ts';

const HTTP_OK = 200;
/** Rows that are answered between two looks at the clock, some microseconds in all. */
const ROWS_PER_LOOK = 16;

interface BatchRunnerOptions {
  readonly model: string;
  readonly version: string;
  readonly session: Session;
  readonly sampler: Sampler;
  /** What one run, and one request, may have. */
  readonly limits: RunLimits;
  /** Most rows of one request. */
  readonly requestRowsMax: number;
  readonly answerBytesMax: number;
  readonly monotonicUs: () => number;
  /** Inputs that hold NaN or an infinity are refused. */
  readonly refusesNonFinite: boolean;
  /** What NaN and infinities become in the JSON of tensors; in that of /predict they are always null. */
  readonly nonFinite: NonFiniteJson;
  /** What all workers of the deployment know about stacking; nobody watches by default. */
  readonly watch?: StackWatch;
  /** How far the answers to a row may be apart; see StackingDecision. */
  readonly tolerance?: number | undefined;
}

/** A request whose rows are in the batch. */
interface Pending extends AnsweredRequest {
  readonly entry: number;
  readonly receivedUs: number;
  readonly deadlineUs: number;
}

export class BatchRunner {
  readonly #options: BatchRunnerOptions;
  readonly #batch: RowBatch;
  readonly #decoder: PredictDecoder;
  readonly #encoder: AnswerEncoder;
  readonly #tensors: TensorBatch;
  readonly #replay: Replay;
  readonly #floats: FloatBatch;
  readonly #gate: RunGate;
  readonly #sizes: SizeCheck;
  readonly #finite: FiniteCheck;
  readonly #check: StackCheck;
  #slab: Slab | null = null;
  #pending: Pending[] = [];
  #overflow: { entry: number; answer: Uint8Array }[] = [];
  #startUs = 0;
  /** When the answers that are being written are done, and the rows of those since it was looked at. */
  #doneUs = 0;
  #rowsSince = 0;
  /** Filled anew for each answer. */
  readonly #times = { receivedUs: 0, startUs: 0, doneUs: 0, runUs: 0, batchRows: 0, source: 0 };

  constructor(options: BatchRunnerOptions) {
    const { model, session, version, answerBytesMax, limits } = options;
    this.#options = options;
    const gate = new RunGate(model, version, options.monotonicUs);
    this.#gate = gate;
    const sizes = new SizeCheck(model, session.signature, limits.request);
    this.#sizes = sizes;
    const finite = new FiniteCheck({ model, version }, session.signature, options.refusesNonFinite);
    this.#finite = finite;
    const check = new StackCheck({ ...options, watch: options.watch ?? null, tolerance: options.tolerance });
    this.#check = check;
    this.#batch = new RowBatch(session.layout, session.signature.optional?.map(({ name }) => name));
    this.#decoder = new PredictDecoder(this.#batch, { model, rowsMax: options.requestRowsMax });
    this.#encoder = new AnswerEncoder(session.layout.outputs, version, answerBytesMax);
    const overflow = (entry: number, answer: Uint8Array): void => void this.#overflow.push({ entry, answer });
    this.#floats = new FloatBatch({ ...options, gate, finite, check, overflow });
    this.#replay = new Replay({ ...options, gate, overflow });
    this.#tensors = new TensorBatch({
      ...options, gate, sizes, finite, check,
      write: (entry, rows, status, { bytes, headerBytes }, outcome) => {
        this.#slab!.setAnswerHeaderBytes(entry, headerBytes);
        this.#publish(entry, rows, status, bytes, outcome);
      },
    });
  }

  /** Answers every pending entry of the slab; rejects only on a bug, and then nothing more was published. */
  async run(slab: Slab): Promise<BatchResult> {
    const { monotonicUs, sampler, limits: { rows: rowsMax } } = this.#options;
    this.#slab = slab;
    this.#gate.enter(slab);
    this.#check.obey();
    this.#startUs = monotonicUs();
    this.#overflow = [];
    this.#reset();
    sampler.begin(slab.generation, slab.track);
    for (let entry = 0; entry < slab.entryCount; entry += 1) {
      if (slab.status(entry) !== EntryStatus.pending) continue;
      const { lane } = protocolOf(slab, entry);
      if (lane === 'rows') {
        if (!this.#take(slab, entry)) {
          // The request is good, but its rows have another shape than those before it.
          await this.#flush();
          this.#take(slab, entry);
        }
        if (this.#batch.rows >= rowsMax) await this.#flush();
      } else if (lane === 'floats') this.#floats.take(slab, entry, this.#startUs);
      else if (lane === 'tensors') this.#tensors.take(slab, entry, this.#startUs);
      else await this.#replay.run(slab, entry);
    }
    if (this.#pending.length > 0) await this.#flush();
    if (this.#tensors.isWaiting) await this.#tensors.flush();
    if (this.#floats.isWaiting) await this.#floats.flush();
    sampler.publish();
    slab.ranUs = monotonicUs() - this.#startUs;
    return { overflow: this.#overflow };
  }

  /** What is to be done about stacking once the answers have gone out. */
  get stackCheck(): StackCheck {
    return this.#check;
  }

  #reset(): void {
    this.#pending = [];
    this.#batch.clear();
  }

  // Decodes one entry into the batch, or answers it. Returns false when the batch has to be run first.
  #take(slab: Slab, entry: number): boolean {
    const receivedUs = slab.receivedUs(entry);
    const deadlineUs = slab.deadlineUs(entry);
    const { isFrame } = protocolOf(slab, entry);
    const decoder = this.#decoder;
    const firstRow = this.#batch.rows;
    const isLate = this.#startUs >= deadlineUs;
    try {
      // The answer of a frame repeats its id, so even a late one has to be read.
      if (isLate && !isFrame) throw this.#gate.lateError(receivedUs, deadlineUs);
      if (!decoder.decode(slab.request(entry), isFrame)) return false;
      if (this.#sizes.isNeeded || this.#finite.isNeeded) this.#refuse(firstRow);
    } catch (error) {
      const request = { entry, receivedUs, deadlineUs, firstRow, rows: 0, isSingle: true, isFrame, id: decoder.id };
      this.#fail(request, error, isLate && !isFrame ? Outcome.expired : Outcome.clientFault, 0);
      return true;
    }
    const { rows, isSingle, id } = decoder;
    const request = { entry, receivedUs, deadlineUs, firstRow, rows, isSingle, isFrame, id };
    if (isLate) {
      this.#batch.rows = firstRow;
      this.#failLate(request, 0);
    } else {
      this.#pending.push(request);
    }
    return true;
  }

  // The rows that were just decoded, which all have one shape.
  #refuse(firstRow: number): void {
    const { inputs } = this.#batch;
    try {
      if (this.#sizes.isNeeded) this.#sizes.row(inputs, this.#options.session.layout.batching !== 'none');
      if (this.#finite.isNeeded) this.#finite.inputs(inputs, firstRow, this.#batch.rows);
    } catch (error) {
      this.#batch.rows = firstRow;
      throw error;
    }
  }

  // Runs and answers what was taken; there must be something. When a run fails, its halves are run on their own, down
  // to the requests that fail.
  async #flush(): Promise<void> {
    const { session, monotonicUs, sampler } = this.#options;
    const pending = this.#pending;
    // Where nothing is shared, each has its own time, and fails alone without being run again.
    const runs = session.rowsPerRun > 1 ? [pending] : pending.map((request) => [request]);
    while (runs.length > 0) {
      const requests = runs.shift()!;
      const first = requests[0]!;
      const last = requests[requests.length - 1]!;
      const rows = last.firstRow + last.rows - first.firstRow;
      const beginUs = monotonicUs();
      let result: RunResult;
      try {
        result = await session.run(this.#batch.inputs, first.firstRow, rows,
          (from, count) => this.#gate.opens(latestDeadlineUs(requests, from, count)));
      } catch (error) {
        const half = requests.length >> 1;
        if (half > 0) runs.unshift(requests.slice(0, half), requests.slice(half));
        else {
          sampler.beginRun();
          // There is no memory for the run now: no fault of the model.
          const isOurs = isLastgoodError(error);
          this.#fail(first, isOurs ? error : this.#gate.failure(error),
            isOurs ? Outcome.clientFault : Outcome.modelFailure, monotonicUs() - beginUs);
        }
        continue;
      }
      const runUs = result.runMs * 1e3;
      sampler.beginRun();
      this.#rowsSince = ROWS_PER_LOOK;
      for (const request of requests) {
        if (this.#gate.isLate(request.deadlineUs)) this.#failLate(request, runUs);
        else this.#answer(request, result.blocks, runUs, rows);
      }
      const [block] = result.blocks;
      if (block !== undefined && block.rows > 1 && this.#check.isDue(rows)) {
        this.#check.keepRow(this.#batch.inputs, block);
      }
    }
    this.#reset();
  }

  #answer(request: Pending, blocks: readonly RunBlock[], runUs: number, batchRows: number): void {
    const { monotonicUs, sampler, model } = this.#options;
    const encoder = this.#encoder;
    if (this.#rowsSince >= ROWS_PER_LOOK) {
      this.#doneUs = monotonicUs();
      this.#rowsSince = 0;
    }
    this.#rowsSince += request.rows;
    const doneUs = this.#doneUs;
    let bytes: Uint8Array;
    try {
      bytes = encoder.encode(request, blocks, doneUs - request.receivedUs);
    } catch (error) {
      if (!(error instanceof JsonTooLarge)) {
        this.#fail(request, this.#gate.failure(error), Outcome.modelFailure, runUs);
        return;
      }
      const reason = `the answer takes more than ${this.#options.answerBytesMax} bytes; send fewer rows at once`;
      this.#fail(request, lastgoodError('UNSUPPORTED_BY_PREDICT', { model, reason }), Outcome.clientFault, runUs);
      return;
    }
    const outcome = encoder.hasNonFinite ? this.#nonFiniteTo(request) : Outcome.ok;
    this.#publish(request.entry, request.rows, HTTP_OK, bytes, outcome);
    const { receivedUs, rows } = request;
    const times = this.#times;
    times.receivedUs = receivedUs;
    times.startUs = this.#startUs;
    times.doneUs = doneUs;
    times.runUs = runUs;
    times.batchRows = batchRows;
    times.source = this.#slab!.source(request.entry);
    sampler.answered(sampler.request(outcome, rows, times), this.#batch.inputs, blocks, request.firstRow, rows);
  }

  // An answer that is not finite is the client's when what was asked has no bounds: see TensorBatch.
  #nonFiniteTo({ firstRow, rows }: Pending): Outcome {
    return this.#batch.inputs.some(({ datatype, data, elements }) =>
      hasBoundless(datatype, data, firstRow * elements, (firstRow + rows) * elements))
      ? Outcome.nonFiniteInput : Outcome.nonFinite;
  }

  #failLate(request: Pending, runUs: number): void {
    this.#fail(request, this.#gate.lateError(request.receivedUs, request.deadlineUs), Outcome.expired, runUs);
  }

  #fail(request: Pending, error: unknown, outcome: Outcome, runUs: number): void {
    const { sampler, monotonicUs } = this.#options;
    // The id as it was read: what was written as 1.50 is repeated like that.
    const { status, bytes } = refusalJson(error, request.isFrame ? request.id : undefined);
    this.#publish(request.entry, request.rows, status, bytes, outcome);
    const { receivedUs, rows } = request;
    const source = this.#slab!.source(request.entry);
    const times = { receivedUs, startUs: this.#startUs, doneUs: monotonicUs(), runUs, batchRows: rows, source };
    const sample = sampler.request(outcome, rows, times);
    const inputs = rows > 0 && outcome === Outcome.modelFailure ? this.#batch.inputs : null;
    if (inputs !== null) sampler.ask(sample, inputs, request.firstRow);
    sampler.fail(sample, inputs, request.firstRow);
  }

  #publish(entry: number, rows: number, status: number, bytes: Uint8Array, outcome: Outcome): void {
    const slab = this.#slab!;
    slab.setRows(entry, rows);
    slab.setOutcome(entry, outcome);
    if (slab.setAnswer(entry, status, bytes)) return;
    // A copy of its own: the encoder's buffer is written again by the next answer.
    this.#overflow.push({ entry, answer: Uint8Array.from(bytes) });
  }
}

// Of the requests that these rows are of.
function latestDeadlineUs(requests: readonly Pending[], firstRow: number, rows: number): number {
  let latestUs = 0;
  for (const { firstRow: first, rows: own, deadlineUs } of requests) {
    if (first < firstRow + rows && first + own > firstRow) latestUs = Math.max(latestUs, deadlineUs);
  }
  return latestUs;
}

/** Answers every entry that is still pending with one error, for batches that could not be run at all. */
export function refuseBatch(slab: Slab, error: unknown, outcome: Outcome, sampler: Sampler | null): BatchResult {
  const overflow: { entry: number; answer: Uint8Array }[] = [];
  const nowUs = monotonicUs();
  for (let entry = 0; entry < slab.entryCount; entry += 1) {
    if (slab.status(entry) !== EntryStatus.pending) continue;
    const { status, bytes } = refusalOf(slab, entry, error);
    slab.setAnswerHeaderBytes(entry, 0);
    slab.setOutcome(entry, outcome);
    if (!slab.setAnswer(entry, status, bytes)) overflow.push({ entry, answer: Uint8Array.from(bytes) });
    const receivedUs = slab.receivedUs(entry);
    const times = { receivedUs, startUs: nowUs, doneUs: nowUs, runUs: 0, batchRows: 0, source: slab.source(entry) };
    if (sampler !== null) sampler.fail(sampler.request(outcome, 0, times));
  }
  sampler?.publish();
  return { overflow };
}
