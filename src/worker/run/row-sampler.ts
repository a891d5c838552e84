// Takes rows out of the answers of a worker: a few, spread over time, for the reservoir of recent rows, and all of them
// (or one request in so many) while samples are recorded. Worker thread; single owner.
// Invariant: where nobody wants rows, a request costs one comparison.
import { INPUT_PAUSE_US_MIN } from '../../options/judge-constants.ts';
import { RowWriter, rowRingOffset } from '../../shared-memory/row-ring.ts';
import type { RowAbout } from '../../shared-memory/row-ring.ts';
import { Outcome } from '../../shared-memory/sample-ring.ts';
import type { Sample } from '../../shared-memory/sample-ring.ts';
import { NOT_ASKED } from '../../shared-memory/source-ids.ts';
import { RowInputsEncoder } from '../../domain/row-codec.ts';
import type { InputSource } from '../../domain/row-batch.ts';
import type { RowMemory, RowRings } from '../messages.ts';

/** The reservoir reaches back over this part of the generation's life, as long as the bounds allow. */
const LIFE_PART = 1 / 2;

const NO_INPUTS = new Uint8Array(0);
const NO_OUTPUTS: ArrayLike<number> = [];
const NO_ANSWER: RowOutputs = { numbers: NO_OUTPUTS, offset: 0, length: 0 };

/** What a worker that writes ring number `ring` takes rows for; null when nobody ever wants any. */
export function rowTapOf({ reservoir, record }: RowMemory, ring: number): RowTap | null {
  if (reservoir === null && record === null) return null;
  const writerOf = ({ memory, size }: RowRings): RowWriter => new RowWriter(memory, rowRingOffset(ring, size), size);
  return new RowTap(
    reservoir === null ? null : writerOf(reservoir),
    reservoir?.size.rows ?? 0,
    record === null ? null : { writer: writerOf(record), every: record.every, inputs: record.inputs });
}

interface RecordTap {
  readonly writer: RowWriter;
  /** One request in so many is recorded. */
  readonly every: number;
  /** Whether the inputs are recorded too. */
  readonly inputs: boolean;
}

/** The rows of a run that one row is taken from. */
export interface RowOutputs {
  readonly numbers: ArrayLike<number>;
  readonly offset: number;
  readonly length: number;
}

export class RowTap {
  readonly #reservoir: RowWriter | null;
  readonly #rows: number;
  readonly #record: RecordTap | null;
  readonly #encoder = new RowInputsEncoder();
  /** The longest pause between two rows; 0 while nobody wants any. */
  #pauseUsMax = 0;
  #isNobodys = false;
  #generation = -1;
  #beganUs = 0;
  #dueUs = 0;
  #requests = 0;
  #isRecorded = false;

  /** `rows`: how many the reservoir holds. */
  constructor(reservoir: RowWriter | null, rows: number, record: RecordTap | null) {
    this.#reservoir = reservoir;
    this.#rows = rows;
    this.#record = record;
  }

  /** Starts a batch. */
  begin(generation: number): void {
    // A batch of no generation asks a version by its name: what it answers then is nobody's sample.
    this.#isNobodys = generation === 0;
    if (this.#isNobodys) return;
    const pauseUsMax = this.#reservoir?.pauseUs ?? 0;
    // Whoever wants rows from now on, or more of them, be it of an old generation, wants them soon.
    const isAwaited = pauseUsMax > 0 && (this.#pauseUsMax === 0 || pauseUsMax < this.#pauseUsMax);
    this.#pauseUsMax = pauseUsMax;
    if (generation === this.#generation && !isAwaited) return;
    this.#generation = generation;
    this.#beganUs = 0;
    this.#dueUs = 0;
  }

  /** Counts a request, before its rows. */
  request(): void {
    if (this.#record === null) return;
    this.#isRecorded = !this.#isNobodys && this.#requests % this.#record.every === 0;
    this.#requests += 1;
  }

  /**
   * Takes a request that failed, with its first row where it has one; clients' faults and those that came too late say
   * nothing of the version.
   */
  fail(sample: Readonly<Sample>, inputs: readonly InputSource[] | null, inputRow: number): void {
    if (sample.outcome === Outcome.clientFault || sample.outcome === Outcome.expired) return;
    if (this.#isRecorded) this.#record?.writer.write(aboutOf(sample, 0), NO_OUTPUTS, 0, 0, NO_INPUTS);
    if (inputs === null || !this.#isDue(sample)) return;
    this.#keep(sample, 0, NO_ANSWER, this.#encoder.encode(inputs, inputRow));
  }

  /** Tells whether a row of this sample is wanted. */
  takes(sample: Readonly<Sample>): boolean {
    return this.#isRecorded || this.#isDue(sample);
  }

  /** Takes a row that is wanted: number `row` of the request, which lies at `inputRow` of the inputs. */
  add(
    sample: Readonly<Sample>, row: number, outputs: RowOutputs, inputs: readonly InputSource[] | null, inputRow: number,
  ): void {
    const about = aboutOf(sample, row);
    const { numbers, offset, length } = outputs;
    const isDue = inputs !== null && this.#isDue(sample);
    const record = this.#isRecorded ? this.#record : null;
    const wantsInputs = isDue || record?.inputs === true;
    const bytes = wantsInputs && inputs !== null ? this.#encoder.encode(inputs, inputRow) : NO_INPUTS;
    record?.writer.write(about, numbers, offset, length, record.inputs ? bytes : NO_INPUTS);
    if (isDue) this.#keep(sample, row, outputs, bytes);
  }

  // A row of one who was not asked who it is would be a question of nobody's.
  #isDue({ atUs, source }: Readonly<Sample>): boolean {
    return this.#pauseUsMax > 0 && !this.#isNobodys && atUs >= this.#dueUs && source !== NOT_ASKED;
  }

  #keep(sample: Readonly<Sample>, row: number, { numbers, offset, length }: RowOutputs, inputs: Uint8Array): void {
    this.#reservoir!.write(aboutOf(sample, row), numbers, offset, length, inputs);
    if (this.#beganUs === 0) this.#beganUs = sample.atUs;
    const pauseUs = ((sample.atUs - this.#beganUs) * LIFE_PART) / this.#rows;
    this.#dueUs = sample.atUs + Math.min(this.#pauseUsMax, Math.max(INPUT_PAUSE_US_MIN, pauseUs));
  }
}

function aboutOf({ generation, outcome, latencyUs, input, atUs, source }: Readonly<Sample>, row: number): RowAbout {
  return { generation, outcome, latencyUs, input, atUs, source, row };
}
