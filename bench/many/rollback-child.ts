// An engine on a directory of many versions, rolled back once: how long that took, what was decoded of the registry on
// the main thread meanwhile, and how long its event loop stood still at most. One JSON line. Child of main.ts.
import '../../src/base/telemetry-off.ts';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { createEngine } from '../../src/engine/engine.ts';
import { countDecoding } from '../../test/support/decoding.ts';
import { MODEL } from './directories.ts';

const NS_PER_MS = 1e6;
/** What follows a rollback on the main thread is over by then. */
const AFTER_MS = 500;

const [, , dataDir = ''] = process.argv;
const engine = await createEngine({ dataDir, workers: 1, standby: 'warm', judge: { mode: 'observe' } });
for (;;) {
  const { models: [status] } = await engine.status(MODEL);
  if (status?.deployments.length === 2) break;
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const decoded = countDecoding();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const beganMs = performance.now();
const { rolledBackTo } = await engine.rollback(MODEL);
const tookMs = performance.now() - beganMs;
const during = { ...decoded.so() };
await new Promise((resolve) => setTimeout(resolve, AFTER_MS));
delay.disable();
const all = decoded.end();
const round = (value: number): number => Number(value.toFixed(1));
process.stdout.write(`${JSON.stringify({
  rolledBackTo, tookMs: round(tookMs), decodedValues: during.values, decodedBytes: during.bytes,
  decodedBytesAfter: all.bytes - during.bytes, stallMs: round(delay.max / NS_PER_MS),
})}\n`);
await engine.close();
