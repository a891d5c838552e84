// One measurement of the weights benchmark, in a process of its own: memory and speed of four sessions on one model, or
// of an engine with four workers and of its swaps. Prints one line of JSON.
import '../../src/base/telemetry-off.ts';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { anonymousBytes, collectGarbage } from '../../src/base/process-memory.ts';
import { createElements } from '../../src/domain/datatype.ts';
import { createEngine } from '../../src/index.ts';
import { Session } from '../../src/worker/session/session.ts';

const MIB = 1024 ** 2;
const SESSIONS = 4;
const RUNS = 4;
/** Freed pages of heaps go back to the system a while after they were collected. */
const SETTLE_MS = 2_000;

export type Order =
  | { readonly what: 'sessions'; readonly path: string; readonly dataFiles: readonly string[];
    readonly row: readonly number[]; readonly rowAxis: number }
  | { readonly what: 'engine'; readonly dataDir: string; readonly path: string; readonly preparedBytesMax: number }
  | { readonly what: 'swaps'; readonly dataDir: string; readonly paths: readonly string[]; readonly count: number };

const rounded = (bytes: number): number => Math.round((bytes / MIB) * 10) / 10;

/** Of a file that is mapped several times each page counts once. */
function mappedBytes(): number {
  const text = readFileSync('/proc/self/smaps_rollup', 'utf8');
  return Number(/^Pss_File:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1_024;
}

async function settled(): Promise<{ readonly anonymous: number; readonly mapped: number }> {
  await sleep(SETTLE_MS);
  collectGarbage();
  await sleep(SETTLE_MS);
  return { anonymous: anonymousBytes(), mapped: mappedBytes() };
}

async function sessions({ path, dataFiles, row, rowAxis }: Extract<Order, { what: 'sessions' }>): Promise<object> {
  const before = anonymousBytes();
  const open: Session[] = [];
  const loadMs: number[] = [];
  const runCpuMs: Record<string, number> = {};
  for (let at = 0; at < SESSIONS; at += 1) {
    const beginMs = performance.now();
    open.push(await Session.open({ path, intraOpThreads: 1, rowsMax: 64, dataFiles }));
    loadMs.push(Math.round(performance.now() - beginMs));
  }
  for (const rows of [4, 64]) {
    const shape = row.toSpliced(rowAxis, 0, rows);
    const inputs = [{ data: createElements('FP32', shape.reduce((product, size) => product * size, 1)), shape }];
    for (const session of open) await session.runWhole(inputs, [0]);
    const begin = process.cpuUsage();
    for (let run = 0; run < RUNS; run += 1) await open[run % SESSIONS]!.runWhole(inputs, [0]);
    const { user, system } = process.cpuUsage(begin);
    runCpuMs[rows] = Math.round((user + system) / 10 / RUNS) / 100;
  }
  return { anonymousMib: rounded(anonymousBytes() - before), loadMs, runCpuMs };
}

async function engine({ dataDir, path, preparedBytesMax }: Extract<Order, { what: 'engine' }>): Promise<object> {
  const made = await createEngine({ dataDir, workers: SESSIONS, preparedBytesMax, samples: 'off' });
  const before = await settled();
  await made.register('m', path, { version: '1', promote: true });
  const after = await settled();
  await made.close();
  const { anonymous, mapped } = after;
  return { anonymousMib: rounded(anonymous - before.anonymous), mappedMib: rounded(mapped - before.mapped) };
}

async function swaps({ dataDir, paths, count }: Extract<Order, { what: 'swaps' }>): Promise<object> {
  const made = await createEngine({ dataDir, workers: 1, samples: 'off', standby: 'cold' });
  for (const [at, path] of paths.entries()) await made.register('m', path, { version: String(at + 1) });
  const anonymousMib: number[] = [];
  for (let swap = 0; swap < count; swap += 1) {
    await made.promote('m', String((swap % paths.length) + 1), { force: true });
    const { anonymous } = await settled();
    anonymousMib.push(rounded(anonymous));
  }
  await made.close();
  return { anonymousMib };
}

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
const result = order.what === 'sessions' ? sessions(order) : order.what === 'engine' ? engine(order) : swaps(order);
console.log(JSON.stringify(await result));
