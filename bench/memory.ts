// What one loaded version costs in memory: starts an engine without a model and loads the demo models one after the
// other, with the resident size after each. Run: npm run build && node --expose-gc dist/bench/memory.js
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createEngine } from '../src/index.ts';
import { packageRoot } from '../src/base/package-root.ts';

const SETTLE_MS = 1_500;
const MIB = 1024 * 1024;

async function residentMib(): Promise<number> {
  await sleep(SETTLE_MS);
  globalThis.gc?.();
  return process.memoryUsage.rss() / MIB;
}

const dataDir = mkdtempSync(join(tmpdir(), 'lastgood-memory-'));
const engine = await createEngine({ dataDir });
let before = await residentMib();
const line = (what: string, nowMib: number): void => {
  const difference = nowMib - before;
  console.log(`${what.padEnd(40)} ${nowMib.toFixed(1).padStart(7)} MiB  ${difference.toFixed(1).padStart(6)} more`);
  before = nowMib;
};
line('engine without a model', before);
for (const model of ['housing', 'breast-cancer', 'digits']) {
  for (const version of ['1', '2']) {
    await engine.register(model, join(packageRoot(), 'models', model, `${version}.onnx`), { version, promote: true });
    line(`${model} ${version}${version === '2' ? ', with 1 standing by' : ''}`, await residentMib());
  }
}
await engine.close();
rmSync(dataDir, { recursive: true });
