// The figures of the simulation on the page of the judge: healthy streams, damages that keep the margins, and five
// libraries on the same laws. From the committed results; nothing is typed by hand.
import type { HealthyResult } from '../judge/healthy.ts';
import type { PairsResult } from '../judge/pairs.ts';
import type { JudgeResult } from '../judge/report.ts';
import { markdown } from './markdown.ts';

export const JUDGE_PAGE_MARKS = {
  begin: '<!-- figures by pairs: npm run bench:judge -- --out FILE && npm run bench:readme -->',
  end: '<!-- end of the figures by pairs -->',
} as const;

/** What bench/judge/peers/run.py writes. */
export interface PeersResult {
  readonly healthyStreams: number;
  readonly healthyDays: number;
  readonly damagedStreams: number;
  readonly batch: number;
  readonly results: readonly {
    readonly library: string;
    readonly version: string;
    readonly detector: string;
    readonly asked: string;
    readonly falsePerDay?: number;
    readonly found?: readonly string[];
    /** Why it could not be run. */
    readonly failed?: string;
  }[];
}

const count = (value: number): string => value.toLocaleString('en-US');
const perDay = (events: number, days: number): string =>
  String(events === 0 ? 0 : Number((events / days).toPrecision(2)));
const sumOf = (all: readonly HealthyResult[], of: (one: HealthyResult) => number): number =>
  all.reduce((sum, one) => sum + of(one), 0);

function healthyRow(name: string, about: string, all: readonly HealthyResult[]): string[] {
  const days = sumOf(all, (one) => one.days);
  return [
    name, about, String(Number(days.toPrecision(3))), perDay(sumOf(all, (one) => one.compat), days),
    perDay(sumOf(all, (one) => one.asked), days), String(sumOf(all, (one) => one.default)),
  ];
}

function healthyText(healthy: readonly HealthyResult[]): string {
  const names = [...new Set(healthy.map(({ stream }) => stream))];
  const rows = names.map((name) => {
    const all = healthy.filter(({ stream }) => stream === name);
    return healthyRow(name, all[0]!.about, all);
  });
  return markdown(
    ['healthy stream', '', 'model-days', '`compat`: rollbacks a day', 'alarms a day', '`default`: rollbacks, in all'],
    [...rows, healthyRow('all', '', healthy)]);
}

const neededText = (needed: PairsResult['told']): string =>
  (needed === null ? 'not always' : `${count(needed.median)} (${count(needed.most)})`);
const percent = (share: number): string => `${Number((share * 100).toPrecision(2))} %`;

const pairsText = (pairs: readonly PairsResult[]): string => markdown(
  ['damage', '', 'answers that differ', 'a class moves by', 'told after', 'acted on after, with `--expect same`'],
  pairs.map(({ damage, about, differing, marginMoves, told, acted }) =>
    [damage, about, percent(differing), percent(marginMoves), neededText(told), neededText(acted)]));

function peersText({ results, damagedStreams }: PeersResult): string {
  const rows = results.map(({ library, version, detector, asked, falsePerDay, found, failed }) => [
    `${library} ${version}`, detector, asked,
    failed ?? count(Number((falsePerDay ?? 0).toPrecision(3))),
    failed === undefined ? `${found?.length ?? 0} of ${damagedStreams}` : '–',
  ]);
  return markdown(['library', 'detector', 'asked', 'false alarms a healthy stream-day', 'damages found'], rows);
}

/** The section, marks included; `peers` is null while the libraries were not run. */
export function judgePageSection({ healthy, pairs = [], seed }: JudgeResult, peers: PeersResult | null): string {
  const runs = pairs[0]?.runs ?? 0;
  return [
    JUDGE_PAGE_MARKS.begin,
    `\`npm run bench:judge\`, seed ${seed}: streams of models with which nothing is wrong, by a virtual clock, with ` +
      'all checks armed all the time, and the version before asked the same questions as often as the engine would ' +
      'ask it. An alarm is a check that asks for a rollback; `default` asks pairs first.',
    healthyText(healthy),
    'Damages that keep the margins, by a small classifier: pairs of answers until each is seen, the median (the ' +
      `most) of ${runs} runs. Where nobody announced a change it is told; where the same function was announced it ` +
      'is acted on.',
    pairsText(pairs),
    ...(peers === null ? [] : [
      `Five libraries at their defaults (\`bench/judge/peers\`) on the answers of ${peers.healthyStreams} of these ` +
        `healthy streams and of ${peers.damagedStreams} damaged ones, two hours each at one answer a second. They ` +
        'raise alarms and act on nothing; none asks the version before.',
      peersText(peers),
    ]),
    JUDGE_PAGE_MARKS.end,
  ].join('\n\n');
}
