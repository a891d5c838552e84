// What many models cost a start, and many versions a rollback. Writes bench/results/many.json and docs/many.md.
// Run: npm run build && node dist/bench/many/main.js [rollbacks], which leaves the figures of starts as they are.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import '../../src/base/telemetry-off.ts';
import { packageRoot } from '../../src/base/package-root.ts';
import { manyModels, manyVersions } from './directories.ts';
import { manyPage, type ManyResult, type RollbackResult, type StartResult } from './page.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const CHILD = fileURLToPath(new URL('./rollback-child.js', import.meta.url));
const STARTS = 3;
const SIZES = [1, 100] as const;
const REGISTRIES = [{ versions: 3, events: 10 }, { versions: 1_000, events: 10_000 }] as const;

const folder = mkdtempSync(join(tmpdir(), 'lastgood-many-'));

/** A start as people make it, with the supervisor: until it listens, and until every model answers. */
async function start(dataDir: string): Promise<{ readonly listeningMs: number; readonly readyMs: number }> {
  const beganMs = performance.now();
  const child = spawn(process.execPath, [MAIN, 'serve', '--data', dataDir, '--listen', '127.0.0.1:0', '--json'],
    { stdio: ['ignore', 'pipe', 'ignore'] });
  const exit = once(child, 'exit');
  let listeningMs = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const { event } = JSON.parse(line) as { readonly event: string };
    if (event === 'listening') listeningMs = performance.now() - beganMs;
    if (event === 'ready') break;
  }
  const readyMs = performance.now() - beganMs;
  child.kill('SIGTERM');
  await exit;
  return { listeningMs: Math.round(listeningMs), readyMs: Math.round(readyMs) };
}

async function measuredStarts(): Promise<StartResult[]> {
  const directories: string[] = [];
  for (const models of SIZES) {
    const dataDir = mkdtempSync(join(folder, 'models-'));
    await manyModels(dataDir, models);
    directories.push(dataDir);
  }
  const found: StartResult[] = SIZES.map((models) => ({ models, listeningMs: [], readyMs: [] }));
  // In turns: what else the machine does hits both.
  for (let round = 0; round < STARTS; round += 1) {
    for (const [at, dataDir] of directories.entries()) {
      const { listeningMs, readyMs } = await start(dataDir);
      found[at]!.listeningMs.push(listeningMs);
      found[at]!.readyMs.push(readyMs);
    }
  }
  return found;
}

const results = join(packageRoot(), 'bench', 'results', 'many.json');
const loadNow = (): number => Number(loadavg()[0]!.toFixed(1));
const { starts, startsLoadAverage } = process.argv[2] === 'rollbacks'
  ? JSON.parse(readFileSync(results, 'utf8')) as ManyResult
  : { starts: await measuredStarts(), startsLoadAverage: loadNow() };
const rollbacks: RollbackResult[] = [];
for (const size of REGISTRIES) {
  const dataDir = mkdtempSync(join(folder, 'versions-'));
  await manyVersions(dataDir, size.versions, size.events);
  const stdout = execFileSync(process.execPath, [CHILD, dataDir], { encoding: 'utf8' });
  const seen = JSON.parse(stdout.trim().split('\n').at(-1)!) as Omit<RollbackResult, keyof typeof size>;
  rollbacks.push({ ...size, ...seen });
}
rmSync(folder, { recursive: true });

const result: ManyResult = {
  date: new Date().toISOString().slice(0, 10), processor: cpus()[0]?.model ?? '', node: process.version,
  loadAverage: loadNow(), startsLoadAverage, starts, rollbacks,
};
writeFileSync(results, `${JSON.stringify(result, null, 2)}\n`);
writeFileSync(join(packageRoot(), 'docs', 'many.md'), manyPage(result));
