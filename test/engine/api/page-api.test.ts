import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { packageRoot } from '../../../src/base/package-root.ts';
import { createEngine } from '../../../src/engine/engine.ts';
import type { PageSnapshot } from '../../../src/page/snapshot.ts';
import { Ledger } from '../../../src/cli/demo/ledger.ts';
import { LoadProcess } from '../../../src/cli/demo/load-process.ts';
import { openChromium, withoutChromium } from '../../support/chromium.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const MODEL = 'housing';
const TOKEN = 'a token of the tests';
const WAIT = { timeout: 120_000 };
const modelFile = (name: string): string => join(packageRoot(), 'models', MODEL, name);

async function serving(t: TestContext) {
  const engine = await createEngine({
    dataDir: temporaryDirectory(), workers: 1, logLevel: 'silent', ui: 'full', adminToken: TOKEN,
    judge: { windowMs: 12_000, p95LimitMs: 5_000, cooldownMs: 0, rollbackIntervalMs: 0 },
  });
  t.after(() => engine.close());
  for (const version of ['1', '2', 'dollars']) {
    const baseline = modelFile(`${version}.baseline.json`);
    await engine.register(MODEL, modelFile(`${version}.onnx`), { version, baseline });
  }
  await engine.promote(MODEL, '1');
  await engine.promote(MODEL, '2');
  await engine.confirm(MODEL);
  const { port } = await engine.listen({ host: '127.0.0.1', port: 0 });
  const act = async (body: object): Promise<{ readonly status: number; readonly code?: string }> => {
    const response = await fetch(`http://127.0.0.1:${port}/ui/actions`, {
      method: 'POST', body: JSON.stringify({ model: MODEL, ...body }),
      headers: { 'authorization': `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    });
    return { status: response.status, ...(await response.json() as { readonly code?: string }) };
  };
  const snapshot = async (): Promise<PageSnapshot> => {
    const response = await fetch(`http://127.0.0.1:${port}/ui/events?model=${MODEL}`);
    let text = '';
    for await (const part of response.body!) {
      text += Buffer.from(part as Uint8Array).toString();
      const data = /event: snapshot\ndata: (.*)\n\n/.exec(text)?.[1];
      if (data !== undefined) return JSON.parse(data) as PageSnapshot;
    }
    throw new Error('the stream ended');
  };
  return { engine, port, act, snapshot };
}

test('an action of the page is done once, for the generation that was shown; a late one changes nothing', async (t) => {
  const { engine, act, snapshot } = await serving(t);
  const before = await snapshot();
  assert.deepEqual([before.active, before.generation, before.target.version], ['2', 2, '1']);
  assert.ok(before.actions.some(({ cli }) => cli === `lastgood rollback ${MODEL}`));
  const late = await act({ verb: 'rollback', generation: before.generation - 1 });
  assert.deepEqual([late.status, late.code], [409, 'GENERATION_CONFLICT']);
  for (const verb of ['confirm', 'pin', 'quarantine', 'release']) {
    const { code } = await act({ verb, version: '1', generation: 1 });
    assert.equal(code, 'GENERATION_CONFLICT', verb);
  }
  assert.equal((await act({ verb: 'rollback', generation: before.generation })).status, 200);
  assert.equal((await act({ verb: 'rollback', generation: before.generation })).status, 409, 'a second click');
  const after = await snapshot();
  assert.deepEqual([after.active, after.generation], ['1', 3]);
  assert.equal(engine.context.registry.history(MODEL, 1)[0]?.by, 'page');
  assert.equal((await act({ verb: 'release', version: '2', generation: 3 })).status, 200);
  assert.equal((await act({ verb: 'pin', generation: 3 })).status, 200);
  assert.match((await snapshot()).over.map(({ text }) => text).join(), /a pin, until somebody changes it/);
  assert.equal((await act({ verb: 'drain', generation: 2 })).code, 'GENERATION_CONFLICT');
  assert.equal((await act({ verb: 'drain', generation: 3 })).status, 200);
  assert.equal(engine.isDraining, true);
});

test('a release that goes wrong under load shows on an open page: in sentence, timeline and target',
  { skip: withoutChromium }, async (t) => {
    const { engine, port } = await serving(t);
    const load = new LoadProcess(new Ledger(), {
      port, path: `/models/${MODEL}/predict`, trafficFile: modelFile('traffic.json'), connections: 4, thinkMs: 5,
    });
    t.after(() => load.kill());
    const browser = await openChromium();
    t.after(() => browser.close());
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/ui`);
    await page.waitForSelector('svg.plot .area.v-active', WAIT);
    const back = new Promise((resolve) => engine.once('rollback', resolve));
    await engine.promote(MODEL, 'dollars');
    await back;
    const sentence = 'housing serves version 2 again; version dollars was rolled back';
    await page.locator('h1', { hasText: sentence }).waitFor(WAIT);
    await page.waitForSelector('.mark-rollback', { state: 'attached', ...WAIT });
    await page.waitForSelector('svg.plot .area.v-gone', { state: 'attached', ...WAIT });
    const { target } = await engine.outlook(MODEL);
    assert.equal(await page.textContent('.goal'), `version ${target?.version ?? ''}`);
  });
