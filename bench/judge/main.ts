// `npm run bench:judge`: serves simulated models to both judges, compat and default, and says how often each rolls
// back a healthy one and how soon it finds a damaged one. Seeded: the same seed gives the same figures everywhere.
// Exits with 1 when default rolls a healthy version back or misses a damage.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveOptions } from '../../src/options/options.ts';
import type { JudgeOptions } from '../../src/options/options.ts';
import { packageRoot } from '../../src/base/package-root.ts';
import { tableText } from '../report/table.ts';
import { damageResults } from './found.ts';
import { healthyResults } from './healthy.ts';
import { monitorResult } from './monitor.ts';
import { aboutText, damageTable, healthyTable, monitorTable, pairsTable, summaryOf } from './report.ts';
import { pairsResults } from './pairs.ts';
import type { JudgeResult } from './report.ts';
import { SIZES } from './sizes.ts';
import type { SizeName } from './sizes.ts';

const HELP = `npm run bench:judge -- [options]

Simulates models whose answers, latencies and failures follow known laws, runs them through the judge by a virtual
clock, and prints false rollbacks a day on healthy streams and the time to find each damage, for compat and default.

  --size NAME   full (1,000 model-days, hours), tenth (100), hundredth (10) or smallest; default full
  --seed N      another seed gives other streams of the same laws; default 1
  --part NAME   healthy, damages, pairs or monitor; may be given several times; default all
  --out FILE    writes the figures as JSON; relative to the package`;

/** compat is the article's: a look every ten seconds. */
const COMPAT_LOOK_MS = 10_000;

function modes(): [JudgeOptions, JudgeOptions] {
  const judge = (options: object): JudgeOptions => resolveOptions({ judge: options }).judge;
  return [judge({ mode: 'compat', lookMs: COMPAT_LOOK_MS }), judge({ mode: 'default' })];
}

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: 'full' }, seed: { type: 'string', default: '1' },
    part: { type: 'string', multiple: true }, out: { type: 'string' }, help: { type: 'boolean' },
  },
});

function progressOf(beginMs: number): (what: string) => void {
  return (what) => process.stderr.write(`[${Math.round((performance.now() - beginMs) / 1e3)} s] ${what}\n`);
}

function main(): void {
  const { size: name, part } = values;
  const seed = Number(values.seed);
  if (!Object.hasOwn(SIZES, name) || !Number.isInteger(seed)) {
    const sizes = Object.keys(SIZES).join(' or ');
    throw new Error(`no size "${name}" or no seed "${values.seed}": wanted ${sizes}, and an integer`);
  }
  const size = SIZES[name as SizeName];
  const wants = (one: string): boolean => part === undefined || part.includes(one);
  const beginMs = performance.now();
  const progress = progressOf(beginMs);
  const result: JudgeResult = {
    seed, size: name, node: process.version,
    healthy: wants('healthy') ? healthyResults(size.healthy, modes(), seed, progress) : [],
    damages: wants('damages') ? damageResults(size.damages, modes(), seed, progress) : [],
    pairs: wants('pairs') ? pairsResults(size.pairRuns, seed, progress) : [],
    monitor: wants('monitor') ? monitorResult(size.monitorSeconds, modes()[1]) : null,
    cpuSeconds: Math.round(process.cpuUsage().user / 1e6),
  };
  console.log(aboutText());
  if (result.healthy.length > 0) console.log(`\n${tableText(healthyTable(result.healthy))}`);
  if (result.damages.length > 0) console.log(`\n${tableText(damageTable(result.damages))}`);
  if (result.pairs!.length > 0) console.log(`\n${tableText(pairsTable(result.pairs!))}`);
  if (result.monitor !== null) console.log(`\n${tableText(monitorTable(result.monitor))}`);
  const summary = summaryOf(result);
  console.log(`\n${summary.text}\n${result.cpuSeconds} s of CPU, seed ${seed}`);
  if (values.out !== undefined) {
    const path = resolve(packageRoot(), values.out);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(result, null, 1)}\n`);
  }
  if (!summary.isKept) process.exitCode = 1;
}

if (values.help === true) {
  console.log(HELP);
} else {
  try {
    main();
  } catch (error) {
    console.error(`bench:judge: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 2;
  }
}
