// A worker that hands its task's number back, or carries out the orders of a mailbox without doing anything.
import type { MessagePort } from 'node:worker_threads';
import { MailboxReceiver } from '../../src/shared-memory/mailbox.ts';
import { viewSlabArena } from '../../src/shared-memory/slab-arena.ts';

interface Orders {
  readonly mailbox: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
  readonly port: MessagePort;
}

export default function nothing(task: { readonly slab: number } | Orders): number {
  if ('slab' in task) return task.slab;
  const mailbox = new MailboxReceiver(task.mailbox, task.port, viewSlabArena(task.arena, 1));
  while (mailbox.next() !== null) mailbox.finish(null);
  task.port.close();
  return 0;
}
