// `npm run chaos`: chaos at full size, with its report as a table for people and, with --json or --out, as data.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runChaos } from './director.ts';
import { runMemoryAttacks } from './memory/director.ts';
import { memoryText } from './memory/report.ts';
import { reportText } from './report.ts';

const HELP = `Kills, corrupts, fills, floods, promotes and rolls back a running engine while clients keep a ledger.

  npm run chaos -- [--kills N] [--kill-minutes M] [--soak-minutes M] [--seed S] [--out FILE] [--json]
  npm run chaos -- memory [--minutes M] [--limit-mib N] [--seed S] [--out FILE] [--json]

  --kills N         go on until so many kill -9 are done (default 500; 0 for none)
  --kill-minutes M  but no longer than this
  --soak-minutes M  then a swap a second for so long (default 60; 0 for none)
  --seed S          what chance begins with; the same seed tries the same faults (default 1)
  --minutes M       memory: attack it so long (default 60)
  --limit-mib N     memory: in a control group of so much (default 1024)
  --out FILE        write the report as JSON there
  --json            print the report as JSON

memory: clients that want more memory than there is, beside others that ask for little.

Exit code 0 when no request was lost or answered wrongly and everything acknowledged was there; of memory when nothing
was killed, no innocent version was rolled back and every bystander was answered.
`;
/** Beside other work on the machine no innocent run takes so long. */
const HUNG_MS = 20_000;
/** Without a terminal a line of progress comes so often. */
const PROGRESS_MS = 30_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    kills: { type: 'string', default: '500' },
    'kill-minutes': { type: 'string' },
    'soak-minutes': { type: 'string', default: '60' },
    minutes: { type: 'string', default: '60' },
    'limit-mib': { type: 'string', default: '1024' },
    out: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function sizeOf(name: string, text: string): number {
  const size = Number(text);
  if (Number.isFinite(size) && size >= 0) return size;
  throw new Error(`read --${name}: it is "${text}"; wanted a number from 0 on`);
}

let toldMs = 0;
function tell(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${line}`);
  else if (performance.now() - toldMs >= PROGRESS_MS) {
    toldMs = performance.now();
    process.stderr.write(`${line}\n`);
  }
}

function publish(report: object, text: string, isGood: boolean): void {
  if (process.stderr.isTTY) process.stderr.write('\n');
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (values.out !== undefined) writeFileSync(values.out, json);
  process.stdout.write(values.json ? json : text);
  process.exitCode = isGood ? 0 : 1;
}

async function faults(): Promise<void> {
  const report = await runChaos({
    seed: sizeOf('seed', values.seed),
    kills: sizeOf('kills', values.kills),
    ...(values['kill-minutes'] !== undefined && {
      killsMsMax: sizeOf('kill-minutes', values['kill-minutes']) * 60_000,
    }),
    soakMs: sizeOf('soak-minutes', values['soak-minutes']) * 60_000,
    hungMs: HUNG_MS,
    onProgress: tell,
  });
  publish(report, reportText(report), report.offences.length === 0 && report.exitCode === 0);
}

async function memory(): Promise<void> {
  const report = await runMemoryAttacks({
    seed: sizeOf('seed', values.seed), ms: sizeOf('minutes', values.minutes) * 60_000,
    limitBytes: sizeOf('limit-mib', values['limit-mib']) * 1024 ** 2, onProgress: tell,
  });
  publish(report, memoryText(report), report.offences.length === 0 && report.exitCode === 0);
}

const [what] = positionals;
if (values.help) process.stdout.write(HELP);
else if (what === undefined) await faults();
else if (what === 'memory') await memory();
else throw new Error(`read the command line: "${what}" is none of its words; wanted memory or nothing`);
