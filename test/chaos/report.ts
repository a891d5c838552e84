// The report of a chaos run as text for people: what was tried, what the clients saw, how memory went.
import type { ChaosReport } from './director.ts';

/** Columns of the drawn memory curve. */
const CURVE_POINTS = 40;
const BARS = '▁▂▃▄▅▆▇█';

const mebibytes = (kibibytes: number | undefined): string => `${Math.round((kibibytes ?? 0) / 1_024)} MiB`;

/** One line that shows how `values` went; the lowest bar is 0. */
export function curveOf(values: readonly number[]): string {
  const largest = Math.max(...values, 1);
  const points = Math.min(CURVE_POINTS, values.length);
  return Array.from({ length: points }, (_, at) => {
    const value = values[Math.floor((at * (values.length - 1)) / Math.max(1, points - 1))] ?? 0;
    return BARS[Math.min(BARS.length - 1, Math.floor((value / largest) * BARS.length))];
  }).join('');
}

export function reportText({ requests, faults, residentKib, ...rest }: ChaosReport): string {
  const after = residentKib[Math.min(20, residentKib.length - 1)];
  const soak = `${rest.soakSwaps} swaps in ${Math.round(rest.soakMs / 60_000)} min`;
  const rows: [string, string][] = [
    ['seed', String(rest.seed)],
    ['took', `${Math.round(rest.tookMs / 60_000)} min`],
    ['kill -9', `${rest.kills}; down to ready: median ${rest.restartMsMedian} ms, longest ${rest.restartMsMax} ms`],
    ...Object.entries(faults).sort().map(([name, times]): [string, string] => [`  ${name}`, String(times)]),
    ['changes acknowledged', `${rest.acknowledged}, all there at the end`],
    ['requests', String(requests.sent)],
    ['  answered', String(requests.answered)],
    ['  refused (429, 503, 504)', String(requests.refused)],
    ['  cut by a kill', String(requests.cut)],
    ['  lost', String(requests.lost)],
    ['  wrong', String(requests.wrong)],
    ...(rest.soakMs === 0 ? [] : [
      ['soak', soak],
      ['resident', `${mebibytes(after)} at first, ${mebibytes(residentKib.at(-1))} at the end ${curveOf(residentKib)}`],
    ] satisfies [string, string][]),
    ['exit code', String(rest.exitCode)],
    ...rest.offences.map((text): [string, string] => ['OFFENCE', text]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join('');
}
