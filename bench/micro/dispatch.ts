// One batch to a worker that does nothing and back, through a mailbox and as a task of Piscina; and one row through the
// batcher with no worker behind it.
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { Batcher } from '../../src/batch/batcher.ts';
import { MailboxSender } from '../../src/shared-memory/mailbox.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import type { Slab } from '../../src/shared-memory/slab.ts';
import { createSlabArena } from '../../src/shared-memory/slab-arena.ts';
import type { MicroResult } from './bench.ts';

const ENTRIES = 64;
const NOTHING = fileURLToPath(new URL('./nothing-worker.js', import.meta.url));

interface Orders {
  readonly mailbox: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
  readonly port: MessagePort;
}
type Task = { readonly slab: number } | Orders;

async function timedAsync(
  name: string, spellMs: number, units: number, work: () => Promise<number>,
): Promise<MicroResult> {
  let checksum = 0;
  for (let warm = 0; warm < 3; warm += 1) checksum += await work();
  const beginMs = performance.now();
  let calls = 0;
  do {
    checksum = (checksum + (await work())) | 0;
    calls += 1;
  } while (performance.now() - beginMs < spellMs * 3);
  return { name, ns: ((performance.now() - beginMs) * 1e6) / calls / units, checksum };
}

// As a channel of the pool does it: request a wakeup, and be woken.
async function byMailbox(piscina: Piscina<Task, number>, spellMs: number): Promise<MicroResult> {
  const mailbox = new MailboxSender();
  const { port1, port2 } = new MessageChannel();
  let wake = (): void => undefined;
  mailbox.connect(port1, () => wake());
  const arena = createSlabArena(1, { entriesMax: 1, requestBytes: 8, answerBytes: 8 });
  const [slab] = arena.slabs as [Slab];
  const serving = piscina.run({ mailbox: mailbox.memory, arena: arena.memory, port: port2 }, { transferList: [port2] });
  try {
    return await timedAsync('mailbox: one order to an idle worker and back', spellMs, 1, async () => {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const order = mailbox.post(slab);
      if (mailbox.requestWakeup(order)) await woken;
      // A wakeup may be one that an earlier order no longer waited for.
      while (!mailbox.isDone(order)) await new Promise(setImmediate);
      return 1;
    });
  } finally {
    mailbox.dismiss();
    await serving;
    mailbox.abandon();
  }
}

export async function dispatching(spellMs: number): Promise<MicroResult[]> {
  const piscina = new Piscina<Task, number>({
    filename: NOTHING, minThreads: 1, maxThreads: 1, concurrentTasksPerWorker: 1, atomics: 'sync', recordTiming: false,
    idleTimeout: Infinity,
  });
  const answer = Buffer.from('{}');
  const answerAll = (slab: Slab): void => {
    for (let entry = 0; entry < slab.entryCount; entry += 1) slab.setAnswer(entry, 200, answer);
  };
  const batcher = new Batcher({
    model: 'm', batchSizeMax: ENTRIES, batchDelayUs: 0, slabBytes: 65_536, largeBytesMax: 1 << 20,
    pendingMax: 4_096, deadlineMs: 30_000,
    monotonicUs: () => 0,
    dispatch: (slab) => {
      answerAll(slab);
      return Promise.resolve({ overflow: [] });
    },
  });
  const body = Buffer.alloc(300, 0x20);
  try {
    const byTask = await timedAsync(
      'piscina: one task to an idle worker and back', spellMs, 1, () => piscina.run({ slab: 1 }));
    return [
      byTask,
      await byMailbox(piscina, spellMs),
      await timedAsync('batcher: one row of a full batch, submitted and answered', spellMs, ENTRIES, () =>
        new Promise((resolve) => {
          let left = ENTRIES;
          const sink = { answer: (): void => {
            left -= 1;
            if (left === 0) resolve(ENTRIES);
          } };
          for (let entry = 0; entry < ENTRIES; entry += 1) batcher.submit(EntryKind.predictJson, body, sink, 0);
        })),
    ];
  } finally {
    await batcher.drain();
    await piscina.destroy();
  }
}
