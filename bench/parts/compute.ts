// A model whose time goes into arithmetic: rows a second through the whole server against a bare loop of session.run()
// at the best batch size, on the same number of threads (one).
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Name, openField } from '../contenders/field.ts';
import { writeModel } from '../contenders/lastgood.ts';
import type { Contender } from '../contenders/contender.ts';
import { runGenerator } from '../load/generator.ts';
import { takeTurn } from '../measure/rounds.ts';
import type { Turn } from '../measure/rounds.ts';
import { median, medianRatio } from '../measure/statistics.ts';
import { COMPUTE, TINY } from '../workloads.ts';
import { atLeast, closedHttpLoad, rounded, warmUp } from './part.ts';
import type { Cell, PartContext, PartResult } from './part.ts';

const BARE_LOOP = fileURLToPath(new URL('../contenders/bare-loop.js', import.meta.url));
const IN_FLIGHT = 64;
const SOCKETS = 4;
const run = promisify(execFile);

interface Best {
  readonly rows: number;
  readonly rowsPerSecond: number;
}

async function bareLoop(file: string, width: number, spellMs: number): Promise<Best> {
  const { stdout } = await run(process.execPath, [BARE_LOOP, file, String(width), String(spellMs)]);
  const found = Object.entries(JSON.parse(stdout) as Record<string, number>);
  const [rows, rowsPerSecond] = found.reduce((best, one) => (one[1] > best[1] ? one : best));
  return { rows: Number(rows), rowsPerSecond };
}

export async function compute(context: PartContext): Promise<PartResult> {
  const { settings, folder, progress } = context;
  const { size } = settings;
  const { rounds, seconds, tinyOnly } = size;
  const workload = tinyOnly ? TINY : COMPUTE;
  const file = writeModel(folder, workload);
  const field = await openField({
    workload, folder, settings: { ...settings, others: [] }, names: [Name.json, Name.oipBinary, Name.floats],
    lastgoodArgs: ['--workers', '1', '--intra-op-threads', '1'],
  });
  const cpus = settings.cpus.generator;
  const load = (contender: Contender): ReturnType<typeof runGenerator> => contender.transport === 'http'
    ? closedHttpLoad(context, contender, IN_FLIGHT, seconds)
    : runGenerator(contender, {
      connections: SOCKETS, inFlight: IN_FLIGHT / SOCKETS, seconds, rate: null, cpus, warmSeconds: size.warmSeconds,
    });
  try {
    await warmUp(context, field, IN_FLIGHT);
    const bare: Best[] = [];
    const turns = new Map<string, Turn[]>(field.contenders.map(({ name }) => [name, []]));
    for (let round = 1; round <= rounds; round += 1) {
      progress(`round ${round} of ${rounds}: bare loop`);
      for (const server of field.servers) server.pause();
      bare.push(await bareLoop(file, workload.layers[0] ?? 0, seconds * 200));
      for (const server of field.servers) server.resume();
      for (const contender of field.contenders) {
        progress(`round ${round} of ${rounds}: ${contender.name}`);
        turns.get(contender.name)?.push(await takeTurn(contender, load));
      }
    }
    return report(bare, turns, workload.layers.join('-'));
  } finally {
    await field.stop();
  }
}

function report(bare: readonly Best[], turns: ReadonlyMap<string, readonly Turn[]>, layers: string): PartResult {
  const loop = bare.map(({ rowsPerSecond }) => rowsPerSecond);
  const ratioOf = (name: string): number =>
    medianRatio((turns.get(name) ?? []).map(({ requestsPerSecond }) => requestsPerSecond), loop);
  const rows: Cell[][] = [...turns].map(([name, own]) => [
    name, Math.round(median(own.map(({ requestsPerSecond }) => requestsPerSecond))), rounded(ratioOf(name)),
    rounded(median(own.map(({ cpuUs }) => cpuUs))), own.reduce((sum, { failed }) => sum + failed, 0),
  ]);
  const best = median(bare.map(({ rows: size }) => size));
  return {
    name: 'compute',
    tables: [{
      title: `${layers}, one thread, ${IN_FLIGHT} rows in flight`,
      columns: ['contender', 'rows/s', 'of bare loop', 'CPU µs/row', 'failed'],
      rows: [[`bare loop, batch ${best}`, Math.round(median(loop)), 1, null, 0], ...rows],
    }],
    goals: [
      atLeast('compute-bound, binary: rows/s of a bare loop', 0.9, '×',
        Math.max(ratioOf(Name.oipBinary), ratioOf(Name.floats) || 0)),
    ],
    notes: [],
  };
}
