// WebSocket frames of raw floats against JSON over HTTP, rows in flight being equal or more.
import { Name, openField } from '../contenders/field.ts';
import { runGenerator } from '../load/generator.ts';
import { column, interleave, medianOf } from '../measure/rounds.ts';
import { medianRatio } from '../measure/statistics.ts';
import { TINY } from '../workloads.ts';
import { atLeast, closedHttpLoad, rounded, warmUp } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

const SOCKETS = 16;
const FRAMES_IN_FLIGHT = 16;
const HTTP_CONNECTIONS = 64;

export async function websocket(context: PartContext): Promise<PartResult> {
  const { settings, folder, progress } = context;
  const { rounds, seconds, warmSeconds } = settings.size;
  const cpus = settings.cpus.generator;
  const field = await openField({
    workload: TINY, folder, settings: { ...settings, others: [] }, names: [Name.ceiling, Name.json, Name.floats],
  });
  try {
    await warmUp(context, field, HTTP_CONNECTIONS);
    const measured = await interleave(
      field, field.contenders, rounds,
      (contender) => contender.transport === 'http'
        ? closedHttpLoad(context, contender, HTTP_CONNECTIONS, seconds)
        : runGenerator(contender, {
          connections: SOCKETS, inFlight: FRAMES_IN_FLIGHT, seconds, rate: null, cpus, warmSeconds,
        }),
      progress);
    const [, json, floats] = measured;
    const requests = column(json, (turn) => turn.requestsPerSecond);
    const ratio = medianRatio(column(floats, (turn) => turn.requestsPerSecond), requests);
    const measure = `f32, ${SOCKETS} sockets × ${FRAMES_IN_FLIGHT} in flight, against own /predict`;
    return {
      name: 'websocket',
      tables: [{
        title: `tiny: ${SOCKETS} sockets × ${FRAMES_IN_FLIGHT} frames, ${HTTP_CONNECTIONS} HTTP connections`,
        columns: ['contender', 'req/s', 'CPU µs/req', 'p50 µs', 'p99 µs', 'failed', 'note'],
        rows: measured.map((one) => [
          one.contender.name, Math.round(medianOf(one, (turn) => turn.requestsPerSecond)),
          rounded(medianOf(one, (turn) => turn.cpuUs)), Math.round(medianOf(one, (turn) => turn.p50Us)),
          Math.round(medianOf(one, (turn) => turn.p99Us)), one.turns.reduce((sum, turn) => sum + turn.failed, 0),
          medianOf(one, (turn) => Number(turn.isGeneratorBound)) > 0.5 ? 'generator was the limit' : '',
        ]),
      }],
      goals: floats === undefined ? [] : [atLeast(measure, 2, '×', ratio)],
      notes: field.notes,
    };
  } finally {
    await field.stop();
  }
}
