// The README's figures of the judge: what the committed result of a whole simulation says. Nothing is typed by hand.
import type { DamageResult } from '../judge/found.ts';
import type { HealthyResult } from '../judge/healthy.ts';
import { foundText, summaryOf } from '../judge/report.ts';
import type { JudgeResult } from '../judge/report.ts';
import { markdown } from './markdown.ts';

export const JUDGE_MARKS = {
  begin: '<!-- figures of a whole simulation: npm run bench:judge -- --out FILE && npm run bench:readme -->',
  end: '<!-- end of the figures of the judge -->',
} as const;

const BEFORE_EARLY = [
  'And versions that are damaged from the first request on. The time to the rollback is the median (the longest) of 5',
  'to 10 runs, or in how many of them it was found in time (`compat`: four hours). 10 % zeros and the class mix are',
  'near their limits (PSI 0.5 of 0.25, 20 points of 10): it takes 500 to 1,000 answers to rule out chance.',
].join(' ');
const BEFORE_LATE = 'The same damages of a generation that answered well for a day (at 1/min) or an hour before; 10 ' +
  'runs a cell, one at 1,000/s:';

const count = (value: number): string => value.toLocaleString('en-US');
const rounded = (value: number, digits: number): number => Number(value.toPrecision(digits));
const sumOf = (results: readonly HealthyResult[], of: (one: HealthyResult) => number): number =>
  results.reduce((sum, one) => sum + of(one), 0);
const daysText = (days: number): string => count(days < 10 ? rounded(days, 2) : Math.round(days));

function groupsOf<T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

function healthyRow(name: string, results: readonly HealthyResult[]): string[] {
  const days = sumOf(results, (one) => one.days);
  const compat = sumOf(results, (one) => one.compat);
  return [
    name, count(rounded(days, days < 1_000 ? 3 : 5)), count(sumOf(results, ({ samples }) => samples)),
    String(compat === 0 ? 0 : rounded(compat / days, 2)), String(sumOf(results, (one) => one.default)),
  ];
}

function healthyText(healthy: readonly HealthyResult[]): string {
  const rows = [...groupsOf(healthy, ({ stream }) => stream)].map(([stream, cells]) => healthyRow(stream, cells));
  return markdown(
    ['healthy stream', 'model-days', 'samples', '`compat`: false rollbacks a day', '`default`: in all'],
    [...rows, healthyRow('all', healthy)]);
}

/** One row a damage; `compatRate` is the one rate for which compat is shown. */
function damagesText(damages: readonly DamageResult[], head: string, compatRate: string | null): string {
  const rates = [...new Set(damages.map(({ rate }) => rate))];
  const rows = [...groupsOf(damages, ({ damage }) => damage)].map(([damage, cells]) => {
    const of = (rate: string): DamageResult | undefined => cells.find((one) => one.rate === rate);
    const cellOf = (rate: string, mode: 'compat' | 'default'): string => {
      const one = of(rate);
      return one === undefined ? '–' : foundText(one[mode], one.runs);
    };
    const compat = compatRate === null ? [] : [cellOf(compatRate, 'compat')];
    return [damage, ...compat, ...rates.map((rate) => cellOf(rate, 'default'))];
  });
  const compat = compatRate === null ? [] : [`\`compat\`, ${compatRate}`];
  const [first = '', ...others] = rates;
  return markdown([head, ...compat, `\`default\`, ${first}`, ...others], rows);
}

function aboutText(result: JudgeResult): string {
  const { healthy, seed } = result;
  const byRate = [...groupsOf(healthy, ({ rate }) => rate)]
    .map(([rate, cells]) => `${daysText(sumOf(cells, ({ days }) => days))} at ${rate}`);
  const days = daysText(sumOf(healthy, (one) => one.days));
  const millions = Math.round(sumOf(healthy, ({ samples }) => samples) / 1e6);
  return [
    '`npm run bench:judge` runs simulated models through the judge by a virtual clock, seeded, with all checks armed',
    `all the time and baselines of 1,000 rows: ${days} healthy model-days (${byRate.join(', ')}), of ${millions}`,
    'million samples. "At 90 %" is as near to a limit of the checks as that. `compat` looks every ten seconds, as',
    `the plain checks do; figures in \`bench/results/judge.json\` (seed ${seed}).`,
    `${summaryOf(result).text.replace('default', '`default`')}.`,
  ].join(' ');
}

/** The section for a result, marks included. */
export function judgeSection(result: JudgeResult): string {
  const early = result.damages.filter(({ wellSeconds }) => wellSeconds === 0);
  const late = result.damages.filter(({ wellSeconds }) => wellSeconds > 0);
  return [
    JUDGE_MARKS.begin,
    aboutText(result),
    healthyText(result.healthy),
    BEFORE_EARLY,
    damagesText(early, 'damage', '1/s'),
    BEFORE_LATE,
    damagesText(late, 'damage that begins late', null),
    JUDGE_MARKS.end,
  ].join('\n\n');
}
