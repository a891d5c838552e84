// Worker thread of sample-ring.test.ts: writes numbered samples as fast as it can, in batches of changing size.
import { workerData } from 'node:worker_threads';
import { SampleWriter, emptySample } from '../../src/shared-memory/sample-ring.ts';
import { checkedSample } from './checked-sample.ts';
import { randomOf } from './seeded.ts';

const { memory, capacity, total } = workerData as { memory: SharedArrayBuffer; capacity: number; total: number };
const writer = new SampleWriter(memory, 0, capacity);
const random = randomOf(capacity);
const sample = emptySample();
for (let number = 0; number < total; ) {
  const count = Math.min(total - number, 1 + Math.floor(random() * Math.min(capacity, 64)));
  writer.begin(count);
  for (let index = 0; index < count; index += 1) writer.write(checkedSample(number + index, sample));
  writer.publish();
  number += count;
}
