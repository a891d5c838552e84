// Worker thread of row-ring.test.ts: writes numbered rows of changing length as fast as it can.
import { workerData } from 'node:worker_threads';
import { RowWriter } from '../../src/shared-memory/row-ring.ts';
import type { RowRingSize } from '../../src/shared-memory/row-ring.ts';
import { writeNumbered } from './checked-row.ts';

const { memory, size, total } = workerData as { memory: SharedArrayBuffer; size: RowRingSize; total: number };
const writer = new RowWriter(memory, 0, size);
for (let number = 0; number < total; number += 1) writeNumbered(writer, number);
