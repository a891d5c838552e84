// What a part of the benchmark is given and what it hands back.
import { giveTurn } from '../contenders/contender.ts';
import type { Contender, Field } from '../contenders/contender.ts';
import { runGenerator } from '../load/generator.ts';
import type { LoadResult } from '../load/result.ts';
import { runWrk, wrkVersion } from '../load/wrk.ts';
import { column } from '../measure/rounds.ts';
import type { Measured } from '../measure/rounds.ts';
import { median, roundRatios, spread } from '../measure/statistics.ts';
import type { PartName, Settings } from '../settings.ts';

export type Cell = string | number | null;

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** One line of what the engine must reach. */
export interface Goal {
  readonly measure: string;
  readonly goal: string;
  readonly measured: number;
  readonly unit: string;
  readonly isMet: boolean;
}

/** Bars of the chart, one group for each label. */
export interface ChartGroup {
  readonly label: string;
  readonly bars: readonly { readonly name: string; readonly value: number }[];
}

export interface PartResult {
  readonly name: PartName;
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  readonly notes: readonly string[];
  readonly chart?: readonly ChartGroup[];
}

export interface PartContext {
  readonly settings: Settings;
  /** A folder of this run, for models and data. */
  readonly folder: string;
  readonly progress: (what: string) => void;
  /** Requests a second that an earlier part found, by contender; what is missing is measured again. */
  readonly peaks: Map<string, number>;
}

export type Part = (context: PartContext) => Promise<PartResult>;

const hasWrk = wrkVersion() !== null;
/** wrk counts in whole seconds. */
const WRK_SECONDS_MIN = 1;

/** Closed-loop HTTP load: by wrk when it is there and the spell is long enough, else by the bundled generator. */
export function closedHttpLoad(
  { settings, folder }: PartContext, contender: Contender, connections: number, seconds: number,
): Promise<LoadResult> {
  const cpus = settings.cpus.generator;
  const isLong = seconds >= WRK_SECONDS_MIN;
  if (hasWrk && isLong) return runWrk(contender, connections, Math.round(seconds), folder, cpus);
  return runGenerator(contender, { connections, seconds, rate: null, cpus });
}

/** Lets every contender get warm: code compiled, memory grown. */
export async function warmUp(context: PartContext, field: Field, connections: number): Promise<void> {
  const { settings } = context;
  for (const contender of field.contenders) {
    if (contender.transport !== 'http') continue;
    context.progress(`warming up ${contender.name}`);
    giveTurn(field, contender);
    const load = { connections, seconds: settings.size.warmSeconds, rate: null, cpus: settings.cpus.generator };
    await runGenerator(contender, load);
  }
}

/** What is lost of the throughput, in percent, by round; and how far the rounds agree about it, as a note. */
export function throughputLost(
  over: readonly Measured[], under: readonly Measured[],
): { readonly lost: number; readonly agreement: string } {
  const speeds = (those: readonly Measured[]): number[] =>
    those.flatMap((one) => column(one, (turn) => turn.requestsPerSecond));
  const ratios = roundRatios(speeds(over), speeds(under));
  const halfSpan = (spread(ratios) * 100).toFixed(1);
  return {
    lost: (1 - median(ratios)) * 100,
    agreement: `throughput lost, by round: half the span between the quartiles of ${ratios.length} is ${halfSpan} %`,
  };
}

/** A goal that is met at `limit` or above. */
export function atLeast(measure: string, limit: number, unit: string, measured: number): Goal {
  return { measure, goal: `≥ ${limit}${unit}`, measured, unit, isMet: measured >= limit };
}

/** A goal that is met at `limit` or below. */
export function atMost(measure: string, limit: number, unit: string, measured: number): Goal {
  return { measure, goal: `≤ ${limit}${unit}`, measured, unit, isMet: measured <= limit };
}

/** A figure with three significant digits, as a number. */
export function rounded(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(3)) : null;
}
