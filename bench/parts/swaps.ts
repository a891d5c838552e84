// Memory over many swaps: three versions of one model take turns under light load, each loaded anew.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAdmin } from '../../src/admin/client.ts';
import { predictContender } from '../contenders/field.ts';
import { startLastgood, verb, writeModel } from '../contenders/lastgood.ts';
import { runGenerator } from '../load/generator.ts';
import type { LoadResult } from '../load/result.ts';
import { meanwhile } from '../measure/meanwhile.ts';
import { residentMib } from '../measure/process.ts';
import { median } from '../measure/statistics.ts';
import { MODEL, TINY } from '../workloads.ts';
import { atMost, rounded } from './part.ts';
import type { Cell, PartContext, PartResult } from './part.ts';

const RATE = 200;
const VERSIONS = ['1', '2', '3'];
/** From here on memory counts as settled. */
const SETTLED_SWAPS = 20;
const ROWS_SHOWN = 6;
/** The load comes in pieces of this length, so that it ends soon after the swaps. */
const LOAD_SECONDS = 2;
const ACTOR = { by: 'bench' };

export async function swaps({ settings, folder, progress }: PartContext): Promise<PartResult> {
  const { size, cpus } = settings;
  const file = writeModel(folder, TINY);
  const server = await startLastgood({ folder, file, cpus: cpus.server });
  try {
    for (const version of VERSIONS.slice(1)) {
      const copy = join(folder, `swap-${version}.onnx`);
      copyFileSync(file, copy);
      await verb(['register', MODEL, copy, '--version', version, '--data', server.dataDir]);
    }
    const admin = await connectAdmin(server.dataDir);
    if (admin === null) throw new Error('swap versions: the engine has no admin socket');
    const promote = async (swap: number): Promise<number> => {
      const beginMs = performance.now();
      await admin.promote({ model: MODEL, version: VERSIONS[swap % VERSIONS.length] ?? '1' }, ACTOR);
      return performance.now() - beginMs;
    };
    const times: number[] = [];
    const resident: number[] = [0];
    const swapOnce = async (): Promise<void> => {
      times.push(await promote(times.length + 1));
      resident.push(residentMib(server.pid));
    };
    // The first of each version start threads; those after them are like the rest.
    while (times.length <= Math.min(VERSIONS.length, size.swaps - 1)) await swapOnce();
    // The load outlasts the swaps. One connection carries each piece of it: the server closes those that are idle, and
    // a request that is sent at that moment would count as failed.
    const contender = predictContender(server, TINY);
    const seconds = Math.min(LOAD_SECONDS, size.swaps / 10);
    const piece = { connections: 1, seconds, rate: RATE, cpus: cpus.generator };
    const { repeats } = await meanwhile(async () => {
      while (times.length < size.swaps) {
        await swapOnce();
        if (times.length % 25 === 0) progress(`${times.length} of ${size.swaps} swaps`);
      }
    }, () => runGenerator(contender, piece));
    const sum = (of: (one: LoadResult) => number): number => repeats.reduce((total, one) => total + of(one), 0);
    return report(times, resident, sum(({ failed }) => failed), sum(({ answered }) => answered));
  } finally {
    await server.stop();
  }
}

function report(times: readonly number[], resident: readonly number[], failed: number, answered: number): PartResult {
  const last = resident.length - 1;
  const settled = Math.min(SETTLED_SWAPS, last);
  const step = Math.max(1, Math.ceil((last - settled) / ROWS_SHOWN));
  const rows: Cell[][] = [];
  for (let swap = settled; swap < last; swap += step) rows.push([swap, rounded(resident[swap] ?? NaN)]);
  rows.push([last, rounded(resident[last] ?? NaN)]);
  return {
    name: 'swaps',
    tables: [
      { title: `promotes of a loaded-anew version, ${RATE} requests a second`, columns: ['swaps', 'RSS MiB'], rows },
      {
        title: 'one swap', columns: ['median ms', 'answered', 'failed requests'],
        rows: [[rounded(median(times)), answered, failed === 0 ? 0 : `${failed} failed`]],
      },
    ],
    goals: [
      atMost(`RSS after ${last} swaps of that after ${settled}`, 1.15, '×',
        (resident[last] ?? NaN) / (resident[settled] ?? NaN)),
    ],
    notes: [],
  };
}
