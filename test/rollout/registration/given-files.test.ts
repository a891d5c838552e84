// The files that come with a version are read by a thread of their own: this one, which stands for the main thread of
// an engine, opens none of them and parses no long text.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { systemClock } from '../../../src/base/clock.ts';
import { Registry } from '../../../src/registry/registry.ts';
import { openStore } from '../../../src/registry/opening/open-store.ts';
import { baselineFromFile } from '../../../src/rollout/registration/baselines.ts';
import { registerVersion } from '../../../src/rollout/registration/registration.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { linear } from '../../worker/onnx.ts';

/** Characters that an admin verb may have parsed on the main thread; the files are longer. */
const PARSED_MAX = 100_000;
const ROWS = 20_000;

/** What this thread opens, and the longest text that it parses, while `work` lasts. */
async function watched(work: () => Promise<unknown>): Promise<{ opened: string[]; longest: number }> {
  const { openSync, readFileSync } = fs;
  const { parse } = JSON;
  const seen = { opened: [] as string[], longest: 0 };
  fs.openSync = (path, ...rest) => {
    seen.opened.push(String(path));
    return openSync(path, ...rest);
  };
  fs.readFileSync = ((path: fs.PathOrFileDescriptor, ...rest: []) => {
    seen.opened.push(String(path));
    return readFileSync(path, ...rest);
  }) as typeof readFileSync;
  JSON.parse = (text, ...rest) => {
    seen.longest = Math.max(seen.longest, text.length);
    return parse(text, ...rest) as unknown;
  };
  syncBuiltinESMExports();
  try {
    await work();
    return seen;
  } finally {
    Object.assign(fs, { openSync, readFileSync });
    JSON.parse = parse;
    syncBuiltinESMExports();
  }
}

suite('The files of a registration', () => {
  test('are read, parsed and summarised off the main thread, by register and by baseline', async () => {
    const dataDir = temporaryDirectory();
    const store = openStore({ dataDir });
    try {
      const registry = new Registry(store, systemClock);
      const written = (name: string, content: Uint8Array | object): string => {
        const path = join(dataDir, name);
        fs.writeFileSync(path, content instanceof Uint8Array ? content : JSON.stringify(content));
        return path;
      };
      const inputs = Array.from({ length: ROWS }, (_, row) => [row % 7, row % 5, row % 3]);
      const answers = inputs.map(([a = 0, b = 0, c = 0]) => a + 10 * b + 100 * c + 0.5);
      const baseline = written('baseline.json', {
        format: 'lastgood.baseline/1', source: 'validation', rows: ROWS,
        outputs: { y: { shape: [ROWS, 1], data: answers } }, inputs: { x: { shape: [ROWS, 3], data: inputs } },
      });
      const golden = written('golden.json', {
        format: 'lastgood.golden/1',
        cases: [{
          inputs: { x: { shape: [ROWS, 3], data: inputs } },
          outputs: { y: { shape: [ROWS, 1], data: answers.map((y) => [y]) } },
        }],
      });
      const file = written('model.onnx', linear());
      const ports = { dataDir, registry, clock: systemClock, trialMs: 60_000, intraOpThreads: 1 };
      const registered = await watched(() =>
        registerVersion(ports, { model: 'm', file, version: '1', baseline, golden }, 'test'));
      const replaced = await watched(() =>
        baselineFromFile(registry, { model: 'm', version: '1', from: baseline }, 'test', systemClock));
      for (const { opened, longest } of [registered, replaced]) {
        assert.ok(!opened.includes(baseline) && !opened.includes(golden), opened.join(', '));
        assert.ok(longest <= PARSED_MAX, `${longest} characters were parsed at once`);
      }
      assert.ok(registered.opened.includes(file), 'what this thread opens is seen');
      assert.equal(registry.baselineOf('m', '1')?.rows, ROWS);
    } finally {
      await store.close();
    }
  });
});
