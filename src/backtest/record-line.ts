// One line of recorded samples, checked. Pure. The format:
//   {"t":ms,"model":text,"version":text,"latency_ms":number,"ok":boolean,"outputs":[numbers of one row]}
//     optional: "inputs":[numbers], "input":integer (hash of the inputs), "row":n (from 1: a further row of a request;
//     the first has none, and speaks of the request), "nonfinite_input":true (the request held NaN, an infinity or a
//     number above 1.8e19: an answer that is not finite counts against no version; known without it where "inputs" hold
//     one), "source":text (who asked: hashes; requests of one source are told apart from those of others),
//     "twin":{"version":text,"ok":boolean,"latency_ms":number,"outputs":[numbers]} (what the version before answered to
//     the same question; absent where it was not asked)
//   {"event":"promote","t":ms,"model":text,"version":text,"baseline":[[outputs of one row],…]}
//     optional: "kind" (one of OUTPUT_KINDS; scalar: one number, whatever it means), "summary" (a stored
//     baseline, counts before "baseline"), "twin_baseline":[[numbers of one row] or null,…] (what the version before
//     answers to the rows of "baseline", row by row), "expect" (same, change=PERCENT), "twin_summary" (stored pairs of
//     both versions' answers to known questions, counts before "twin_baseline"). No baseline is null, or left out.
//   {"event":"repeat","t":ms,"model":text,"version":text,"own":n,"shared":n,"passed":n}
//     failed requests that were asked again: the version fails n again that the one before answers, both fail n, and
//     the version answers n now.
//   {"event":"gap","t":ms,"model":text,"version":text,"since":ms,"samples":n}
//     nothing could be written since then, and so many samples are missing.
// What JSON has no number for is null, the bare tokens NaN, Infinity and -Infinity, or the same as text.
import { innerReasonOf, lastgoodError, reasonOf } from '../base/errors.ts';
import type { Expect } from '../domain/known-answers.ts';
import { expectOf } from '../domain/known-answers.ts';
import { type Baseline, OUTPUT_KINDS, type OutputKind } from '../domain/records.ts';
import { type KnownTwin, knownTwinOf } from './known-twin.ts';
import { isWholeCount, shown, Wrong } from './wrong.ts';

export interface SampleLine {
  readonly event?: undefined;
  readonly t: number;
  readonly model: string;
  readonly version: string;
  readonly latency_ms: number;
  readonly ok: boolean;
  /** Numbers of one row; what was no finite number is NaN. */
  readonly outputs: readonly number[];
  readonly inputs?: readonly number[] | undefined;
  readonly input?: number | undefined;
  readonly row?: number | undefined;
  readonly nonfinite_input?: boolean | undefined;
  readonly source?: string | undefined;
  readonly twin?: TwinAnswer | undefined;
}
/** What the version before answered to the same question. */
export interface TwinAnswer {
  readonly version: string;
  readonly ok: boolean;
  readonly latency_ms: number;
  /** Empty when it failed. */
  readonly outputs: readonly number[];
}
export interface PromoteLine {
  readonly event: 'promote';
  readonly t: number;
  readonly model: string;
  readonly version: string;
  readonly baseline: readonly (readonly number[])[];
  readonly kind?: OutputKind | undefined;
  readonly summary?: Baseline | undefined;
  /** The head of a file: the version goes on, if it is known to answer. */
  readonly continued?: boolean | undefined;
  /** By row of the baseline; null where the version before has no answer. */
  readonly twinBaseline?: readonly (readonly number[] | null)[] | undefined;
  readonly expect?: Expect | undefined;
  readonly known?: KnownTwin | undefined;
}
/** Failed requests that were asked again of the version and of the one before, since the last such line. */
export interface RepeatLine {
  readonly event: 'repeat';
  readonly t: number;
  readonly model: string;
  readonly version: string;
  readonly own: number;
  readonly shared: number;
  readonly passed: number;
}
/** The recorder could write nothing from `since` until `t`. */
export interface GapLine {
  readonly event: 'gap';
  readonly t: number;
  readonly model: string;
  readonly version: string;
  readonly since: number;
  readonly samples: number;
}
export type RecordLine = SampleLine | PromoteLine | RepeatLine | GapLine;

/** Strings first, so that what stands in them is left alone. */
const NO_JSON = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;
/** Dates end at 8.64e15; the clock goes on for a while after the last line. */
const TIME_MS_MAX = 8.6e15;
const SOURCE_CHARACTERS_MAX = 200;

type Fields = Readonly<Record<string, unknown>>;

/** Reads line number `number` of `path`; throws SAMPLES_INVALID that says what is wrong with it. */
export function parseLine(text: string, path: string, number: number): RecordLine {
  try {
    const fields = parseJson(text);
    switch (fields['event']) {
      case undefined: return sampleOf(fields);
      case 'promote': return promoteOf(fields);
      case 'repeat': return repeatOf(fields);
      case 'gap': return gapOf(fields);
      default: throw new Wrong(`"event" is ${shown(fields['event'])}; wanted "promote", "repeat" or "gap"`);
    }
  } catch (error) {
    throw error instanceof Wrong ? badLine(path, number, error.message) : error;
  }
}

