// The lines of a recording, as lastgood backtest reads them. Pure.
import type { Baseline, Signature } from '../domain/records.ts';
import { isAnswered, Outcome } from '../shared-memory/sample-ring.ts';
import type { RingRow } from '../shared-memory/row-ring.ts';
import { halfToNumber } from '../domain/half.ts';
import { decodeRowInputs } from '../domain/row-codec.ts';

const SINGLE_DIGITS_MIN = 6;
const SINGLE_DIGITS_MAX = 9;

/** A number as short as it can be told apart: of a float32, as a float32. What is no finite number is null. */
export function numberOf(value: number): string {
  if (!Number.isFinite(value)) return 'null';
  if (Object.is(value, -0)) return '-0';
  if (Number.isInteger(value) || Math.fround(value) !== value) return String(value);
  for (let digits = SINGLE_DIGITS_MIN; digits < SINGLE_DIGITS_MAX; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(SINGLE_DIGITS_MAX)));
}

const arrayOf = (numbers: ArrayLike<number>): string => `[${Array.from(numbers, numberOf).join(',')}]`;
const timeOf = (ms: number): string => String(Math.round(ms * 1_000) / 1_000);

interface LineAbout {
  readonly model: string;
  readonly version: string;
  readonly tMs: number;
}

/** The line of one row; `signature` is given where its inputs are recorded. */
export function sampleText(
  { model, version, tMs }: LineAbout, row: Omit<RingRow, 'atUs' | 'source'>, signature: Signature | null,
): string {
  const ok = isAnswered(row.outcome as Outcome);
  const isInput = row.outcome === Outcome.nonFiniteInput;
  const inputs = signature === null || row.inputs.length === 0 ? null : inputsOf(row.inputs, signature);
  // An answer that could not be told for its numbers is one that is not finite.
  const isUntold = ok && row.outcome !== Outcome.ok && row.outputs.length === 0;
  const outputs = isUntold ? '[null]' : arrayOf(row.outputs);
  return `{"t":${timeOf(tMs)},"model":${JSON.stringify(model)},"version":${JSON.stringify(version)},` +
    `"latency_ms":${numberOf(row.latencyUs / 1_000)},"ok":${ok},"outputs":${outputs}` +
    `${row.row > 0 ? `,"row":${row.row}` : ''}${row.input === 0 ? '' : `,"input":${row.input}`}` +
    `${isInput ? ',"nonfinite_input":true' : ''}${inputs === null ? '' : `,"inputs":${inputs}`}}\n`;
}

// All numbers of the inputs behind each other; null when some are text.
function inputsOf(bytes: Uint8Array, signature: Signature): string | null {
  const row = decodeRowInputs(bytes, signature);
  if (row === null) return null;
  const numbers: string[] = [];
  for (const [index, { data }] of row.entries()) {
    if (Array.isArray(data)) return null;
    const isHalf = signature.inputs[index]!.datatype === 'FP16';
    for (const value of data) {
      // Integers of 64 bits digit by digit.
      if (typeof value === 'bigint') numbers.push(String(value));
      else numbers.push(numberOf(isHalf ? halfToNumber(value) : value));
    }
  }
  return `[${numbers.join(',')}]`;
}

/**
 * The line of a generation that begins, or, at the head of a file, of one that goes on. A stored baseline has no rows
 * any more: of one number a row it keeps up to 2,000 values, and those are written as rows; its counts, which the judge
 * reads, stand whole in "summary". Without a baseline it is null.
 */
export function promoteText(
  { model, version, tMs }: LineAbout, baseline: Baseline | null, isContinued: boolean,
): string {
  const isScalar = baseline !== null && !['classes', 'vector', 'sequence'].includes(baseline.kind);
  const kept = isScalar ? baseline.values : [];
  const rows = baseline === null ? 'null' : `[${kept.map((value) => `[${numberOf(value)}]`).join(',')}]`;
  return `{"event":"promote","t":${timeOf(tMs)},"model":${JSON.stringify(model)},` +
    `"version":${JSON.stringify(version)},${isContinued ? '"continued":true,' : ''}"baseline":${rows}` +
    `${baseline === null ? '' : `,"kind":${JSON.stringify(baseline.kind)},"summary":${JSON.stringify(baseline)}`}}\n`;
}
