// Rows made up to provoke what mixes them, and rows that the model is known to take, alone and in company: the second
// of the witnesses that a decision about stacking is made from (see stacking-decision.ts). Made in the trial, whose
// process may die of it; for versions that were registered before, at each load.
//
//   alone against in company   one of seven rows, at changing positions of runs of 2, 3, 7 and as many rows as there
//                              can be, and beside rows like it, against a run of its own. Another number of rows is
//                              another order of floating-point sums, hence a tolerance: see row-agreement.ts
//   taint                      one row of three becomes NaN, enormous, next to nothing or just another: the rest stays
//                              bit for bit, because nothing else has changed, not even the order of any sum
import type { Signature } from '../../domain/records.ts';
import { reasonOf } from '../../base/errors.ts';
import { RUN_INPUT_BYTES_MAX } from '../../domain/row-layout.ts';
import { createElements, hasNonFinite, shapeText } from '../../domain/datatype.ts';
import type { Tensor } from '../../domain/datatype.ts';
import { madeUpInputs, madeUpRowBytes } from './made-up-rows.ts';
import type { MadeUpRow, MadeUpShape, Manner } from './made-up-rows.ts';
import { distanceOf, isSameTensor } from './row-agreement.ts';
import type { Session } from './session.ts';
import { putElements, rowsFrom } from './stacking.ts';

const COMPANY_ROWS = [2, 3, 7];
/** Of the run in which one row after the other is tainted, and of the only company where one is enough. */
const TAINTED_ROWS = 3;
/** Positions of a run that are looked at; all of a smaller one. */
const POSITIONS_MAX = 7;
/** Rows that are compared: each has one run of its own, in however many companies it stands. */
const ROWS_KNOWN = POSITIONS_MAX;
/** A model whose answers may depend on how many rows there are is run with every number of them up to here. */
const EVERY_SIZE_MAX = 64;
/** A row again and again, with another one among them. */
const REPEATED = [4, 4, 2, 4, 4];
/** Rows that stand in company only while a taint is tried. */
const NAN_ROW: MadeUpRow = { number: 1_001, taint: NaN };
const LARGE_ROW: MadeUpRow = { number: 1_002, taint: 1e6 };
const OTHER_ROW: MadeUpRow = { number: 1_003 };
const LARGEST_ROW: MadeUpRow = { number: 1_004, taint: 1.5e38 };
const SMALLEST_ROW: MadeUpRow = { number: 1_005, taint: 1e-40 };

/** What is tried at one boldness: the first manner that the model takes decides. */
interface Attempt {
  readonly manners: readonly Manner[];
  /** Rows of the runs that are compared with runs of one. */
  readonly company: readonly number[];
  readonly taints: readonly MadeUpRow[];
}
const WIDE: Attempt = {
  manners: [
    { floats: 'wide', integers: 'wide' }, { floats: 'wide', integers: 'few' }, { floats: 'wide', integers: 'bits' },
  ],
  company: COMPANY_ROWS,
  taints: [NAN_ROW, LARGE_ROW, LARGEST_ROW, SMALLEST_ROW],
};
const NARROW: Attempt = {
  manners: [{ floats: 'narrow', integers: 'few' }, { floats: 'narrow', integers: 'bits' }],
  company: COMPANY_ROWS,
  taints: [NAN_ROW, OTHER_ROW, SMALLEST_ROW],
};
/** bold: also values that a model may take for sizes or counts, and die of. tame: for a process that serves. */
export type Boldness = 'bold' | 'tame';
const ATTEMPTS: Readonly<Record<Boldness, readonly Attempt[]>> = {
  // Narrow rows only for what the wide ones turn into NaN: logarithms, roots.
  bold: [WIDE, { ...NARROW, company: [TAINTED_ROWS], taints: [NAN_ROW] }],
  tame: [NARROW],
};

interface Found {
  readonly mixing: string | null;
  readonly refusal: string | null;
}

interface ProbeOptions {
  readonly shape: MadeUpShape;
  /** How far a row's answers may be apart: see row-agreement.ts. */
  readonly distanceMax: number;
  /** Whether every number of rows is tried that a run can have. */
  readonly isEverySize: boolean;
  /** Most rows of a run that is tried, where a larger one takes too long; as many as a run can have by default. */
  readonly rowsMax?: number | undefined;
}

export class Probe {
  /** The furthest that answers to a row were apart, alone and in company. */
  furthest = 0;
  /** Whether runs of all sizes that are wanted were compared, by numbers that are finite. */
  #hasSeenSizes = false;
  readonly #session: Session;
  readonly #signature: Signature;
  readonly #options: ProbeOptions;
  readonly #rowBytes: number;
  /** Rows of every run; 0 when their number is open. */
  readonly #fixedRows: number;

