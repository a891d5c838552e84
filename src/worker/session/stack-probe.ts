// Decides whether rows of different requests may share a run of a model: an answer may never depend on who else asked
// at the same moment. Two witnesses must agree: the operators in the file, and rows made up to provoke what mixes them
// (a softmax, a running sum or a scale over the first dimension, an open dimension that is no batch at all). Made in
// the trial, whose process may die of it; for versions that were registered before, at each load.
//
//   alone against in company   each row of runs of 2, 3 and 7 rows, at changing positions, against a run of its own.
//                              Another number of rows is another order of floating-point sums, hence a tolerance
//   taint                      one row of three becomes NaN, enormous or just another: the rest stays bit for bit,
//                              because nothing else has changed, not even the order of any sum
import type { Datatype, Signature, StackingDecision } from '../../domain/records.ts';
import { reasonOf } from '../../base/errors.ts';
import { halfToNumber } from '../../domain/half.ts';
import { RUN_INPUT_BYTES_MAX } from '../../domain/row-layout.ts';
import { shapeText } from '../../domain/datatype.ts';
import type { Tensor } from '../../domain/datatype.ts';
import { ARTIFACT_BYTES_MAX } from '../../artifacts/manifest.ts';
import { nodesOf, readModelFile } from '../../onnx/graph.ts';
import { madeUpInputs, madeUpRowBytes } from './made-up-rows.ts';
import type { MadeUpRow, MadeUpShape, Manner } from './made-up-rows.ts';
import type { Session } from './session.ts';
import { rowsFrom } from './stacking.ts';

/** Operators that read one scale from a whole tensor, so from all of its rows, or that work with such a scale. */
const WHOLE_TENSOR_OPERATORS = [
  'DynamicQuantizeLinear', 'DynamicQuantizeMatMul', 'DynamicQuantizeLSTM', 'MatMulIntegerToFloat', 'QAttention',
];
const COMPANY_ROWS = [2, 3, 7];
/** Of the run in which one row after the other is tainted, and of the only company where one is enough. */
const TAINTED_ROWS = 3;
/** Positions of a fixed batch that are looked at; all of a smaller one. */
const POSITIONS_MAX = 7;
/** Sizes tried for open dimensions other than the first. */
const OPEN_SIZES = [2, 1, 4];
const ROWS_KNOWN = 7;
/** Rows that stand in company only while a taint is tried. */
const NAN_ROW: MadeUpRow = { number: 1_001, taint: NaN };
const LARGE_ROW: MadeUpRow = { number: 1_002, taint: 1e6 };
const OTHER_ROW: MadeUpRow = { number: 1_003 };

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
  taints: [NAN_ROW, LARGE_ROW],
};
const NARROW: Attempt = {
  manners: [{ floats: 'narrow', integers: 'few' }, { floats: 'narrow', integers: 'bits' }],
  company: COMPANY_ROWS,
  taints: [NAN_ROW, OTHER_ROW],
};
/**
 * bold: also values that a model may take for sizes or counts, and die of. tame: nothing of the kind, for a process
 * that serves.
 */
const ATTEMPTS: Readonly<Record<'bold' | 'tame', readonly Attempt[]>> = {
  // Narrow rows only for what the wide ones turn into NaN: logarithms, roots.
  bold: [WIDE, { ...NARROW, company: [TAINTED_ROWS], taints: [NAN_ROW] }],
  tame: [NARROW],
};

/**
 * Of a row's largest number. Sums of float32 in another order are some 1e-6 of it apart, of float16 some 1e-3, and a
 * chain of layers adds up; a mixture of rows whose sizes differ by orders of magnitude is wrong in its first digit.
 */
const TOLERANCE = 1e-3;
const HALF_TOLERANCE = 2e-2;
/** Rows whose numbers are all smaller are compared as if this were their largest: chances that are as good as none. */
const LARGEST_MIN = 1e-6;

/** Decides for the model in `path`, which `session` has open and nobody else uses meanwhile. */
export async function decideStacking(
  session: Session, path: string, boldness: 'bold' | 'tame',
): Promise<StackingDecision> {
  const shape = rowsOf(session);
  if (typeof shape === 'string') return { mode: 'none', reason: shape };
  const operator = wholeTensorOperator(path);
  if (operator !== null) return { mode: 'none', reason: operator };
  const hasOpenSizes = session.signature.inputs.some(({ shape: sizes }, input) =>
    sizes.some((size, axis) => size < 0 && !(axis === 0 && shape[input])));
  let refusal = '';
  for (const openSize of hasOpenSizes ? OPEN_SIZES : OPEN_SIZES.slice(0, 1)) {
    const probe = new Probe(session, { hasRows: shape, openSize });
    if (probe.isTooLarge) return { mode: 'none', reason: 'two of its rows are more than one run takes' };
    let isTaken = false;
    for (const attempt of ATTEMPTS[boldness]) {
      const found = await probe.make(attempt);
      if (found.mixing !== null) return { mode: 'none', reason: found.mixing };
      if (found.refusal === null) isTaken = true;
      else ({ refusal } = found);
    }
    if (isTaken) return { mode: 'rows', reason: 'made-up rows were answered in company as they were alone' };
  }
  return { mode: 'none', reason: `it refused every made-up row: ${refusal}` };
}

// Which inputs have a place for rows; or why no two rows can be in one run.
function rowsOf({ layout, signature: { inputs } }: Session): readonly boolean[] | string {
  if (layout.batching === 'fixed') {
    return layout.rowsPerRun > 1 ? inputs.map(() => true) : 'its inputs have room for one row';
  }
  const isOpen = inputs.map(({ shape }) => shape[0] === -1);
  return isOpen.includes(true) ? isOpen : 'no input has an open first dimension';
}

