// The second thread of mailbox.test.ts: doubles the number that lies beside each order and adds one.
import { parentPort, workerData } from 'node:worker_threads';
import { MailboxReceiver, Order } from '../../src/shared-memory/mailbox.ts';

const { memory, payload } = workerData as { memory: SharedArrayBuffer; payload: SharedArrayBuffer };
const mailbox = new MailboxReceiver(memory);
const cell = new Int32Array(payload);
for (let order = mailbox.next(); order !== Order.leave; order = mailbox.next()) {
  if (cell[0] !== order) throw new Error(`order ${order} came with ${cell[0]}`);
  cell[0] = order * 2 + 1;
  if (mailbox.finish(order % 3 === 0)) parentPort?.postMessage(null);
}
parentPort?.close();