  constructor(session: Session, options: ProbeOptions) {
    const { signature, layout } = session;
    this.#session = session;
    this.#signature = signature;
    this.#options = options;
    this.#rowBytes = madeUpRowBytes(signature, options.shape);
    this.#fixedRows = layout.batching === 'fixed' ? layout.rowsPerRun : 0;
  }

  /** No two rows ever share a run. */
  get isTooLarge(): boolean {
    return this.#fixedRows === 0 && this.#rowBytes * 2 > RUN_INPUT_BYTES_MAX;
  }

  /** How the model mixes its rows; or why it refuses all that are made up; or neither. */
  async make(boldness: Boldness): Promise<Found> {
    let refusal = '';
    let isTaken = false;
    for (const attempt of ATTEMPTS[boldness]) {
      // Once is enough, unless all that could be compared was NaN.
      const found = await this.#try(attempt, this.#options.isEverySize && !this.#hasSeenSizes);
      if (found.mixing !== null) return found;
      if (found.refusal === null) isTaken = true;
      else ({ refusal } = found);
    }
    return { mixing: null, refusal: isTaken ? null : refusal };
  }

  /** How it mixes rows that it is known to take, given as the inputs of runs of one. */
  async compare(known: readonly (readonly Tensor[])[]): Promise<string | null> {
    if (known.length < 2 || this.#fixedRows > 0 || !this.#fits(known.length)) return null;
    const inputs = this.#signature.inputs.map(({ datatype }, input): Tensor => {
      const own = known.map((row) => row[input]!);
      if (!this.#options.shape.hasRows[input]!) return own[0]!;
      const data = createElements(datatype, own.reduce((sum, one) => sum + one.data.length, 0));
      own.reduce((at, one) => putElements(data, one.data, at), 0);
      return { data, shape: [known.length, ...own[0]!.shape.slice(1)] };
    });
    const together = await this.#answer(inputs).catch(() => null);
    if (together === null) return null;
    for (const [at, row] of known.entries()) {
      const output = this.#differing(together, at, await this.#answer(row));
      if (output !== null) return `${output} of a row that came with it differs in company`;
    }
    return null;
  }

  /** Outputs whose first size is the number of rows, in every run of made-up rows; null when it refuses all of them. */
  async rowAxes(boldness: Boldness): Promise<boolean[] | null> {
    for (const manner of ATTEMPTS[boldness].flatMap(({ manners }) => manners)) {
      try {
        let found = this.#signature.outputs.map(() => true);
        for (const rows of [1, 2, 3].filter((count) => this.#fits(count))) {
          const company = Array.from({ length: this.#fixedRows || rows },
            (_, at): MadeUpRow => ({ number: at + rows }));
          const outputs = await this.#run(company, manner);
          found = found.map((isSo, output) => isSo && outputs[output]!.shape[0] === company.length);
        }
        return found;
      } catch {
        // The next manner may suit the model.
      }
    }
    return null;
  }

  async #try({ manners, company, taints }: Attempt, isEverySize: boolean): Promise<Found> {
    let refusal = '';
    for (const manner of manners) {
      try {
        const mixing = await this.#findMixing(manner, this.#companies(company, isEverySize));
        return { mixing: mixing ?? await this.#findTaint(manner, taints), refusal: null };
      } catch (error) {
        // The made-up values or sizes do not suit the model; others may.
        refusal = reasonOf(error);
      }
    }
    return { mixing: null, refusal };
  }

  async #findMixing(manner: Manner, companies: readonly (readonly number[])[]): Promise<string | null> {
    const alone = new Map<number, readonly Tensor[]>();
    for (const numbers of companies) {
      const rows = numbers.length;
      const company = numbers.map((number) => ({ number }));
      const together = await this.#run(company, manner);
      const misshapen = this.#misshapen(together, rows);
      if (misshapen !== null) return misshapen;
      for (const at of positionsOf(rows)) {
        const row = company[at]!;
        const own = alone.get(row.number) ?? await this.#runAlone(row, manner);
        alone.set(row.number, own);
        const ownMisshapen = this.#misshapen(own, Math.max(1, this.#fixedRows));
        if (ownMisshapen !== null) return ownMisshapen;
        const output = this.#differing(together, at, own);
        if (output !== null) return `${output} of a row differs between a run of its own and one of ${rows} rows`;
      }
    }
    this.#hasSeenSizes = [...alone.values()].every((outputs) => this.#isFinite(outputs));
    return null;
  }

  // The numbers of the rows of each run.
  #companies(wanted: readonly number[], isEverySize: boolean): number[][] {
    const most = Math.min(this.#session.rowsPerRun, this.#options.rowsMax ?? Infinity);
    const open = isEverySize ? sizesUpTo(most) : [...wanted, most];
    const sizes = this.#fixedRows > 0 ? [this.#fixedRows] : open;
    const companies = sizes.map(companyOf);
    if (this.#fixedRows === 0) companies.push(REPEATED);
    return companies.filter((numbers) => this.#fixedRows > 0 || this.#fits(numbers.length));
  }

  async #findTaint(manner: Manner, taints: readonly MadeUpRow[]): Promise<string | null> {
    const rows = this.#fixedRows > 0 ? this.#fixedRows : this.#fits(TAINTED_ROWS) ? TAINTED_ROWS : 2;
    const company = Array.from({ length: rows }, (_, number): MadeUpRow => ({ number }));
    const clean = await this.#run(company, manner);
    for (const taint of taints) {
      for (const at of positionsOf(rows)) {
        const tainted = await this.#run(company.with(at, taint), manner).catch(() => null);
        // A row that makes a run fail is found by running the others without it; it changes no answer.
        if (tainted === null) continue;
        const misshapen = this.#misshapen(tainted, rows);
        if (misshapen !== null) return misshapen;
        for (let other = 0; other < rows; other += 1) {
          const changed = other === at ? undefined : this.#signature.outputs.find((_, index) =>
            !isSameTensor(rowsFrom(tainted[index]!, other, 1), rowsFrom(clean[index]!, other, 1)));
          if (changed !== undefined) return `output "${changed.name}" of a row changes with the other rows of its run`;
        }
      }
    }
    return null;
  }

  #fits(rows: number): boolean {
    return this.#rowBytes * rows <= RUN_INPUT_BYTES_MAX;
  }

