// The lines of a recording, as lastgood backtest reads them. Pure.
import type { ExpectedChange, Expectations, KnownPair } from '../domain/known-answers.ts';
import type { Baseline, Signature } from '../domain/records.ts';
import { isAnswered, Outcome } from '../shared-memory/sample-ring.ts';
import type { RingRow } from '../shared-memory/row-ring.ts';
import { halfToNumber } from '../domain/half.ts';
import { decodeRowInputs } from '../domain/row-codec.ts';
import { NOT_ASKED, sourceText } from '../shared-memory/source-ids.ts';

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

/** What the version before answered to a recorded row. */
export interface TwinText {
  readonly version: string;
  readonly latencyUs: number;
  /** Null when it failed. */
  readonly outputs: ArrayLike<number> | null;
}

function twinText({ version, latencyUs, outputs }: TwinText): string {
  return `,"twin":{"version":${JSON.stringify(version)},"ok":${outputs !== null},` +
    `"latency_ms":${timeOf(latencyUs / 1_000)},"outputs":${outputs === null ? '[]' : arrayOf(outputs)}}`;
}

/** The line of one row; `signature` is given where its inputs are recorded. */
export function sampleText(
  { model, version, tMs }: LineAbout, row: Omit<RingRow, 'atUs'>, signature: Signature | null,
  twin: TwinText | null = null,
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
    (row.source === NOT_ASKED ? '' : `,"source":"${sourceText(row.source)}"`) +
    (twin === null ? '' : twinText(twin)) +
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

/** Failed requests that were asked again of both versions, and what came of them. */
export interface RepeatedRequests {
  readonly own: number;
  readonly shared: number;
  readonly passed: number;
}

/** The line of such requests, those since the one before. */
export function repeatText({ model, version, tMs }: LineAbout, { own, shared, passed }: RepeatedRequests): string {
  return `{"event":"repeat","t":${timeOf(tMs)},"model":${JSON.stringify(model)},"version":${JSON.stringify(version)},` +
    `"own":${own},"shared":${shared},"passed":${passed}}\n`;
}

/** The line of a time in which nothing could be written: since when, and how many samples are missing. */
export function gapText(
  { model, version, tMs }: LineAbout, { sinceMs, samples }: { readonly sinceMs: number; readonly samples: number },
): string {
  return `{"event":"gap","t":${timeOf(tMs)},"model":${JSON.stringify(model)},"version":${JSON.stringify(version)},` +
    `"since":${timeOf(sinceMs)},"samples":${samples}}\n`;
}

/** What is known beforehand of how a version answers beside the one before. */
export interface KnownChange extends Expectations {
  /** Both versions' answers to known questions, those of `expected`; may be none. */
  readonly pairs: readonly KnownPair[];
}

function knownText({ expect, expected, pairs }: KnownChange): string {
  const summary = (of: ExpectedChange): object =>
    ({ against: of.against, expected: of, pairs: pairs.map(({ fresh, twin }) => [fresh, twin]) });
  return (expect === undefined ? '' : `,"expect":${JSON.stringify(expect)}`) +
    (expected === undefined ? '' : `,"twin_summary":${JSON.stringify(summary(expected))}`);
}

/**
 * The line of a generation that begins, or, at the head of a file, of one that goes on. A stored baseline has no rows
 * any more: of one number a row it keeps up to 2,000 values, and those are written as rows; its counts, which the judge
 * reads, stand whole in "summary". Without a baseline it is null.
 */
export function promoteText(
  { model, version, tMs }: LineAbout, baseline: Baseline | null, isContinued: boolean, known: KnownChange | null = null,
): string {
  const isScalar = baseline !== null && !['classes', 'vector', 'sequence'].includes(baseline.kind);
  const kept = isScalar ? baseline.values : [];
  const rows = baseline === null ? 'null' : `[${kept.map((value) => `[${numberOf(value)}]`).join(',')}]`;
  return `{"event":"promote","t":${timeOf(tMs)},"model":${JSON.stringify(model)},` +
    `"version":${JSON.stringify(version)},${isContinued ? '"continued":true,' : ''}"baseline":${rows}` +
    (baseline === null ? '' : `,"kind":${JSON.stringify(baseline.kind)},"summary":${JSON.stringify(baseline)}`) +
    `${known === null ? '' : knownText(known)}}\n`;
}
