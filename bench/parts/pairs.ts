// What the questions cost that are put to the version before as well: the same engine with --pairs always and off,
// each with a version before loaded, taking turns. And what it costs to tell clients apart by a header, which all send.
import type { Contender, Field } from '../contenders/contender.ts';
import { predictContender } from '../contenders/field.ts';
import { startLastgood, verb, writeModel } from '../contenders/lastgood.ts';
import { column, interleave, medianOf } from '../measure/rounds.ts';
import type { Measured, Turn } from '../measure/rounds.ts';
import { lossBound, median, roundRatios } from '../measure/statistics.ts';
import { MODEL, TINY } from '../workloads.ts';
import { atMost, closedHttpLoad, rounded, warmUp } from './part.ts';
import type { Goal, PartContext, PartResult } from './part.ts';

const CONNECTIONS = 64;
const HEADER = 'x-client-id';
const SOURCES = ['--source-header', HEADER, '--trusted-proxy', '127.0.0.1'];
const ENGINES = [
  { name: 'pairs off', args: ['--pairs', 'off'] },
  { name: 'pairs always', args: ['--pairs', 'always'] },
  { name: 'pairs always, sources', args: ['--pairs', 'always', ...SOURCES] },
] as const;

export async function pairs(context: PartContext): Promise<PartResult> {
  const { settings, folder, progress } = context;
  const { pairRounds, seconds } = settings.size;
  const file = writeModel(folder, TINY);
  const servers: Awaited<ReturnType<typeof startLastgood>>[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    const contenders: Contender[] = [];
    for (const { name, args } of ENGINES) {
      progress(`starting ${name}`);
      const server = await startLastgood({ folder, file, cpus: settings.cpus.server, args });
      servers.push(server);
      await verb(['register', MODEL, file, '--version', '2', '--promote', '--data', server.dataDir]);
      const contender = predictContender(server, TINY);
      const { request } = contender;
      contenders.push({ ...contender, name, request: { ...request, headers: { ...request.headers, [HEADER]: '7' } } });
    }
    const field: Field = { contenders, servers, notes: [], stop };
    await warmUp(context, field, CONNECTIONS);
    const measured = await interleave(field, contenders, pairRounds,
      (contender) => closedHttpLoad(context, contender, CONNECTIONS, seconds), progress);
    return reported(measured, pairRounds);
  } finally {
    await stop();
  }
}

function reported(measured: readonly Measured[], rounds: number): PartResult {
  const [off, always, sources] = measured as [Measured, Measured, Measured];
  const ratiosOf = (over: Measured, under: Measured, of: (turn: Turn) => number): number[] =>
    roundRatios(column(over, of), column(under, of));
  const goalsOf = (what: string, over: Measured, under: Measured, lossMax: number): Goal[] => {
    const p99 = median(ratiosOf(over, under, (turn) => turn.p99Us));
    const lost = lossBound(ratiosOf(over, under, (turn) => turn.requestsPerSecond));
    return [
      atMost(`${what}: throughput lost at most (95 %, ${rounds} rounds)`, lossMax, ' %', rounded(lost) ?? NaN),
      atMost(`${what}: p99, median of the rounds`, 1.05, '×', rounded(p99) ?? NaN),
    ];
  };
  const lostOf = (over: Measured, under: Measured): number =>
    (1 - median(ratiosOf(over, under, (turn) => turn.requestsPerSecond))) * 100;
  return {
    name: 'pairs',
    tables: [{
      title: `tiny, /predict, ${CONNECTIONS} connections, a version before loaded`,
      columns: ['engine', 'req/s', 'CPU µs/req', 'p99 µs', 'lost, median %'],
      rows: measured.map((one) => [
        one.contender.name, Math.round(medianOf(one, (turn) => turn.requestsPerSecond)),
        rounded(medianOf(one, (turn) => turn.cpuUs)), Math.round(medianOf(one, (turn) => turn.p99Us)),
        one === off ? null : rounded(lostOf(one, one === sources ? always : off)),
      ]),
    }],
    goals: [...goalsOf('pairs always', always, off, 3), ...goalsOf('sources by a header', sources, always, 2)],
    notes: [],
  };
}