/** The error for line number `number`. */
export function badLine(path: string, number: number, why: unknown): Error {
  return lastgoodError('SAMPLES_INVALID', { path, line: String(number), reason: innerReasonOf(why) });
}

function parseJson(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    value = parseTokens(text, error);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Wrong(`it is ${shown(value)}; wanted a JSON object`);
}

function parseTokens(text: string, error: unknown): unknown {
  try {
    return JSON.parse(text.replace(NO_JSON, (found) => (found.startsWith('"') ? found : 'null')));
  } catch {
    throw new Wrong(`it is no JSON (${reasonOf(error)})`);
  }
}

function sampleOf(fields: Fields): SampleLine {
  const { inputs, input, row, source, twin } = fields;
  return {
    t: timeOf(fields), model: nameOf(fields, 'model'), version: nameOf(fields, 'version'), ...answerOf(fields, ''),
    ...(inputs === undefined || inputs === null ? {} : { inputs: numbersOf(inputs, 'inputs') }),
    ...(input === undefined ? {} : { input: integerOf(input, 'input') }),
    ...(row === undefined ? {} : { row: rowOf(row) }),
    ...(fields['nonfinite_input'] === true ? { nonfinite_input: true } : {}),
    ...(source === undefined || source === null ? {} : { source: sourceOf(source) }),
    ...(twin === undefined || twin === null ? {} : { twin: twinOf(twin) }),
  };
}

// `of` is put before the names of what is wrong.
function answerOf(fields: Fields, of: string): Omit<TwinAnswer, 'version'> {
  const { ok, outputs, latency_ms: latency } = fields;
  if (typeof ok !== 'boolean') throw new Wrong(`"${of}ok" is ${shown(ok)}; wanted true or false`);
  if (typeof latency !== 'number' || !(latency >= 0)) {
    throw new Wrong(`"${of}latency_ms" is ${shown(latency)}; wanted milliseconds, 0 or more`);
  }
  // A request that failed has nothing to show.
  const isNone = !ok && (outputs === undefined || outputs === null);
  return { latency_ms: latency, ok, outputs: isNone ? [] : numbersOf(outputs, `${of}outputs`) };
}

function twinOf(twin: unknown): TwinAnswer {
  if (typeof twin !== 'object' || Array.isArray(twin)) {
    throw new Wrong(`"twin" is ${shown(twin)}; wanted what the version before answered, as an object`);
  }
  return { version: nameOf(twin as Fields, 'version', 'twin.'), ...answerOf(twin as Fields, 'twin.') };
}

function sourceOf(source: unknown): string {
  if (typeof source === 'string' && source !== '' && source.length <= SOURCE_CHARACTERS_MAX) return source;
  throw new Wrong(`"source" is ${shown(source)}; wanted a text of at most ${SOURCE_CHARACTERS_MAX} characters`);
}

function repeatOf(fields: Fields): RepeatLine {
  return {
    event: 'repeat', t: timeOf(fields), model: nameOf(fields, 'model'), version: nameOf(fields, 'version'),
    own: countOf(fields, 'own'), shared: countOf(fields, 'shared'), passed: countOf(fields, 'passed'),
  };
}

function gapOf(fields: Fields): GapLine {
  return {
    event: 'gap', t: timeOf(fields), model: nameOf(fields, 'model'), version: nameOf(fields, 'version'),
    since: timeOf(fields, 'since'), samples: countOf(fields, 'samples'),
  };
}

function countOf(fields: Fields, key: string): number {
  const value = fields[key];
  if (isWholeCount(value)) return value;
  throw new Wrong(`"${key}" is ${shown(value)}; wanted a whole number, 0 or more`);
}

function promoteOf(fields: Fields): PromoteLine {
  const { baseline, kind, summary, expect, twin_baseline: twinBaseline, twin_summary: known } = fields;
  if (kind !== undefined && !OUTPUT_KINDS.includes(kind as OutputKind)) {
    throw new Wrong(`"kind" is ${shown(kind)}; wanted one of ${OUTPUT_KINDS.join(', ')}`);
  }
  const stored = isBaseline(summary) ? summary : undefined;
  const rows = baselineRowsOf(baseline, stored !== undefined);
  return {
    event: 'promote', t: timeOf(fields), model: nameOf(fields, 'model'), version: nameOf(fields, 'version'),
    baseline: rows,
    ...(twinBaseline === undefined || twinBaseline === null
      ? {} : { twinBaseline: twinBaselineOf(twinBaseline, rows) }),
    ...(expect === undefined ? {} : { expect: expectTextOf(expect) }),
    ...(known === undefined ? {} : { known: knownTwinOf(known) }),
    ...(kind === undefined ? {} : { kind: kind as OutputKind }),
    // Written by the recorder from the registry; what is wrong with one shows when it is used.
    ...(fields['continued'] === true ? { continued: true } : {}),
    ...(stored === undefined ? {} : { summary: stored }),
  };
}

