// One batch through Piscina to a worker that does nothing, and one row through the batcher with no worker behind it.
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { Batcher } from '../../src/batch/batcher.ts';
import { EntryKind } from '../../src/shared-memory/slab.ts';
import type { Slab } from '../../src/shared-memory/slab.ts';
import type { MicroResult } from './bench.ts';

const ENTRIES = 64;
const NOTHING = fileURLToPath(new URL('./nothing-worker.js', import.meta.url));

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

export async function dispatching(spellMs: number): Promise<MicroResult[]> {
  const piscina = new Piscina<{ slab: number }, number>({
    filename: NOTHING, minThreads: 1, maxThreads: 1, concurrentTasksPerWorker: 1, atomics: 'sync', recordTiming: false,
    idleTimeout: Infinity,
  });
  const answer = Buffer.from('{}');
  const answerAll = (slab: Slab): void => {
    for (let entry = 0; entry < slab.entryCount; entry += 1) slab.setAnswer(entry, 200, answer);
  };
  const batcher = new Batcher({
    model: 'm', batchSizeMax: ENTRIES, batchDelayUs: 0, slabBytes: 65_536, pendingMax: 4_096, deadlineMs: 30_000,
    monotonicUs: () => 0,
    dispatch: (slab) => {
      answerAll(slab);
      return Promise.resolve({ kind: 'batch', overflow: [] });
    },
  });
  const body = Buffer.alloc(300, 0x20);
  try {
    return [
      await timedAsync('piscina: one task to an idle worker and back', spellMs, 1, () => piscina.run({ slab: 1 })),
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
