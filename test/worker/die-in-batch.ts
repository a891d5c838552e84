// Child process of pool.test.ts, started with a small heap: a body whose parsed form needs more than the worker's heap
// ends that worker in the middle of its batch.
import { monotonicUs } from '../../src/base/clock.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { createSlab } from '../../src/shared-memory/slab-arena.ts';
import { reasonOf } from '../../src/base/errors.ts';
import { InferencePool } from '../../src/worker/pool/pool.ts';
import { deploy, fill } from './deployed.ts';
import { answersOf } from './fixtures.ts';
import { linear } from './onnx.ts';

const deployed = await deploy(linear(), 1);
const lost: unknown[] = [];
const pool = await InferencePool.start(deployed.start, { loadMs: 60_000, onWorkerLost: (reason) => lost.push(reason) });

const body = Buffer.from(`{"instances":[${'{"x":[]},'.repeat(1_500_000)}{}]}`);
const large = createSlab({ entriesMax: 1, requestBytes: body.length, answerBytes: 4_096 });
large.append(EntryKind.predictJson, body, monotonicUs(), Infinity);
large.stamp(3, 5, monotonicUs());
const running = pool.scheduler.run(large, 'queue').then(
  (result) => `answered: ${answersOf(large, result)[0]!.text}`, (error: unknown) => `rejected: ${reasonOf(error)}`);
// It lies ready behind the one that ends the worker, and so does one in memory of its own.
const slab = fill(deployed, 0, ['{"features":[1,2,3]}']);
const ready = pool.scheduler.run(slab, 'queue');
const own = createSlab({ entriesMax: 1, requestBytes: 64, answerBytes: 4_096 });
own.append(EntryKind.predictJson, Buffer.from('{"features":[1,2,4]}'), monotonicUs(), Infinity);
own.stamp(3, 5, monotonicUs());
const waiting = pool.scheduler.run(own, 'queue');
process.stdout.write(`${await running}, ${lost.length} lost\n`);
process.stdout.write(`then answered ${String(answersOf(slab, await ready)[0]!.body['prediction'])}`);
process.stdout.write(` and ${String(answersOf(own, await waiting)[0]!.body['prediction'])}\n`);
await pool.close();
