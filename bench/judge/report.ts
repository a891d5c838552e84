// The simulation's figures as tables, and whether the promise was kept. Pure.
import type { Cell, Table } from '../parts/part.ts';
import { DAMAGES } from './damages.ts';
import type { DamageResult, Delays } from './found.ts';
import type { HealthyResult } from './healthy.ts';
import type { MonitorResult } from './monitor.ts';
import { STREAMS } from './streams.ts';

export interface JudgeResult {
  readonly seed: number;
  readonly size: string;
  readonly node: string;
  readonly healthy: readonly HealthyResult[];
  readonly damages: readonly DamageResult[];
  readonly monitor: MonitorResult | null;
  readonly cpuSeconds: number;
}

/** What is simulated, in words. */
export function aboutText(): string {
  const all = [...STREAMS, ...DAMAGES];
  const width = Math.max(...all.map(({ name }) => name.length));
  return all.map(({ name, about }) => `${name.padEnd(width)}  ${about}`).join('\n');
}

const rounded = (value: number): number => Number(value.toPrecision(2));
const perDay = (alarms: number, days: number): Cell => (alarms === 0 ? 0 : rounded(alarms / days));

export function healthyTable(results: readonly HealthyResult[]): Table {
  const rows: Cell[][] = results.map(({ stream, rate, hosts, days, samples, ...one }) => [
    stream, rate, hosts, Number(days.toFixed(3)), samples, perDay(one.compat, days), perDay(one.default, days),
    one.default, one.checks.join(' '),
  ]);
  const sum = (of: (one: HealthyResult) => number): number => results.reduce((total, one) => total + of(one), 0);
  const days = sum((one) => one.days);
  rows.push([
    'all', '', sum(({ hosts }) => hosts), Number(days.toFixed(1)), sum(({ samples }) => samples),
    perDay(sum((one) => one.compat), days), perDay(sum((one) => one.default), days), sum((one) => one.default), '',
  ]);
  return {
    title: 'False rollbacks on healthy streams, all checks armed all the time',
    columns: ['stream', 'rate', 'hosts', 'days', 'samples', 'compat/day', 'default/day', 'default', 'by'], rows,
  };
}

/** Writes a delay: "14 s", "8.3 min", "5.2 h". */
export function delayText(seconds: number | null): string {
  if (seconds === null) return '–';
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7_200 ? `${rounded(seconds / 60)} min` : `${rounded(seconds / 3_600)} h`;
}

/** The median delay (the longest), or in how many runs it was found. */
export const foundText = ({ found, median, longest }: Delays, runs: number): string =>
  (found === runs ? `${delayText(median)} (${delayText(longest)})` : `${found} of ${runs}`);

export function damageTable(results: readonly DamageResult[]): Table {
  return {
    title: "Time from the damage's first request to the rollback: median (longest), or in how many runs it was found",
    columns: ['damage', 'rate', 'begins after', 'runs', 'looked for', 'compat', 'default', 'by', 'too early'],
    rows: results.map(({ damage, rate, runs, wellSeconds, secondsMax, ...one }) => [
      damage, rate, delayText(wellSeconds), runs, delayText(secondsMax), foundText(one.compat, runs),
      foundText(one.default, runs), one.default.checks.join(' '), one.default.early,
    ]),
  };
}

export function monitorTable({ rings, samples, seconds, samplesPerSecond, looks }: MonitorResult): Table {
  return {
    title: 'The monitor on one core: rings to verdicts',
    columns: ['rings', 'samples', 'CPU s', 'looks', 'samples/s'],
    rows: [[rings, samples, Number(seconds.toFixed(2)), looks, Math.round(samplesPerSecond)]],
  };
}

/** Whether default kept what it promises, in a sentence. */
export function summaryOf({ healthy, damages }: JudgeResult): { readonly isKept: boolean; readonly text: string } {
  const days = healthy.reduce((total, one) => total + one.days, 0);
  const alarms = healthy.reduce((total, one) => total + one.default, 0) +
    damages.reduce((total, one) => total + one.default.early, 0);
  const missed = damages.filter((one) => one.default.found < one.runs);
  const falses = `default: ${alarms} false rollbacks in ${Math.round(days * 10) / 10} healthy model-days`;
  const found = missed.length === 0
    ? `all of ${damages.length} damages found in every run`
    : `not always found: ${missed
      .map(({ damage, rate, wellSeconds }) => `${damage} at ${rate} after ${wellSeconds} s`)
      .join(', ')}`;
  return { isKept: alarms === 0 && missed.length === 0, text: `${falses}; ${found}` };
}
