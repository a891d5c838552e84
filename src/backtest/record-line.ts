// One line of recorded samples, checked. Pure. The format:
//   {"t":ms,"model":text,"version":text,"latency_ms":number,"ok":boolean,"outputs":[numbers of one row]}
//     optional: "inputs":[numbers], "input":integer (hash of the inputs), "row":n (from 1: a further row of a request;
//     the first has none, and speaks of the request), "nonfinite_input":true (the request held NaN, an infinity or a
//     number above 1.8e19: an answer that is not finite counts against no version; known without it where "inputs" hold
//     one)
//   {"event":"promote","t":ms,"model":text,"version":text,"baseline":[[outputs of one row],…]}
//     optional: "kind" (one of OUTPUT_KINDS; scalar: one number, whatever it means), "summary" (a stored
//     baseline, counts before "baseline"). No baseline at all is null, or left out.
// What JSON has no number for is null, the bare tokens NaN, Infinity and -Infinity, or the same as text.
import { innerReasonOf, lastgoodError, reasonOf } from '../base/errors.ts';
import { type Baseline, OUTPUT_KINDS, type OutputKind } from '../domain/records.ts';

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
}
export type RecordLine = SampleLine | PromoteLine;

/** Strings first, so that what stands in them is left alone. */
const NO_JSON = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b/g;
const SHOWN_CHARACTERS = 60;
/** Dates end at 8.64e15; the clock goes on for a while after the last line. */
const TIME_MS_MAX = 8.6e15;

type Fields = Readonly<Record<string, unknown>>;

class Wrong extends Error {}

/** Reads line number `number` of `path`; throws SAMPLES_INVALID that says what is wrong with it. */
export function parseLine(text: string, path: string, number: number): RecordLine {
  try {
    const fields = parseJson(text);
    return fields['event'] === undefined ? sampleOf(fields) : promoteOf(fields);
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
  const { ok, outputs, inputs, input, row } = fields;
  if (typeof ok !== 'boolean') throw new Wrong(`"ok" is ${shown(ok)}; wanted true or false`);
  const latency = fields['latency_ms'];
  if (typeof latency !== 'number' || !(latency >= 0)) {
    throw new Wrong(`"latency_ms" is ${shown(latency)}; wanted milliseconds, 0 or more`);
  }
  return {
    t: timeOf(fields), model: nameOf(fields, 'model'), version: nameOf(fields, 'version'), latency_ms: latency, ok,
    // A request that failed has nothing to show.
    outputs: !ok && (outputs === undefined || outputs === null) ? [] : numbersOf(outputs, 'outputs'),
    ...(inputs === undefined || inputs === null ? {} : { inputs: numbersOf(inputs, 'inputs') }),
    ...(input === undefined ? {} : { input: integerOf(input, 'input') }),
    ...(row === undefined ? {} : { row: rowOf(row) }),
    ...(fields['nonfinite_input'] === true ? { nonfinite_input: true } : {}),
  };
}

function promoteOf(fields: Fields): PromoteLine {
  const { event, baseline, kind, summary } = fields;
  if (event !== 'promote') throw new Wrong(`"event" is ${shown(event)}; wanted "promote"`);
  if (kind !== undefined && !OUTPUT_KINDS.includes(kind as OutputKind)) {
    throw new Wrong(`"kind" is ${shown(kind)}; wanted one of ${OUTPUT_KINDS.join(', ')}`);
  }
  const stored = isBaseline(summary) ? summary : undefined;
  return {
    event, t: timeOf(fields), model: nameOf(fields, 'model'), version: nameOf(fields, 'version'),
    baseline: baselineRowsOf(baseline, stored !== undefined),
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

function isBaseline(value: unknown): value is Baseline {
  if (value === undefined || value === null) return false;
  const { values, kind, rows, mean, standardDeviation } = value as Partial<Baseline>;
  if (Array.isArray(values) && OUTPUT_KINDS.includes(kind!) && typeof rows === 'number' && typeof mean === 'number' &&
    typeof standardDeviation === 'number') return true;
  throw new Wrong(`"summary" is ${shown(value)}; wanted a baseline as lastgood serve --record writes it`);
}

function timeOf({ t }: Fields): number {
  if (typeof t === 'number' && t >= 0 && t <= TIME_MS_MAX) return t;
  throw new Wrong(`"t" is ${shown(t)}; wanted a time in milliseconds`);
}

function nameOf(fields: Fields, key: 'model' | 'version'): string {
  const name = fields[key];
  if (typeof name === 'string' && name !== '') return name;
  // Versions are often whole numbers, and writers of JSON take them at their word.
  if (key === 'version' && typeof name === 'number') return String(name);
  throw new Wrong(`"${key}" is ${shown(name)}; wanted a name`);
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

function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
