// Runs the entries of a slab that ask for whole tensors: those that fit each other share a run, the others run alone,
// and each gets its own answer and sample. Worker thread; one per session.
// Invariants: every entry that was taken is answered when flush() returns; an entry that fails fails alone.
import { lastgoodError, isLastgoodError } from '../../base/errors.ts';
import { Outcome } from '../../shared-memory/sample-ring.ts';
import type { Sample } from '../../shared-memory/sample-ring.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import { JsonTooLarge } from '../../protocols/json/json-writer.ts';
import { refusalOf } from '../../protocols/protocol.ts';
import { tensorCodecs } from '../../protocols/tensor-codecs.ts';
import type { CodecOptions, TensorAnswer, TensorCodec, TensorRequest } from '../../protocols/tensor-request.ts';
import type { InputSource } from '../../domain/row-batch.ts';
import type { RunLimits } from '../../domain/run-limits.ts';
import type { OutputBlock, RunBlock } from '../../domain/run-block.ts';
import { hasBoundless, hasNonFinite } from '../../domain/datatype.ts';
import type { TensorSignature } from '../../domain/records.ts';
import type { Tensor } from '../../domain/datatype.ts';
import type { FiniteCheck } from './finite-check.ts';
import type { RunGate } from './run-gate.ts';
import type { AskedInput, Sampler } from './sampler.ts';
import type { Session, WholeResult } from '../session/session.ts';
import type { SizeCheck } from './size-check.ts';
import type { StackCheck } from './stack-check.ts';
import { Stacking, joinedRows, rowsFrom } from '../session/stacking.ts';

const HTTP_OK = 200;
const NOT_COMPUTED: OutputBlock = { data: new Float32Array(0), rowShape: [], rowElements: 0 };

interface TensorBatchOptions extends Omit<CodecOptions, 'signature' | 'rowOutputs'> {
  readonly session: Session;
  readonly sampler: Sampler;
  readonly gate: RunGate;
  readonly check: StackCheck;
  /** What one run may have. */
  readonly limits: RunLimits;
  readonly sizes: SizeCheck;
  readonly finite: FiniteCheck;
  readonly requestRowsMax: number;
  readonly monotonicUs: () => number;
  /** Publishes an answer; the bytes are copied during the call. */
  readonly write: (entry: number, rows: number, status: number, answer: TensorAnswer, outcome: Outcome) => void;
}

interface Pending {
  readonly entry: number;
  readonly receivedUs: number;
  readonly deadlineUs: number;
  readonly codec: TensorCodec;
  readonly request: TensorRequest;
  /** Rows when it can share a run or be divided among several, else 0. */
  readonly rows: number;
  /** Most rows of one of its runs. */
  readonly rowsPerRun: number;
}

/** Requests that share a run, and the rows of all of them; 0 when it is one that runs alone. */
interface Group {
  readonly requests: Pending[];
  rows: number;
}

/** A run as its samples see it: the rows of all its requests, one after another. */
interface Ran {
  readonly asked: readonly AskedInput[];
  readonly block: RunBlock;
  readonly runUs: number;
}

export class TensorBatch {
  readonly #options: TensorBatchOptions;
  readonly #codecs: ReadonlyMap<number, TensorCodec>;
  readonly #stacking: Stacking;
  #slab: Slab | null = null;
  #groups: Group[] = [];
  #startUs = 0;

