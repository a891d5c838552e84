// Records the states that docs/page.md shows, of a real engine under real load, and draws them in a headless browser:
//
//   npm run picture               records test/page/states/*.json (about two minutes), then draws
//   npm run picture -- --draw     draws docs/page/*.png from what is recorded
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { packageRoot } from '../src/base/package-root.ts';
import { Ledger } from '../src/cli/demo/ledger.ts';
import { LoadProcess } from '../src/cli/demo/load-process.ts';
import { createEngine, type Engine } from '../src/engine/engine.ts';
import type { PageSnapshot, TimelineView } from '../src/page/snapshot.ts';
import { openChromium } from '../test/support/chromium.ts';
import { allowWrites, refuseWrites } from '../test/support/disk.ts';
import { PAGE_STATES, pageState, replayed, stateFile } from '../test/support/page-replay.ts';

const MODEL = 'housing';
const LONELY = 'lonely';
const DEADLINE_MS = 120_000;
/** So long each version answers before the next one: less makes no picture. */
const ACT_MS = 25_000;
const KILOBYTES_MAX = 200;
const PICTURES = [
  { suffix: 'light', width: 1_120, colorScheme: 'light' }, { suffix: 'dark', width: 1_120, colorScheme: 'dark' },
  { suffix: 'phone', width: 360, colorScheme: 'light' },
] as const;

const modelFile = (name: string): string => join(packageRoot(), 'models', MODEL, name);

async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`record ${what}: it did not come within ${DEADLINE_MS} ms`);
    await sleep(50);
  }
}

async function register(engine: Engine, model: string, version: string): Promise<void> {
  await engine.register(model, modelFile(`${version}.onnx`), {
    version, baseline: modelFile(`${version}.baseline.json`), golden: modelFile(`${version}.golden.json`),
  });
}

/** What a viewer of the page is sent first. */
async function snapshotOf(port: number, model: string): Promise<PageSnapshot> {
  const response = await fetch(`http://127.0.0.1:${port}/ui/events?model=${model}`);
  let text = '';
  for await (const part of response.body!) {
    text += Buffer.from(part as Uint8Array).toString();
    const data = /event: snapshot\ndata: (.*)\n\n/.exec(text)?.[1];
    if (data !== undefined) return JSON.parse(data) as PageSnapshot;
  }
  throw new Error('record a snapshot: the stream ended');
}

async function record(port: number, model: string, name: (typeof PAGE_STATES)[number]): Promise<() => void> {
  const snapshot = await snapshotOf(port, model);
  const response = await fetch(`http://127.0.0.1:${port}/ui/timeline?model=${model}&minutes=15`);
  const timeline = await response.json() as TimelineView;
  // Written later: one of the states is that no file can be, nor an output that is one.
  return () => {
    process.stdout.write(`${name}: ${snapshot.headline.sentence}\n`);
    writeFileSync(stateFile(name), `${JSON.stringify({ snapshot, timeline })}\n`);
  };
}

async function recordAll(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'lastgood-picture-'));
  const judge = { windowMs: 12_000, p95LimitMs: 250, cooldownMs: 0, rollbackIntervalMs: 0 };
  const engine = await createEngine({
    dataDir, workers: 1, batchSizeMax: 8, logLevel: 'silent', ui: 'full', adminToken: 'only for pictures', judge,
  });
  const loads: LoadProcess[] = [];
  try {
    for (const version of ['1', '2', 'dollars']) await register(engine, MODEL, version);
    await register(engine, LONELY, 'fragile');
    const { port } = await engine.listen({ host: '127.0.0.1', port: 0 });
    const load = (model: string): void => void loads.push(new LoadProcess(new Ledger(), {
      port, path: `/models/${model}/predict`, trafficFile: modelFile('traffic.json'), connections: 4, thinkMs: 4,
    }));
    const active = (): string | undefined => engine.models.served(MODEL).rollout.activeVersion?.version;
    const writes: (() => void)[] = [];
    await engine.promote(MODEL, '1');
    load(MODEL);
    await sleep(ACT_MS);
    await engine.promote(MODEL, '2');
    await sleep(ACT_MS);
    await engine.confirm(MODEL);
    writes.push(await record(port, MODEL, 'healthy'));
    await engine.promote(MODEL, 'dollars');
    await until('the rollback', () => active() === '2');
    await sleep(ACT_MS);
    writes.push(await record(port, MODEL, 'rolled-back'));
    await engine.observe(MODEL, { forMs: 7_200_000, reason: 'the sensors are being moved' });
    await sleep(2_000);
    writes.push(await record(port, MODEL, 'held-still'));
    await engine.observe(MODEL, { off: true });
    await engine.control.release({ model: MODEL, version: 'dollars' }, { by: 'picture' });
    await engine.promote(MODEL, 'dollars', { force: true });
    refuseWrites(process.pid);
    try {
      await until('the rollback that the disk refuses', () => active() === '2');
      await sleep(3_000);
      writes.push(await record(port, MODEL, 'disk-refused'));
    } finally {
      allowWrites(process.pid);
    }
    await engine.promote(LONELY, 'fragile');
    load(LONELY);
    await until('a model without a target', () => engine.models.served(LONELY).rollout.phase === 'no_rollback_target');
    await sleep(5_000);
    writes.push(await record(port, LONELY, 'no-target'));
    mkdirSync(join(packageRoot(), 'test/page/states'), { recursive: true });
    for (const write of writes) write();
  } finally {
    for (const load of loads) load.kill();
    await engine.close();
    rmSync(dataDir, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function draw(browser: Browser, name: (typeof PAGE_STATES)[number] | 'stale'): Promise<void> {
  const state = pageState(name === 'stale' ? 'rolled-back' : name);
  const { front } = await replayed(state, { adminToken: 'a token of pictures' });
  try {
    for (const { suffix, width, colorScheme } of PICTURES) {
      const page = await browser.newPage({ viewport: { width, height: suffix === 'phone' ? 780 : 860 }, colorScheme });
      await page.goto(`http://127.0.0.1:${front.port}/ui`);
      await page.waitForSelector('#plot[tabindex]');
      if (name === 'stale') {
        await page.route('**/ui/events', (route) => route.abort());
        front.close();
        await page.waitForSelector('main.is-lost');
      }
      const file = join(packageRoot(), 'docs/page', `${name}-${suffix}.png`);
      await page.screenshot({ path: file });
      const kilobytes = Math.ceil(statSync(file).size / 1_000);
      process.stdout.write(`${name}-${suffix}.png ${kilobytes} kB\n`);
      if (kilobytes > KILOBYTES_MAX) throw new Error(`draw ${file}: ${kilobytes} kB; at most ${KILOBYTES_MAX}`);
      await page.close();
      if (name === 'stale') return;
    }
  } finally {
    front.close();
  }
}

if (!process.argv.includes('--draw')) await recordAll();
mkdirSync(join(packageRoot(), 'docs/page'), { recursive: true });
const browser = await openChromium();
try {
  for (const name of [...PAGE_STATES, 'stale'] as const) await draw(browser, name);
} finally {
  await browser.close();
}
