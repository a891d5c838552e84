// Closed-loop throughput over HTTP: the ceiling, lastgood's protocols and the peers, by workload and connections.
import { Name, openField } from '../contenders/field.ts';
import { column, interleave, medianOf } from '../measure/rounds.ts';
import type { Measured, Turn } from '../measure/rounds.ts';
import { medianRatio, spread } from '../measure/statistics.ts';
import { COMPUTE, MANY_ROWS, MIDDLING, TINY } from '../workloads.ts';
import type { Workload } from '../workloads.ts';
import { atLeast, atMost, closedHttpLoad, rounded, warmUp } from './part.ts';
import type { Cell, ChartGroup, Goal, PartContext, PartResult, Table } from './part.ts';

const PEAK_CONNECTIONS = 64;
const NAMES = [Name.ceiling, Name.json, Name.oipJson, Name.oipBinary, Name.fastify, Name.piscina];
const COLUMNS = [
  'connections', 'contender', 'req/s', 'of ceiling', 'CPU µs/req', 'CPU of ceiling', 'p50 µs', 'p99 µs',
  'lastgood is', 'spread', 'note',
];

const requests = (turn: Turn): number => turn.requestsPerSecond;
const cpu = (turn: Turn): number => turn.cpuUs;

interface Group {
  readonly connections: number;
  readonly measured: readonly Measured[];
}

const named = ({ measured }: Group, name: string): Measured | undefined =>
  measured.find(({ contender }) => contender.name === name);

function ratio(group: Group, name: string, under: string, of: (turn: Turn) => number): number {
  return medianRatio(column(named(group, name), of), column(named(group, under), of));
}

function noteOf({ turns }: Measured): string {
  const failed = turns.reduce((sum, turn) => sum + turn.failed, 0);
  const bound = turns.filter((turn) => turn.isGeneratorBound).length;
  return [
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(bound * 2 > turns.length ? ['generator was the limit'] : []),
  ].join(', ');
}

function rowsOf(group: Group): Cell[][] {
  return group.measured.map((measured) => {
    const { name } = measured.contender;
    const isOwn = name.startsWith('lastgood') || name === Name.ceiling;
    return [
      group.connections, name, Math.round(medianOf(measured, requests)),
      rounded(ratio(group, name, Name.ceiling, requests)), rounded(medianOf(measured, cpu)),
      rounded(ratio(group, name, Name.ceiling, cpu)), Math.round(medianOf(measured, (turn) => turn.p50Us)),
      Math.round(medianOf(measured, (turn) => turn.p99Us)),
      isOwn ? '' : `${rounded(ratio(group, Name.json, name, requests))}×`,
      `${Math.round(spread(column(measured, requests)) * 100)} %`, noteOf(measured),
    ];
  });
}

function goalsOf(groups: readonly Group[]): Goal[] {
  return groups.flatMap((group) => {
    const { connections } = group;
    const at = `tiny, ${connections} connections`;
    const goals: Goal[] = [];
    if (connections === 1) {
      const p50 = ratio(group, Name.json, Name.ceiling, (turn) => turn.p50Us);
      goals.push(atMost('/predict, one connection: p50 of the ceiling\'s', 3, '×', p50));
    }
    if (connections >= PEAK_CONNECTIONS) {
      goals.push(
        atLeast(`/predict req/s of the ceiling's, ${at}`, 0.75, '×', ratio(group, Name.json, Name.ceiling, requests)),
        atMost(`/predict CPU of the ceiling's, ${at}`, 1.6, '×', ratio(group, Name.json, Name.ceiling, cpu)));
    }
    if (connections === PEAK_CONNECTIONS && named(group, Name.fastify) !== undefined) {
      const times = ratio(group, Name.json, Name.fastify, requests);
      goals.push(atLeast(`/predict against fastify + onnxruntime, ${at}`, 5, '×', times));
    }
    return goals;
  });
}

function chartOf(workload: Workload, groups: readonly Group[]): ChartGroup[] {
  return groups.filter(({ connections }) => connections !== 1).map((group) => ({
    label: `${workload.name}, ${group.connections} connections`,
    bars: group.measured.map((measured) => ({
      name: measured.contender.name, value: Math.round(medianOf(measured, requests)),
    })),
  }));
}

export async function throughput(context: PartContext): Promise<PartResult> {
  const { settings, folder, progress, peaks } = context;
  const { size } = settings;
  const plan: (readonly [Workload, readonly number[]])[] = size.tinyOnly
    ? [[TINY, size.connections]]
    : [
        [TINY, size.connections], [MIDDLING, size.otherConnections], [COMPUTE, size.otherConnections],
        [MANY_ROWS, size.otherConnections],
      ];
  const tables: Table[] = [];
  const goals: Goal[] = [];
  const chart: ChartGroup[] = [];
  const notes = new Set<string>();
  for (const [workload, connectionCounts] of plan) {
    progress(`${workload.name}: starting the contenders`);
    const field = await openField({ workload, folder, settings, names: NAMES });
    try {
      for (const note of field.notes) notes.add(note);
      await warmUp(context, field, PEAK_CONNECTIONS);
      const groups: Group[] = [];
      for (const connections of connectionCounts) {
        const measured = await interleave(
          field, field.contenders, size.rounds,
          (contender) => closedHttpLoad(context, contender, connections, size.seconds),
          (what) => progress(`${workload.name}, ${connections} connections, ${what}`));
        groups.push({ connections, measured });
        if (workload === TINY) {
          for (const one of measured) {
            const { name } = one.contender;
            peaks.set(name, Math.max(peaks.get(name) ?? 0, medianOf(one, requests)));
          }
        }
      }
      const layers = workload.layers.join('-');
      const title = `${workload.name}: ${layers}, ${workload.rows} row${workload.rows === 1 ? '' : 's'} a request`;
      tables.push({ title, columns: COLUMNS, rows: groups.flatMap(rowsOf) });
      if (workload === TINY) goals.push(...goalsOf(groups));
      chart.push(...chartOf(workload, groups));
    } finally {
      await field.stop();
    }
  }
  return { name: 'throughput', tables, goals, notes: [...notes], chart };
}
