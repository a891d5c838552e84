// Child process of pool.test.ts: closes a pool while its workers are inside the runtime, then ends by itself.
import { InferencePool } from '../../src/worker/pool/pool.ts';
import { deploy, fill } from './deployed.ts';
import { slow } from './onnx.ts';

const deployed = await deploy(slow(30), 2);
const pool = await InferencePool.start(deployed.start, { loadMs: 60_000, onWorkerLost: () => undefined });
for (let round = 0; round < 2; round += 1) {
  const slabs = [0, 1].map((index) => fill(deployed, index, ['{"features":[1]}']));
  const runs = slabs.map((slab) => pool.scheduler.run(slab, 'queue'));
  if (round === 1) {
    await pool.close();
    if (pool.scheduler.busy > 0) process.exitCode = 3;
  }
  await Promise.all(runs);
}