// The rows are wanted as in a baseline file. Beside a stored baseline there may be none: nobody has kept them.
function baselineRowsOf(baseline: unknown, isStored: boolean): readonly (readonly number[])[] {
  if (baseline === undefined || baseline === null) return [];
  if (!Array.isArray(baseline)) throw new Wrong(`"baseline" is ${shown(baseline)}; wanted an array of rows of outputs`);
  if (baseline.length === 0 && !isStored) {
    throw new Wrong('"baseline" has no rows; wanted at least one, or null for a version without a baseline');
  }
  const rows = (baseline as unknown[]).map((row, index) =>
    numbersOf(Array.isArray(row) ? row : [row], `baseline[${index}]`));
  const width = rows[0]?.length ?? 0;
  for (const [index, row] of rows.entries()) {
    if (row.length === 0) throw new Wrong(`"baseline" has no outputs in row ${index}; wanted at least one`);
    if (row.length !== width) {
      throw new Wrong(`"baseline" has ${row.length} outputs in row ${index} and ${width} in row 0; ` +
        'wanted rows of one length');
    }
    if (!row.every(Number.isFinite)) {
      throw new Wrong(`"baseline" holds a number that is not finite in row ${index}; wanted finite numbers`);
    }
  }
  return rows;
}

function twinBaselineOf(value: unknown, rows: readonly (readonly number[])[]): readonly (readonly number[] | null)[] {
  if (!Array.isArray(value) || value.length !== rows.length) {
    const given = Array.isArray(value) ? `has ${value.length} rows` : `is ${shown(value)}`;
    throw new Wrong(`"twin_baseline" ${given}; wanted an answer for each of the ${rows.length} rows of "baseline"`);
  }
  return (value as unknown[]).map((row, index) => {
    if (row === null) return null;
    const numbers = numbersOf(Array.isArray(row) ? row : [row], `twin_baseline[${index}]`);
    const width = rows[index]!.length;
    if (numbers.length === width) return numbers;
    throw new Wrong(`"twin_baseline" has ${numbers.length} outputs in row ${index}; wanted ${width}, as in "baseline"`);
  });
}

function expectTextOf(value: unknown): Expect {
  const found = typeof value === 'string' ? expectOf(value) : null;
  if (found !== null) return found.expect;
  throw new Wrong(`"expect" is ${shown(value)}; wanted same, or change=PERCENT`);
}

function isBaseline(value: unknown): value is Baseline {
  if (value === undefined || value === null) return false;
  const { values, kind, rows, mean, standardDeviation } = value as Partial<Baseline>;
  if (Array.isArray(values) && OUTPUT_KINDS.includes(kind!) && typeof rows === 'number' && typeof mean === 'number' &&
    typeof standardDeviation === 'number') return true;
  throw new Wrong(`"summary" is ${shown(value)}; wanted a baseline as lastgood serve --record writes it`);
}

function timeOf(fields: Fields, key = 't'): number {
  const t = fields[key];
  if (typeof t === 'number' && t >= 0 && t <= TIME_MS_MAX) return t;
  throw new Wrong(`"${key}" is ${shown(t)}; wanted a time in milliseconds`);
}

function nameOf(fields: Fields, key: 'model' | 'version', of = ''): string {
  const name = fields[key];
  if (typeof name === 'string' && name !== '') return name;
  // Versions are often whole numbers, and writers of JSON take them at their word.
  if (key === 'version' && typeof name === 'number') return String(name);
  throw new Wrong(`"${of}${key}" is ${shown(name)}; wanted a name`);
}

function numbersOf(value: unknown, key: string): readonly number[] {
  if (!Array.isArray(value)) {
    throw new Wrong(`"${key}" is ${shown(value)}; wanted an array of numbers, those of one row`);
  }
  for (let at = 0; at < value.length; at += 1) {
    const number: unknown = value[at];
    if (typeof number === 'number') continue;
    if (number === null || number === 'NaN' || number === 'Infinity' || number === '-Infinity') value[at] = NaN;
    else throw new Wrong(`"${key}" holds ${shown(number)}; wanted numbers`);
  }
  return value as number[];
}

function integerOf(value: unknown, key: string): number {
  if (Number.isInteger(value)) return value as number;
  throw new Wrong(`"${key}" is ${shown(value)}; wanted a whole number`);
}

function rowOf(value: unknown): number {
  if (integerOf(value, 'row') >= 1) return value as number;
  throw new Wrong(`"row" is ${shown(value)}; wanted 1 or more for a further row of a request, and none for its first`);
}
