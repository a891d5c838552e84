// A worker that hands its task's number back, or carries out the orders of a mailbox without doing anything.
import type { MessagePort } from 'node:worker_threads';
import { MailboxReceiver, Order } from '../../src/shared-memory/mailbox.ts';

interface Orders {
  readonly mailbox: SharedArrayBuffer;
  readonly port: MessagePort;
}

export default function nothing(task: { readonly slab: number } | Orders): number {
  if ('slab' in task) return task.slab;
  const mailbox = new MailboxReceiver(task.mailbox);
  while (mailbox.next() !== Order.leave) {
    if (mailbox.finish(false)) task.port.postMessage(null);
  }
  task.port.close();
  return 0;
}
