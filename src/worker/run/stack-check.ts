// The third witness about stacking: some rows that were answered in company are run again alone, after their answers
// have gone out, and compared. Two that differ by more than the model's arithmetic explains, and no rows share a run
// any more, in no worker of the deployment. Worker thread; one per runner.
// Invariants: one row is kept at a time, and the next not before a hundred times as long has passed as the last one
// took, so that a hundredth of a worker's time is the most that it costs.
import { SINGLE, distanceOf } from '../session/row-agreement.ts';
import type { Datatype } from '../../domain/records.ts';
import type { InputSource } from '../../domain/row-batch.ts';
import type { RunBlock } from '../../domain/run-block.ts';
import type { Tensor, TensorData } from '../../domain/datatype.ts';
import type { StackWatch } from '../../shared-memory/stack-watch.ts';
import type { Session } from '../session/session.ts';
import { putElements, rowsFrom } from '../session/stacking.ts';
import { createElements } from '../../domain/datatype.ts';

const REST_FACTOR = 100;
/** A row waits so long for an idle moment. */
const WAIT_US_MAX = 100_000;

interface StackCheckOptions {
  readonly session: Session;
  /** null where nobody watches. */
  readonly watch: StackWatch | null;
  /** How far a row's answers may be apart; see StackingDecision. */
  readonly tolerance: number | undefined;
  readonly monotonicUs: () => number;
}

/** A row with its answer in company. */
interface Kept {
  readonly inputs: readonly Tensor[];
  /** By their places in the signature; undefined for one that nobody wanted. */
  readonly outputs: readonly (Tensor | undefined)[];
}

export class StackCheck {
  readonly #session: Session;
  readonly #watch: StackWatch | null;
  readonly #tolerance: number;
  readonly #monotonicUs: () => number;
  /** Rows in company until the next one is kept; never below the number when there is none to come. */
  #left: number;
  #restUntilUs = 0;
  /** Which row of its run is kept: another one each time. */
  #turn = 0;
  #kept: Kept | null = null;
  #keptUs = 0;

  constructor({ session, watch, tolerance, monotonicUs }: StackCheckOptions) {
    this.#session = session;
    this.#watch = watch;
    this.#tolerance = tolerance ?? SINGLE.most;
    this.#monotonicUs = monotonicUs;
    this.#left = watch !== null && watch.every > 0 ? watch.every : Infinity;
  }

  /** Asked before each batch: whatever another worker has found holds here too. */
  obey(): void {
    if (this.#watch?.isOver === true && this.#session.isStacking) this.#session.stopStacking();
  }

  /** Asked after each run of several rows: whether one of them is to be kept. */
  isDue(rows: number): boolean {
    this.#left -= rows;
    if (this.#left > 0) return false;
    this.#left = this.#watch!.every;
    return this.#kept === null && this.#session.isStacking && this.#monotonicUs() >= this.#restUntilUs;
  }

  /** Keeps a row of a run of rows, whose inputs may have others before it. */
  keepRow(inputs: readonly InputSource[], block: RunBlock): void {
    const at = this.#nextOf(block.rows);
    const { layout } = this.#session;
    const copies = layout.batching === 'fixed' ? layout.rowsPerRun : 1;
    this.#kept = {
      inputs: inputs.map(({ data: all, shape, elements }, input) => {
        const from = (block.firstRow + at) * elements;
        const row = copyOf(all, from, from + elements);
        const { datatype } = layout.inputs[input]!;
        // A fixed batch is filled with the one row, as for a row that is alone.
        const data = repeated(datatype, row, copies);
        return { data, shape: layout.batching === 'none' ? shape : [copies, ...shape] };
      }),
      outputs: block.outputs.map(({ data, rowShape, rowElements }) =>
        ({ data: copyOf(data, at * rowElements, (at + 1) * rowElements), shape: [1, ...rowShape] })),
    };
  }

  /** Keeps a row of a run of whole tensors, of which those that count `rows` are stacked. */
  keepTensors(inputs: readonly Tensor[], outputs: readonly (Tensor | undefined)[], rows: number): void {
    const at = this.#nextOf(rows);
    const { inputs: declared } = this.#session.signature;
    const row = (tensor: Tensor): Tensor => {
      const { data, shape } = rowsFrom(tensor, at, 1);
      return { data: copyOf(data, 0, data.length), shape };
    };
    this.#kept = {
      inputs: inputs.map((tensor, input) => (declared[input]!.shape[0] === -1 ? row(tensor) : tensor)),
      outputs: outputs.map((tensor) => tensor && row(tensor)),
    };
  }

  /** Whether a row is to be run again now: when nobody is kept waiting by it, or when it has waited long itself. */
  isReady(isIdle: boolean): boolean {
    return this.#kept !== null && (isIdle || this.#monotonicUs() - this.#keptUs >= WAIT_US_MAX);
  }

  /** Runs the row that was kept, and counts what comes of it. */
  async run(): Promise<void> {
    const kept = this.#kept;
    if (kept === null) return;
    this.#kept = null;
    const wanted = kept.outputs.flatMap((tensor, output) => (tensor === undefined ? [] : [output]));
    const beginUs = this.#monotonicUs();
    // What fails alone fails for a reason of its own, and who asks for it next is told.
    const ran = await this.#session.runWhole(kept.inputs, wanted).catch(() => null);
    const nowUs = this.#monotonicUs();
    this.#restUntilUs = nowUs + REST_FACTOR * (nowUs - beginUs);
    if (ran !== null) this.#watch!.count(this.#differing(kept.outputs, ran.outputs));
    this.obey();
  }

  // The output that differs by more than arithmetic explains; -1 for none.
  #differing(company: Kept['outputs'], alone: readonly (Tensor | undefined)[]): number {
    const distances = this.#session.signature.outputs.map(({ datatype }, output) => {
      const [one, other] = [company[output], alone[output]];
      return one === undefined || other === undefined ? 0 : distanceOf(one, rowsFrom(other, 0, 1), datatype);
    });
    const isFloat = (output: number): boolean => isFloating(this.#session.signature.outputs[output]!.datatype);
    const isMoved = distances.some((distance, output) => isFloat(output) && distance > 0);
    // A label that flips where the scores beside it moved by less than they may, is one of two that are as good.
    return distances.findIndex((distance, output) =>
      distance > this.#tolerance && (isFloat(output) || !isMoved || distances.some((one, at) =>
        isFloat(at) && one > this.#tolerance)));
  }

  #nextOf(rows: number): number {
    this.#turn += 1;
    this.#keptUs = this.#monotonicUs();
    return this.#turn % rows;
  }
}

const isFloating = (datatype: Datatype): boolean => datatype.startsWith('FP');

const copyOf = (data: TensorData, from: number, to: number): TensorData => data.slice(from, to);

function repeated(datatype: Datatype, row: TensorData, copies: number): TensorData {
  if (copies === 1) return row;
  const data = createElements(datatype, row.length * copies);
  for (let copy = 0; copy < copies; copy += 1) putElements(data, row, copy * row.length);
  return data;
}
