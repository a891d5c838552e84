// What the page costs the engine: the CPU time of one viewer and of as many as may look at it, over that of nobody; the
// size of what a browser loads; and that of one snapshot.
import { setTimeout as sleep } from 'node:timers/promises';
import { startLastgood, writeModel } from '../contenders/lastgood.ts';
import { cpuSecondsOf } from '../measure/process.ts';
import { TINY } from '../workloads.ts';
import { atMost, rounded } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

const VIEWERS_MAX = 16;
/** What the start left to do is done by then. */
const SETTLE_SHARE = 3;
const FILES = ['/ui', '/ui/page.js', '/ui/page.css'];

/** Reads the stream until it is aborted, and resolves with the bytes of the largest snapshot. */
async function look(port: number, signal: AbortSignal): Promise<number> {
  let [largest, sinceLast] = [0, 0];
  try {
    const response = await fetch(`http://127.0.0.1:${port}/ui/events`, { signal });
    for await (const part of response.body!) {
      const text = Buffer.from(part as Uint8Array).toString();
      sinceLast += text.length;
      if (text.includes('\n\n')) [largest, sinceLast] = [Math.max(largest, sinceLast), 0];
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return largest;
}

async function packedBytes(port: number): Promise<number> {
  const sizes = await Promise.all(FILES.map(async (path) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'accept-encoding': 'gzip' } });
    await response.arrayBuffer();
    return Number(response.headers.get('content-length'));
  }));
  return sizes.reduce((sum, size) => sum + size, 0);
}

export async function page({ settings, folder, progress }: PartContext): Promise<PartResult> {
  const { idleSeconds } = settings.size;
  const server = await startLastgood({ folder, file: writeModel(folder, TINY), cpus: settings.cpus.server });
  const shareWith = async (count: number): Promise<{ readonly share: number; readonly snapshotBytes: number }> => {
    progress(`${count} viewers`);
    const stop = new AbortController();
    const viewers = Array.from({ length: count }, () => look(server.port, stop.signal));
    // Connecting is not what is measured.
    await sleep(idleSeconds * 200);
    const [before, beginMs] = [cpuSecondsOf(server.pid), performance.now()];
    await sleep(idleSeconds * 1e3);
    const share = ((cpuSecondsOf(server.pid) - before) * 1e3) / (performance.now() - beginMs);
    stop.abort();
    return { share, snapshotBytes: Math.max(0, ...await Promise.all(viewers)) };
  };
  try {
    progress('settling');
    await sleep(idleSeconds * SETTLE_SHARE * 1e3);
    const bytes = await packedBytes(server.port);
    // The first snapshots are what compiles the code that makes them.
    await shareWith(1);
    const nobody = await shareWith(0);
    const one = await shareWith(1);
    const all = await shareWith(VIEWERS_MAX);
    const percent = (share: number): number | null => rounded(share * 100);
    return {
      name: 'page',
      tables: [{
        title: 'the page, one tiny model, no requests',
        columns: ['viewers', '% of a core', 'bytes of a snapshot'],
        rows: [
          [0, percent(nobody.share), null], [1, percent(one.share), one.snapshotBytes],
          [VIEWERS_MAX, percent(all.share), all.snapshotBytes],
        ],
      }],
      goals: [
        atMost('one viewer: CPU of a core', 0.5, ' %', (one.share - nobody.share) * 100),
        atMost('16 viewers: CPU of a core', 2, ' %', (all.share - nobody.share) * 100),
        atMost('the page, packed', 60, ' kB', bytes / 1e3),
      ],
      notes: [],
    };
  } finally {
    await server.stop();
  }
}
