// `npm run bench`: runs the parts one after the other, prints progress, tables and goals, and writes result.json and
// chart.svg. Linux only: CPU time comes from /proc.
import '../src/base/telemetry-off.ts';
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve, join } from 'node:path';
import { packageRoot } from '../src/base/package-root.ts';
import { temporaryFolder } from './contenders/lastgood.ts';
import { describeOrigin } from './measure/machine.ts';
import { compute } from './parts/compute.ts';
import { fair } from './parts/fair.ts';
import { idle } from './parts/idle.ts';
import { json } from './parts/json.ts';
import { judge } from './parts/judge.ts';
import { latency } from './parts/latency.ts';
import { micro } from './parts/micro.ts';
import { overload } from './parts/overload.ts';
import { pairs } from './parts/pairs.ts';
import type { Part, PartResult } from './parts/part.ts';
import { page } from './parts/page.ts';
import { restart } from './parts/restart.ts';
import { rollout } from './parts/rollout.ts';
import { scrape } from './parts/scrape.ts';
import { stacking } from './parts/stacking.ts';
import { swaps } from './parts/swaps.ts';
import { throughput } from './parts/throughput.ts';
import { websocket } from './parts/websocket.ts';
import { chartSvg } from './report/chart.ts';
import { goalTable, partText, tableText } from './report/table.ts';
import { HELP, readSettings } from './settings.ts';
import type { PartName, Settings } from './settings.ts';

const PART_OF: Readonly<Record<PartName, Part>> = {
  throughput, latency, websocket, compute, judge, pairs, scrape, rollout, swaps, overload, json, idle, page, fair,
  restart, stacking, micro,
};

/** Their servers have work for two CPUs, or are left alone. */
const WIDE: readonly PartName[] = ['compute', 'overload', 'idle', 'fair', 'restart'];

const WIPE = '\r\u001b[K';

/** One line that is redrawn on a terminal; a line for each step elsewhere. */
function progressLine(): (what: string) => void {
  const startMs = performance.now();
  return (what) => {
    const line = `[${Math.round((performance.now() - startMs) / 1e3)} s] ${what}`;
    const { isTTY, columns } = process.stderr;
    process.stderr.write(isTTY ? `${WIPE}${line.slice(0, (columns || 80) - 1)}` : `${line}\n`);
  };
}

async function run(settings: Settings, args: readonly string[]): Promise<void> {
  const origin = describeOrigin(args, new Date(), settings.cpus);
  const { processor, cores, system, node, generator, commit } = origin;
  console.log(`${processor}, ${cores} cores, ${system}, Node ${node}, ${generator}, commit ${commit}`);
  const folder = temporaryFolder('run');
  const progress = progressLine();
  const results: PartResult[] = [];
  const context = { folder: folder.path, peaks: new Map<string, number>() };
  try {
    for (const name of settings.parts) {
      const cpus = WIDE.includes(name) ? settings.wideCpus : settings.cpus;
      const say = (what: string): void => progress(`${name}: ${what}`);
      const result = await PART_OF[name]({ ...context, settings: { ...settings, cpus }, progress: say });
      results.push(result);
      if (process.stderr.isTTY) process.stderr.write(WIPE);
      console.log(partText(result));
    }
  } finally {
    folder.remove();
  }
  const goals = results.flatMap((result) => result.goals);
  if (goals.length > 0) console.log(`\n${tableText(goalTable(goals))}`);
  if (settings.outFolder === null) return;
  const out = resolve(packageRoot(), settings.outFolder);
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'result.json'), `${JSON.stringify({ origin, goals, parts: results }, null, 1)}\n`);
  const title = `Requests a second, ${origin.cores} cores shared with the load generator, Node ${origin.node}`;
  const chart = results.flatMap((result) => result.chart ?? []);
  if (chart.length > 0) writeFileSync(join(out, 'chart.svg'), chartSvg(title, chart));
  console.log(`\nwritten: result.json${chart.length > 0 ? ' and chart.svg' : ''} in ${settings.outFolder}`);
}

const args = process.argv.slice(2);
let settings: Settings | null = null;
try {
  settings = readSettings(args);
  if (settings === null) console.log(HELP);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
}
if (settings !== null) await run(settings, args);
