// The simulation's figures as tables, and whether the promise was kept. Pure.
import type { Cell, Table } from '../parts/part.ts';
import { DAMAGES } from './damages.ts';
import type { DamageResult, Delays } from './found.ts';
import type { HealthyResult } from './healthy.ts';
import type { MonitorResult } from './monitor.ts';
import type { PairsResult } from './pairs.ts';
import { STREAMS } from './nasty-streams.ts';

export interface JudgeResult {
  readonly seed: number;
  readonly size: string;
  readonly node: string;
  readonly healthy: readonly HealthyResult[];
  readonly damages: readonly DamageResult[];
  /** Damages that keep the margins; not in results of early builds. */
  readonly pairs?: readonly PairsResult[];
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
    stream, rate, hosts, Number(days.toFixed(3)), samples, perDay(one.compat, days), perDay(one.asked, days),
    one.default, one.told, one.checks.join(' '),
  ]);
  const sum = (of: (one: HealthyResult) => number): number => results.reduce((total, one) => total + of(one), 0);
  const days = sum((one) => one.days);
  rows.push([
    'all', '', sum(({ hosts }) => hosts), Number(days.toFixed(1)), sum(({ samples }) => samples),
    perDay(sum((one) => one.compat), days), perDay(sum((one) => one.asked), days), sum((one) => one.default),
    sum((one) => one.told), '',
  ]);
  return {
    title: 'False rollbacks on healthy streams, all checks armed all the time',
    columns: ['stream', 'rate', 'hosts', 'days', 'samples', 'compat/day', 'asked/day', 'default', 'told', 'by'], rows,
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

const percent = (share: number): string => `${rounded(share * 100)} %`;
const neededText = (needed: PairsResult['told']): string =>
  (needed === null ? 'not always' : `${needed.median} (${needed.most})`);

/** Heads and rows of the damages that keep the margins. */
export function pairsTable(results: readonly PairsResult[]): Table {
  return {
    title: 'Damages that keep the margins: pairs of answers until each is seen, the median (the most)',
    columns: [
      'damage', 'answers that differ', 'a class moves by', 'told after', 'acted on after (--expect same)', 'stated',
    ],
    rows: results.map(({ damage, differing, marginMoves, told, acted, stated }) => [
      damage, percent(differing), percent(marginMoves), neededText(told), neededText(acted), stated,
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
export function summaryOf(
  { healthy, damages, pairs = [] }: JudgeResult,
): { readonly isKept: boolean; readonly text: string } {
  const days = healthy.reduce((total, one) => total + one.days, 0);
  const alarms = healthy.reduce((total, one) => total + one.default, 0) +
    damages.reduce((total, one) => total + one.default.early, 0);
  const missed = damages.filter((one) => one.default.found < one.runs);
  const unseen = pairs.filter(({ told, acted }) => told === null && acted === null);
  const falses = `default: ${alarms} false rollbacks in ${Math.round(days * 10) / 10} healthy model-days`;
  const found = missed.length === 0
    ? `all of ${damages.length} damages found in every run`
    : `not always found: ${missed
      .map(({ damage, rate, wellSeconds }) => `${damage} at ${rate} after ${wellSeconds} s`)
      .join(', ')}`;
  const unseenText = unseen.map((one) => one.damage).join(', ');
  const seen = unseen.length === 0 ? '' : `; pairs do not always show: ${unseenText}`;
  return { isKept: alarms === 0 && missed.length + unseen.length === 0, text: `${falses}; ${found}${seen}` };
}
