// Open-loop latency of one row over HTTP: every contender at half its own peak, and the ceiling at lastgood's rate too.
import { Name, openField } from '../contenders/field.ts';
import type { Contender } from '../contenders/contender.ts';
import { runGenerator } from '../load/generator.ts';
import { column, interleave, medianOf } from '../measure/rounds.ts';
import type { Measured } from '../measure/rounds.ts';
import { median, medianRatio } from '../measure/statistics.ts';
import { TINY } from '../workloads.ts';
import { atMost, closedHttpLoad, rounded, warmUp } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

const NAMES = [Name.ceiling, Name.json, Name.oipBinary, Name.fastify, Name.piscina];
const P99_MS_MAX = 5;
/** Share of the own peak. */
const LOAD = 0.5;

export async function latency(context: PartContext): Promise<PartResult> {
  const { settings, folder, progress, peaks } = context;
  const { size, cpus } = settings;
  const field = await openField({ workload: TINY, folder, settings, names: NAMES });
  try {
    await warmUp(context, field, size.openConnections);
    for (const contender of field.contenders) {
      if (peaks.has(contender.name)) continue;
      const only = await interleave(
        field, [contender], 1, (one) => closedHttpLoad(context, one, size.openConnections, size.seconds), progress);
      peaks.set(contender.name, medianOf(only[0], (turn) => turn.requestsPerSecond));
    }
    const half = (name: string): number => Math.max(1, Math.round((peaks.get(name) ?? 0) * LOAD));
    const ceiling = field.contenders.find(({ name }) => name === Name.ceiling);
    const own: Contender[] = ceiling === undefined ? [] : [{ ...ceiling, name: CEILING_AT_OWN_RATE }];
    const rates = new Map(field.contenders.map(({ name }) => [name, half(name)]));
    rates.set(CEILING_AT_OWN_RATE, half(Name.ceiling));
    // Beside lastgood the ceiling gets lastgood's rate: the goal compares the two at the same one.
    rates.set(Name.ceiling, half(Name.json));
    const measured = await interleave(
      field, [...field.contenders, ...own], size.rounds,
      (contender) => runGenerator(contender, {
        connections: size.openConnections, seconds: size.seconds, rate: rates.get(contender.name) ?? 1,
        warmSeconds: size.warmSeconds, cpus: cpus.generator,
      }),
      (what) => progress(`open loop, ${what}`));
    return report(measured, rates, field.notes);
  } finally {
    await field.stop();
  }
}

const HALF = 'open loop at half the own peak';
const CEILING_AT_OWN_RATE = 'ceiling at half its own peak';

type Rates = ReadonlyMap<string, number>;

function report(measured: readonly Measured[], rates: Rates, notes: readonly string[]): PartResult {
  const find = (name: string): Measured | undefined => measured.find(({ contender }) => contender.name === name);
  const p99 = (name: string): number[] => column(find(name), (turn) => turn.p99Us);
  return {
    name: 'latency',
    tables: [{
      title: 'open loop, tiny: timed from the moment at which each request was due',
      columns: ['contender', 'req/s asked', 'req/s done', 'p50 µs', 'p99 µs', 'p99.9 µs', 'failed', 'note'],
      rows: measured.map((one) => [
        one.contender.name, rates.get(one.contender.name) ?? null,
        Math.round(medianOf(one, (turn) => turn.requestsPerSecond)),
        Math.round(medianOf(one, (turn) => turn.p50Us)), Math.round(medianOf(one, (turn) => turn.p99Us)),
        Math.round(medianOf(one, (turn) => turn.p999Us)), one.turns.reduce((sum, turn) => sum + turn.failed, 0),
        medianOf(one, ({ isGeneratorBound }) => Number(isGeneratorBound)) > 0.5 ? 'generator was the limit' : '',
      ]),
    }],
    goals: [
      atMost(`${HALF}: p99 of the ceiling's`, 3, '×', medianRatio(p99(Name.json), p99(Name.ceiling))),
      atMost(`${HALF}: p99`, P99_MS_MAX, ' ms', rounded(median(p99(Name.json)) / 1e3) ?? NaN),
    ],
    notes,
  };
}
