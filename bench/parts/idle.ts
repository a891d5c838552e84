// What an engine with one small model costs while nobody asks it anything.
import { setTimeout as sleep } from 'node:timers/promises';
import { startLastgood, writeModel } from '../contenders/lastgood.ts';
import { cpuSecondsOf, residentMib } from '../measure/process.ts';
import { TINY } from '../workloads.ts';
import { atMost, rounded } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

/** What the start left to do is done by then: V8 compiles and collects in its background for twenty seconds. */
const SETTLE_SHARE = 3;

export async function idle({ settings, folder, progress }: PartContext): Promise<PartResult> {
  const { idleSeconds } = settings.size;
  const server = await startLastgood({ folder, file: writeModel(folder, TINY), cpus: settings.cpus.server });
  try {
    progress('settling');
    await sleep(idleSeconds * SETTLE_SHARE * 1e3);
    const before = cpuSecondsOf(server.pid);
    const beginMs = performance.now();
    progress('waiting');
    await sleep(idleSeconds * 1e3);
    const share = ((cpuSecondsOf(server.pid) - before) * 1e3) / (performance.now() - beginMs);
    const mib = residentMib(server.pid);
    return {
      name: 'idle',
      tables: [{
        title: 'one tiny model, no requests',
        columns: ['% of a core', 'RSS MiB'],
        rows: [[rounded(share * 100), rounded(mib)]],
      }],
      goals: [atMost('idle: CPU', 1, ' %', share * 100), atMost('idle: RSS', 150, ' MB', (mib * 2 ** 20) / 1e6)],
      notes: [],
    };
  } finally {
    await server.stop();
  }
}
