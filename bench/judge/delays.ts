// `node dist/bench/judge/delays.js`: how long it takes from the promote of each failing demo version until it is taken
// back, by an engine in this process with the default settings but for a latency limit that the slow ones exceed, under
// a steady load. Measured on real models and by the real clock; prints a table of seconds and of requests.
import '../../src/base/telemetry-off.ts';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { packageRoot } from '../../src/base/package-root.ts';
import { tableText } from '../report/table.ts';

const FAILING = {
  'breast-cancer': ['unscaled', 'slow', 'fragile', 'nonfinite', 'collapsed'],
  digits: ['unscaled', 'slow', 'fragile', 'nonfinite', 'inverted'],
  housing: ['unscaled', 'slow', 'fragile', 'nonfinite', 'dollars'],
};
type Model = keyof typeof FAILING;
/** A version that is still there by then is not found. */
const SECONDS_MAX = 600;
const POLL_MS = 50;

const { values } = parseArgs({ options: { rate: { type: 'string', default: '50' } } });
const rate = Number(values.rate);

const path = (model: Model, name: string): string => join(packageRoot(), 'models', model, name);
const rowsOf = (model: Model): number[][] =>
  (JSON.parse(readFileSync(path(model, 'traffic.json'), 'utf8')) as { rows: number[][] }).rows;

function register(engine: Engine, model: Model, version: string): Promise<unknown> {
  const baseline = path(model, `${version}.baseline.json`);
  return engine.register(model, path(model, `${version}.onnx`), { version, baseline });
}

/** Asks at the rate until `isOver`; a request that fails is part of the load. Returns how many were asked. */
async function load(engine: Engine, model: Model, isOver: () => boolean): Promise<number> {
  const rows = rowsOf(model);
  let asked = 0;
  const beganMs = performance.now();
  while (!isOver()) {
    const due = ((performance.now() - beganMs) / 1e3) * rate;
    for (; asked < due; asked += 1) void engine.predict(model, rows[asked % rows.length]!).catch(() => undefined);
    await sleep(Math.min(POLL_MS, 1e3 / rate));
  }
  return asked;
}

async function delayOf(engine: Engine, model: Model, version: string): Promise<(string | number)[]> {
  await engine.promote(model, version);
  const beganMs = performance.now();
  const seconds = (): number => (performance.now() - beganMs) / 1e3;
  const { rollout } = engine.models.served(model);
  const asked = await load(engine, model, () =>
    rollout.activeVersion?.version !== version || seconds() > SECONDS_MAX);
  const status = (await engine.status()).models.find((one) => one.model.model === model)!;
  const decision = status.recentDecisions.find(({ action, version: of }) => action === 'rollback' && of === version);
  const isFound = rollout.activeVersion?.version !== version;
  return [model, version, isFound ? decision?.trigger ?? '' : 'not found', Number(seconds().toFixed(1)), asked];
}

async function main(): Promise<void> {
  const engine = await createEngine({
    dataDir: mkdtempSync(join(tmpdir(), 'lastgood-delays-')), workers: 1, logLevel: 'silent',
    judge: { p95LimitMs: 40, cooldownMs: 0, rollbackIntervalMs: 0 },
  });
  try {
    const found = await Promise.all((Object.keys(FAILING) as Model[]).map(async (model) => {
      for (const version of ['1', ...FAILING[model]]) await register(engine, model, version);
      await engine.promote(model, '1');
      await engine.confirm(model);
      const rows: (string | number)[][] = [];
      for (const version of FAILING[model]) rows.push(await delayOf(engine, model, version));
      return rows;
    }));
    process.stdout.write(`${tableText({
      title: `${rate} requests a second to each model`,
      columns: ['model', 'version', 'found by', 'seconds', 'requests'], rows: found.flat(),
    })}\n`);
  } finally {
    await engine.close();
  }
}

await main();