function wholeTensorOperator(path: string): string | null {
  try {
    const operators = new Set<string>();
    for (const { operator } of nodesOf(readModelFile(path, ARTIFACT_BYTES_MAX))) operators.add(operator);
    const found = WHOLE_TENSOR_OPERATORS.find((operator) => operators.has(operator));
    return found === undefined ? null : `its ${found} takes one scale from all rows of a run`;
  } catch (error) {
    return `its operators cannot be read: ${reasonOf(error)}`;
  }
}

interface Found {
  readonly mixing: string | null;
  readonly refusal: string | null;
}

class Probe {
  readonly #session: Session;
  readonly #signature: Signature;
  readonly #shape: MadeUpShape;
  readonly #rowBytes: number;
  /** Rows of every run; 0 when their number is open. */
  readonly #fixedRows: number;

  constructor(session: Session, shape: MadeUpShape) {
    const { signature, layout } = session;
    this.#session = session;
    this.#signature = signature;
    this.#shape = shape;
    this.#rowBytes = madeUpRowBytes(signature, shape);
    this.#fixedRows = layout.batching === 'fixed' ? layout.rowsPerRun : 0;
  }

  /** No two rows ever share a run. */
  get isTooLarge(): boolean {
    return this.#fixedRows === 0 && this.#rowBytes * 2 > RUN_INPUT_BYTES_MAX;
  }

  /** How the model mixes its rows; or why it takes rows of none of the manners; or neither. */
  async make({ manners, ...attempt }: Attempt): Promise<Found> {
    let refusal = '';
    for (const manner of manners) {
      try {
        return { mixing: await this.#findMixing(manner, attempt), refusal: null };
      } catch (error) {
        // The made-up values or sizes do not suit the model; others may.
        refusal = reasonOf(error);
      }
    }
    return { mixing: null, refusal };
  }

  async #findMixing(manner: Manner, { company: wanted, taints }: Omit<Attempt, 'manners'>): Promise<string | null> {
    const alone = new Map<number, readonly Tensor[]>();
    const sizes = this.#fixedRows > 0 ? [this.#fixedRows] : wanted.filter((rows) => this.#fits(rows));
    for (const rows of sizes) {
      // Another row comes first each time.
      const numbers = Array.from({ length: rows }, (_, at) => (rows > ROWS_KNOWN ? at : (at + rows) % ROWS_KNOWN));
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
        const output = this.#differing(together, at, own, 0, agree);
        if (output !== null) return `${output} of a row differs between a run of its own and one of ${rows} rows`;
      }
    }
    return this.#findTaint(manner, taints);
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
          const output = other === at ? null : this.#differing(tainted, other, clean, other, isSame);
          if (output !== null) return `${output} of a row changes with the other rows of its run`;
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

  async #run(rows: readonly MadeUpRow[], manner: Manner): Promise<readonly Tensor[]> {
    const inputs = madeUpInputs(this.#signature, this.#shape, rows, manner);
    const { outputs } = await this.#session.runWhole(inputs, this.#signature.outputs.map((_, index) => index));
    return outputs.map((output) => output!);
  }

  #misshapen(outputs: readonly Tensor[], rows: number): string | null {
    const index = outputs.findIndex(({ shape }) => shape[0] !== rows);
    if (index < 0) return null;
    return `output "${this.#signature.outputs[index]!.name}" has shape ${shapeText(outputs[index]!.shape)} for ` +
      `${rows} ${rows === 1 ? 'row' : 'rows'}`;
  }

  // The first output in which row `at` of one run and row `otherAt` of the other are not the same.
  #differing(
    run: readonly Tensor[], at: number, other: readonly Tensor[], otherAt: number, compare: typeof agree,
  ): string | null {
    const found = this.#signature.outputs.find(({ datatype }, index) =>
      !compare(rowsFrom(run[index]!, at, 1), rowsFrom(other[index]!, otherAt, 1), datatype));
    return found === undefined ? null : `output "${found.name}"`;
  }
}

function positionsOf(rows: number): number[] {
  if (rows <= POSITIONS_MAX) return Array.from({ length: rows }, (_, at) => at);
  return Array.from({ length: POSITIONS_MAX }, (_, at) => Math.round((at * (rows - 1)) / (POSITIONS_MAX - 1)));
}

function isSame(left: Tensor, right: Tensor): boolean {
  if (left.data.length !== right.data.length || shapeText(left.shape) !== shapeText(right.shape)) return false;
  for (let at = 0; at < left.data.length; at += 1) if (!Object.is(left.data[at], right.data[at])) return false;
  return true;
}

function agree(left: Tensor, right: Tensor, datatype: Datatype): boolean {
  if (isSame(left, right)) return true;
  if (left.data.length !== right.data.length || shapeText(left.shape) !== shapeText(right.shape)) return false;
  const isHalf = datatype === 'FP16';
  if (!isHalf && datatype !== 'FP32' && datatype !== 'FP64') return false;
  const numbersOf = ({ data }: Tensor): number[] =>
    Array.from(data as ArrayLike<number>, (value) => (isHalf ? halfToNumber(value) : value));
  const [one, other] = [numbersOf(left), numbersOf(right)];
  const largest = one.concat(other).reduce((size, value) =>
    (Number.isFinite(value) ? Math.max(size, Math.abs(value)) : size), LARGEST_MIN);
  const tolerance = (isHalf ? HALF_TOLERANCE : TOLERANCE) * largest;
  return one.every((value, at) => Object.is(value, other[at]) || Math.abs(value - other[at]!) <= tolerance);
}