  // As the row lanes do it: a fixed batch is filled with the one row.
  #runAlone(row: MadeUpRow, manner: Manner): Promise<readonly Tensor[]> {
    return this.#run(new Array<MadeUpRow>(Math.max(1, this.#fixedRows)).fill(row), manner);
  }

  #run(rows: readonly MadeUpRow[], manner: Manner): Promise<readonly Tensor[]> {
    return this.#answer(madeUpInputs(this.#signature, this.#options.shape, rows, manner));
  }

  async #answer(inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    const { outputs } = await this.#session.runWhole(inputs, this.#signature.outputs.map((_, index) => index));
    return outputs.map((output) => output!);
  }

  #isFinite(outputs: readonly Tensor[]): boolean {
    return this.#signature.outputs.every(({ datatype }, index) => !hasNonFinite(datatype, outputs[index]!.data));
  }

  #misshapen(outputs: readonly Tensor[], rows: number): string | null {
    const index = outputs.findIndex(({ shape }) => shape[0] !== rows);
    if (index < 0) return null;
    return `output "${this.#signature.outputs[index]!.name}" has shape ${shapeText(outputs[index]!.shape)} for ` +
      `${rows} ${rows === 1 ? 'row' : 'rows'}`;
  }

  // The first output in which row `at` of a run is not the first row of another one.
  #differing(run: readonly Tensor[], at: number, own: readonly Tensor[]): string | null {
    for (const [index, { name, datatype }] of this.#signature.outputs.entries()) {
      const distance = distanceOf(rowsFrom(run[index]!, at, 1), rowsFrom(own[index]!, 0, 1), datatype);
      if (distance > this.#options.distanceMax) return `output "${name}"`;
      this.furthest = Math.max(this.furthest, distance);
    }
    return null;
  }
}

/** Every number of rows at first, and then each twice the one before. */
function sizesUpTo(most: number): number[] {
  const sizes = Array.from({ length: Math.min(most, EVERY_SIZE_MAX) }, (_, at) => at + 1);
  for (let rows = EVERY_SIZE_MAX * 2; rows < most; rows *= 2) sizes.push(rows);
  return most > EVERY_SIZE_MAX ? [...sizes, most] : sizes;
}

/** The numbers of a run's rows: those that are known where it is looked at, another one of them first each time. */
function companyOf(rows: number): number[] {
  const numbers = Array.from({ length: rows }, (_, at) => ROWS_KNOWN + at);
  positionsOf(rows).forEach((at, place) => (numbers[at] = (place + rows) % ROWS_KNOWN));
  return numbers;
}

function positionsOf(rows: number): number[] {
  if (rows <= POSITIONS_MAX) return Array.from({ length: rows }, (_, at) => at);
  return Array.from({ length: POSITIONS_MAX }, (_, at) => Math.round((at * (rows - 1)) / (POSITIONS_MAX - 1)));
}
