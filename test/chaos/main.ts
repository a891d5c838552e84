// `npm run chaos`: chaos at full size, with its report as a table for people or, with --json, as data.
import { parseArgs } from 'node:util';
import { runChaos } from './director.ts';
import type { ChaosReport } from './director.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '500' },
    'soak-minutes': { type: 'string', default: '60' },
    json: { type: 'boolean', default: false },
  },
});

const report = await runChaos({
  seed: Number(values.seed),
  kills: Number(values.kills),
  soakMs: Number(values['soak-minutes']) * 60_000,
  onProgress: (line) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
  },
});
if (process.stderr.isTTY) process.stderr.write('\n');
process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
process.exitCode = report.requests.lost + report.requests.wrong === 0 && report.exitCode === 0 ? 0 : 1;

function textOf({ requests, faults, residentKib, ...rest }: ChaosReport): string {
  const mib = (kib: number | undefined): string => `${Math.round((kib ?? 0) / 1_024)} MiB`;
  const after = residentKib[Math.min(20, residentKib.length - 1)];
  const rows: [string, string][] = [
    ['seed', String(rest.seed)],
    ['took', `${Math.round(rest.tookMs / 60_000)} min`],
    ['kills', `${rest.kills}; kill to ready again: median ${rest.restartMsMedian} ms, longest ${rest.restartMsMax} ms`],
    ...Object.entries(faults).map(([name, times]): [string, string] => [`  ${name}`, String(times)]),
    ['changes acknowledged', `${rest.acknowledged}, all there at the end`],
    ['requests', String(requests.sent)],
    ['  answered', String(requests.answered)],
    ['  refused', String(requests.refused)],
    ['  cut by a kill', String(requests.cut)],
    ['lost', String(requests.lost)],
    ['wrong answers', String(requests.wrong)],
    ['soak', `${rest.soakSwaps} swaps; resident ${mib(after)} after the first, ${mib(residentKib.at(-1))} at the end`],
    ['exit code', String(rest.exitCode)],
    ...rest.offences.map((text): [string, string] => ['OFFENCE', text]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join('');
}