  constructor(options: TensorBatchOptions) {
    const { session, limits } = options;
    this.#options = options;
    this.#codecs = tensorCodecs({
      ...options, signature: session.signature,
      rowOutputs: session.layout.outputs.map(({ hasRows }) => hasRows),
    });
    this.#stacking = new Stacking(session.signature, limits);
  }

  /** Decodes one entry into a group of those that it can share a run with, or answers it. */
  take(slab: Slab, entry: number, startUs: number): void {
    this.#slab = slab;
    this.#startUs = startUs;
    const codec = this.#codecs.get(slab.kind(entry))!;
    const receivedUs = slab.receivedUs(entry);
    let deadlineUs = slab.deadlineUs(entry);
    const bytes = slab.request(entry);
    const headerBytes = slab.headerBytes(entry);
    let request: TensorRequest;
    let rows = 0;
    try {
      request = codec.decoder.decode(bytes, headerBytes);
      this.#refuseTooMany(request);
      // A run has one value of each input that may be left out.
      const isUsual = request.optional === undefined;
      if (this.#options.session.isStacking && isUsual) rows = this.#stacking.rowsOf(request.inputs);
      const { sizes, finite } = this.#options;
      if (sizes.isNeeded) sizes.tensors(request.inputs, rows);
      if (finite.isNeeded) finite.inputs(request.inputs, 0, 0);
    } catch (error) {
      this.#fail({ entry, receivedUs, rows: 0 }, error, Outcome.clientFault, 0);
      return;
    }
    deadlineUs = Math.min(deadlineUs, receivedUs + (request.timeoutUs || Infinity));
    const rowsPerRun = rows === 0 ? 0 : this.#stacking.rowsPerRun(rows, request.inputs);
    const pending = { entry, receivedUs, deadlineUs, codec, request, rows, rowsPerRun };
    if (startUs >= deadlineUs) this.#failLate(pending);
    else this.#group(pending);
  }

  #refuseTooMany({ inputs }: TensorRequest): void {
    const { model, session, requestRowsMax: limit } = this.#options;
    const rows = session.isStacking ? this.#stacking.firstSizeOf(inputs) : 0;
    if (rows > limit) throw lastgoodError('ROWS_TOO_MANY', { model, limit });
  }

  /** Whether anything that was taken has no answer yet. */
  get isWaiting(): boolean {
    return this.#groups.length > 0;
  }

  /** Runs and answers everything that was taken. */
  async flush(): Promise<void> {
    const groups = this.#groups;
    this.#groups = [];
    for (const { requests } of groups) await this.#run(requests);
  }

  #group(pending: Pending): void {
    const stacking = this.#stacking;
    const { rows, rowsPerRun, request: { inputs } } = pending;
    const mayShare = rows > 0 && rows < rowsPerRun;
    const group = !mayShare ? undefined : this.#groups.find((others) => others.rows > 0 &&
      rows + others.rows <= rowsPerRun && stacking.fits(others.requests[0]!.request.inputs, inputs));
    if (group === undefined) {
      this.#groups.push({ requests: [pending], rows: mayShare ? rows : 0 });
      return;
    }
    group.requests.push(pending);
    group.rows += rows;
  }

  // Runs these requests together. When the run fails, halves are run on their own, down to the requests that fail.
  async #run(group: readonly Pending[]): Promise<void> {
    const { session, monotonicUs, sampler, gate } = this.#options;
    const first = group[0]!;
    const isAlone = group.length === 1;
    if (!gate.opens(group.reduce((latest, { deadlineUs }) => Math.max(latest, deadlineUs), 0))) {
      for (const late of group) this.#failLate(late);
      return;
    }
    const rows = isAlone ? this.#rowsIn(first) : totalRows(group);
    const beginUs = monotonicUs();
    let inputs: readonly Tensor[];
    let result: WholeResult;
    try {
      inputs = this.#stacking.join(group.map(({ request }) => request.inputs), rows);
      const wanted = this.#wantedBy(group);
      if (isAlone && first.rows > first.rowsPerRun && session.isStacking) {
        const divided = await this.#runDivided(first, wanted);
        if (divided === null) return;
        result = divided;
      } else result = await session.runWhole(inputs, wanted, first.request.optional);
    } catch (error) {
      if (!isAlone) {
        await this.#runHalves(group);
        return;
      }
      sampler.beginRun();
      // Too large for the run, or for the memory that there is now: no fault of the model.
      const isOurs = isLastgoodError(error);
      this.#fail(first, isOurs ? error : this.#options.gate.failure(error),
        isOurs ? Outcome.clientFault : Outcome.modelFailure, monotonicUs() - beginUs);
      return;
    }
    const { outputs, runMs } = result;
    if (!isAlone && outputs.some((output) => output !== undefined && output.shape[0] !== rows)) {
      // The outputs have no row per row after all: nothing of this model is stacked again.
      session.stopStacking();
      for (const one of group) await this.#run([one]);
      return;
    }
    sampler.beginRun();
    const asked = askedRows(first.request, this.#rowsIn(first), inputs);
    const ran = { asked, block: this.#blockOf(outputs, rows), runUs: runMs * 1e3 };
    if (isAlone) {
      this.#answer(first, outputs, ran, 0, rows);
      return;
    }
    let from = 0;
    for (const one of group) {
      this.#answer(one, outputs.map((output) => output && rowsFrom(output, from, one.rows)), ran, from, one.rows);
      from += one.rows;
    }
    const { check } = this.#options;
    if (check.isDue(rows)) check.keepTensors(inputs, outputs, rows);
  }

  // Runs a request's rows in as many runs as they need. Null when it has been answered instead.
  async #runDivided(pending: Pending, wanted: readonly number[]): Promise<WholeResult | null> {
    const { session, gate, sizes } = this.#options;
    const { rows, rowsPerRun, deadlineUs, request: { inputs } } = pending;
    const parts: WholeResult[] = [];
    const counts: number[] = [];
    for (let first = 0; first < rows; first += rowsPerRun) {
      if (first > 0 && !gate.opens(deadlineUs)) {
        this.#failLate(pending);
        return null;
      }
      counts.push(Math.min(rowsPerRun, rows - first));
      parts.push(await session.runWhole(this.#stacking.part(inputs, first, counts.at(-1)!), wanted));
    }
    const outputs = session.signature.outputs.map(({ datatype }, index) => (wanted.includes(index)
      ? joinedRows(parts.map((part) => part.outputs[index]!), counts, datatype) : undefined));
    const runMs = parts.reduce((sum, part) => sum + part.runMs, 0);
    if (!outputs.includes(null)) return { outputs: outputs as WholeResult['outputs'], runMs };
    // The outputs have no row per row after all: nothing of this model is stacked or divided again.
    session.stopStacking();
    sizes.tensors(inputs, 0);
    return session.runWhole(inputs, wanted);
  }

  async #runHalves(group: readonly Pending[]): Promise<void> {
    const half = group.length >> 1;
    await this.#run(group.slice(0, half));
    await this.#run(group.slice(half));
  }

  // What anybody in the group asked for, and what the judge reads.
  #wantedBy(group: readonly Pending[]): number[] {
    const wanted = new Set<number>();
    for (const { request } of group) for (const { index } of request.outputs) wanted.add(index);
    const judged = this.#options.sampler.source?.output;
    if (judged !== undefined) wanted.add(judged);
    return [...wanted];
  }

  // `tensors` are the request's own; its `rows` begin at row `from` of the run.
  #answer(
    pending: Pending, tensors: readonly (Tensor | undefined)[], ran: Ran, from: number, rows: number,
  ): void {
    const { sampler, monotonicUs, session, write, answerBytesMax } = this.#options;
    const { entry, receivedUs, codec, request } = pending;
    const { asked, block, runUs } = ran;
    let answer: TensorAnswer;
    try {
      answer = codec.encoder.encode(request, tensors);
    } catch (error) {
      if (error instanceof JsonTooLarge) {
        const reason = `the answer takes more than ${answerBytesMax} bytes; ask for binary data or for fewer rows`;
        this.#fail(pending, lastgoodError('INVALID_REQUEST', { reason }), Outcome.clientFault, runUs);
      } else if (isLastgoodError(error) && error.status < 500) {
        this.#fail(pending, error, Outcome.clientFault, runUs);
      } else {
        const isNonFinite = isLastgoodError(error) && error.code === 'NON_FINITE_ANSWER';
        this.#fail(pending, isNonFinite ? error : this.#options.gate.failure(error),
          isNonFinite ? this.#nonFiniteTo(request) : Outcome.modelFailure, runUs);
      }
      return;
    }
    const isFinite = session.signature.outputs.every(({ datatype }, index) => {
      const tensor = tensors[index];
      return tensor === undefined || !hasNonFinite(datatype, tensor.data);
    });
    const outcome = isFinite ? Outcome.ok : this.#nonFiniteTo(request);
    write(entry, rows, HTTP_OK, answer, outcome);
    const source = this.#slab!.source(entry);
    const times = { receivedUs, startUs: this.#startUs, doneUs: monotonicUs(), runUs, batchRows: block.rows, source };
    const sample = sampler.request(outcome, rows, times);
    const inputs = sampler.takes(sample) ? this.#rowsOfInputs(request, rows) : null;
    for (let row = 0; row < rows; row += 1) {
      const target: Sample | null = row === 0 ? sample : sampler.row(sample, row);
      if (target === null) break;
      sampler.ask(target, asked, from + row);
      sampler.predict(target, block, from + row);
      sampler.keep(target, row, block, from + row, inputs, row);
    }
  }

  // An answer that is not finite is the client's when what was asked has no bounds: anywhere in the request, since a
  // model that mixes rows spoils all of them with one.
  #nonFiniteTo({ inputs, optional = [] }: TensorRequest): Outcome {
    const { signature } = this.#options.session;
    const isNonFinite = (tensor: Tensor | undefined, { datatype }: TensorSignature): boolean =>
      tensor !== undefined && hasBoundless(datatype, tensor.data);
    return inputs.some((tensor, index) => isNonFinite(tensor, signature.inputs[index]!)) ||
      optional.some((tensor, index) => isNonFinite(tensor, signature.optional![index]!))
      ? Outcome.nonFiniteInput : Outcome.nonFinite;
  }

  // The inputs as rows; null when they do not divide into as many, or when a model that mixes its rows has answered
  // them together: asked again one by one, as kept rows are, they have other answers.
  #rowsOfInputs({ inputs, optional }: TensorRequest, rows: number): InputSource[] | null {
    const { session } = this.#options;
    // Asked again, a row has the model's own value of what it may leave out.
    if (optional !== undefined) return null;
    if (rows > 1 && !session.isStacking) return null;
    if (session.layout.batching === 'none') {
      return inputs.map(({ data, shape }) => ({ data, shape, elements: data.length }));
    }
    if (inputs.some(({ shape }) => shape[0] !== rows)) return null;
    return inputs.map(({ data, shape }) => ({ data, shape: shape.slice(1), elements: data.length / rows }));
  }

  // Rows as the judge counts them: also requests that ran alone have them, if the signature says so.
  #rowsIn({ rows, request }: Pending): number {
    if (rows > 0) return rows;
    const { layout } = this.#options.session;
    if (layout.batching === 'none') return 1;
    return Math.max(1, request.inputs[0]?.shape[0] ?? 1);
  }

  #blockOf(tensors: readonly (Tensor | undefined)[], rows: number): RunBlock {
    const { layout } = this.#options.session;
    const outputs = layout.outputs.map(({ hasRows }, index): OutputBlock => {
      const tensor = tensors[index];
      if (tensor === undefined) return NOT_COMPUTED;
      const { data, shape } = tensor;
      // An output that belongs to all rows is read once, with the first of them.
      const isDivided = hasRows && shape[0] === rows;
      return { data, rowShape: isDivided ? shape.slice(1) : shape, rowElements: data.length / (isDivided ? rows : 1) };
    });
    return { firstRow: 0, rows, outputs };
  }

  #failLate(late: Pending): void {
    const { receivedUs, deadlineUs } = late;
    this.#fail(late, this.#options.gate.lateError(receivedUs, deadlineUs), Outcome.expired, 0);
  }

  #fail(
    failed: Pick<Pending, 'entry' | 'receivedUs' | 'rows'> & { readonly request?: TensorRequest },
    error: unknown, outcome: Outcome, runUs: number,
  ): void {
    const { sampler, monotonicUs, write } = this.#options;
    const { entry, receivedUs, rows, request } = failed;
    const { status, bytes } = refusalOf(this.#slab!, entry, error);
    write(entry, rows, status, { bytes, headerBytes: 0 }, outcome);
    const source = this.#slab!.source(entry);
    const times = { receivedUs, startUs: this.#startUs, doneUs: monotonicUs(), runUs, batchRows: rows, source };
    const sample = sampler.request(outcome, rows, times);
    const asked = request === undefined || outcome === Outcome.clientFault ? null : request;
    if (asked !== null) sampler.ask(sample, askedRows(asked, rows, asked.inputs), 0);
    sampler.fail(sample, asked !== null && sampler.takes(sample) ? this.#rowsOfInputs(asked, rows) : null);
  }
}

// The inputs of a run with the elements of one row, as one of its requests has them: those that share a run are alike.
function askedRows({ inputs }: TensorRequest, rows: number, ran: readonly Tensor[]): AskedInput[] {
  return inputs.map(({ data, shape }, index) =>
    ({ data: ran[index]!.data, elements: data.length / (shape[0] === rows ? rows : 1) }));
}

function totalRows(group: readonly Pending[]): number {
  return group.reduce((sum, { rows }) => sum + rows, 0);
}
