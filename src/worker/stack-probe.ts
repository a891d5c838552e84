// Finds out, once per load, whether a model answers each row by itself: three made-up rows are run alone and together,
// and the answers must agree. A model that mixes its rows (a softmax or a mean over the first dimension, an open
// dimension that is no batch at all) would otherwise mix the requests of different clients. Worker thread.
import type { Datatype, Signature, TensorSignature } from '../registry/records.ts';
import { halfToNumber, numberToHalf } from '../wire/half.ts';
import { createElements, elementCount } from '../wire/tensor.ts';
import type { BigArray, NumericArray, TensorData } from '../wire/tensor.ts';
import type { Session } from './session.ts';
import { rowsFrom } from './stacking.ts';
import type { Whole } from './stacking.ts';

const ROWS = 3;
/** Sizes tried for open dimensions other than the first. */
const OPEN_SIZES = [2, 1, 4];
/** Runs of different sizes may round differently; mixed rows differ by far more. */
const RELATIVE_TOLERANCE = 1e-3;
const HALF_TOLERANCE = 2e-2;

/** Resolves true when the model was seen to answer row by row; false also when it refuses all made-up rows. */
export async function answersRowByRow(session: Session): Promise<boolean> {
  const { inputs, outputs } = session.signature;
  if (!inputs.some(({ shape }) => shape[0] === -1) || outputs.some(({ shape }) => shape[0] !== -1)) return false;
  for (const openSize of OPEN_SIZES) {
    try {
      return await comparesEqual(session, openSize);
    } catch {
      // The made-up values or sizes do not suit the model; others may.
    }
  }
  return false;
}

async function comparesEqual(session: Session, openSize: number): Promise<boolean> {
  const { signature } = session;
  const wanted = signature.outputs.map((_, index) => index);
  const together = await session.runWhole(madeUp(signature, 0, ROWS, openSize), wanted);
  for (let row = 0; row < ROWS; row += 1) {
    const alone = await session.runWhole(madeUp(signature, row, 1, openSize), wanted);
    const isEqual = signature.outputs.every(({ datatype }, index) => {
      const all = together.outputs[index]!;
      const one = alone.outputs[index]!;
      return all.shape[0] === ROWS && one.shape[0] === 1 && agree(datatype, rowsFrom(all, row, 1), one);
    });
    if (!isEqual) return false;
  }
  return true;
}

function madeUp({ inputs }: Signature, first: number, rows: number, openSize: number): Whole[] {
  return inputs.map((input) => {
    const isStacked = input.shape[0] === -1;
    const shape = input.shape.map((size, axis) => (size >= 0 ? size : axis === 0 ? rows : openSize));
    const data = createElements(input.datatype, elementCount(shape));
    const perRow = isStacked ? data.length / rows : data.length;
    for (let at = 0; at < data.length; at += 1) {
      const row = isStacked ? first + Math.floor(at / perRow) : 0;
      put(input, data, at, row, at % perRow);
    }
    return { data, shape };
  });
}

// Small numbers, whole ones of 0 and 1 among them: they suit table lookups, masks and logarithms alike.
function put({ datatype }: TensorSignature, data: TensorData, at: number, row: number, column: number): void {
  const bit = (row + column) % 2;
  const share = 0.1 + ((row * 5 + column * 3) % 8) / 10;
  if (Array.isArray(data)) data[at] = `${row}${column % 10}`;
  else if (datatype === 'INT64' || datatype === 'UINT64') (data as BigArray)[at] = BigInt(bit);
  else if (datatype === 'FP16') (data as NumericArray)[at] = numberToHalf(share);
  else if (datatype === 'FP32' || datatype === 'FP64') (data as NumericArray)[at] = share;
  else (data as NumericArray)[at] = bit;
}

function agree(datatype: Datatype, left: Whole, right: Whole): boolean {
  if (left.data.length !== right.data.length || left.shape.join() !== right.shape.join()) return false;
  for (let at = 0; at < left.data.length; at += 1) {
    const one = left.data[at]!;
    const other = right.data[at]!;
    if (one === other) continue;
    if (typeof one !== 'number' || typeof other !== 'number') return false;
    const isHalf = datatype === 'FP16';
    if (!isHalf && datatype !== 'FP32' && datatype !== 'FP64') return false;
    const a = isHalf ? halfToNumber(one) : one;
    const b = isHalf ? halfToNumber(other) : other;
    if (Number.isNaN(a) && Number.isNaN(b)) continue;
    const tolerance = (isHalf ? HALF_TOLERANCE : RELATIVE_TOLERANCE) * Math.max(Math.abs(a), Math.abs(b), 1e-3);
    if (!(Math.abs(a - b) <= tolerance)) return false;
  }
  return true;
}
