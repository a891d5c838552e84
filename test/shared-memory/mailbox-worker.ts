// The second thread of mailbox.test.ts: doubles the number that lies beside each order and adds one.
import { workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { MailboxReceiver } from '../../src/shared-memory/mailbox.ts';
import { viewSlabArena } from '../../src/shared-memory/slab-arena.ts';

export interface MailboxWorkerData {
  readonly mailbox: SharedArrayBuffer;
  readonly port: MessagePort;
  readonly arena: SharedArrayBuffer;
  readonly slabs: number;
  readonly payload: SharedArrayBuffer;
}

const { mailbox, port, arena, slabs, payload } = workerData as MailboxWorkerData;
const receiver = new MailboxReceiver<{ readonly of: number }>(mailbox, port, viewSlabArena(arena, slabs));
const cell = new Int32Array(payload);
for (let slab = receiver.next(); slab !== null; slab = receiver.next()) {
  const order = slab.index;
  if (cell[0] !== order) throw new Error(`order ${order} came with ${cell[0]}`);
  cell[0] = order * 2 + 1;
  receiver.finish(order % 3 === 0 ? { of: order } : null);
}
port.close();
