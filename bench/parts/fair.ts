// What small requests wait beside others' load: alone, beside large requests to the same model on as many connections
// as keep it busy, and beside a second model that is saturated with small ones; taking turns. The small ones come from
// a process of their own at a constant rate, far below what the engine can do, so that only what they wait for is seen.
import { probe } from '../contenders/field.ts';
import type { Contender } from '../contenders/contender.ts';
import { startLastgood, verb, writeModel } from '../contenders/lastgood.ts';
import { runGenerator } from '../load/generator.ts';
import { HttpClient, requestBytes } from '../load/http-client.ts';
import { closedLoop } from '../load/loops.ts';
import type { LoadResult } from '../load/result.ts';
import { median, roundRatios } from '../measure/statistics.ts';
import { MIDDLING, predictRequest, TINY, type Workload } from '../workloads.ts';
import { atMost, rounded } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

const HOST = '127.0.0.1';
/** Requests a second, and connections, of the small ones. */
const RATE = 200;
const CONNECTIONS = 8;
/** Bodies of some 5 MB. */
const LARGE_ROWS = 4_096;
const LARGE_CONNECTIONS = 8;
const OTHER_CONNECTIONS = 64;
const OTHER_MODEL = 'other';
/** Turns of load: a quantile of a hundredth wants some thousand requests. */
const SPELLS = 5;
const TIMES_MAX = 3;

interface Beside {
  readonly name: string;
  /** Puts load on the engine until it is over; null for none. */
  readonly load: ((seconds: number) => Promise<number>) | null;
}

interface Turn {
  readonly small: LoadResult;
  /** Requests a second of the load beside them. */
  readonly others: number;
}

export async function fair(context: PartContext): Promise<PartResult> {
  const { settings, folder, progress } = context;
  const { size, cpus } = settings;
  const server = await startLastgood({ folder, file: writeModel(folder, MIDDLING), cpus: cpus.server });
  try {
    const other = writeModel(folder, TINY);
    await verb(['register', OTHER_MODEL, other, '--version', '1', '--promote', '--data', server.dataDir]);
    const contenderOf = (workload: Workload, path: string): Contender => ({
      name: path, transport: 'http', host: HOST, port: server.port, pid: server.pid, rows: workload.rows,
      request: { ...predictRequest(workload), path },
    });
    const small = contenderOf(MIDDLING, '/models/m/predict');
    const large = contenderOf({ ...MIDDLING, rows: LARGE_ROWS }, '/models/m/predict');
    const saturating = contenderOf(TINY, `/models/${OTHER_MODEL}/predict`);
    const megabytes = rounded(large.request.body.length / 1e6);
    await probe(large);
    const kinds: readonly Beside[] = [
      { name: 'alone', load: null },
      {
        name: `beside ${LARGE_CONNECTIONS} connections with requests of ${LARGE_ROWS} rows, ${megabytes} MB`,
        load: (seconds) => closed(large, LARGE_CONNECTIONS, seconds),
      },
      {
        name: `beside ${OTHER_CONNECTIONS} connections to another model`,
        load: (seconds) => closed(saturating, OTHER_CONNECTIONS, seconds),
      },
    ];
    const seconds = size.seconds * SPELLS;
    const turns = kinds.map((): Turn[] => []);
    for (let round = 1; round <= size.rounds; round += 1) {
      for (const [at, { name, load }] of kinds.entries()) {
        progress(`round ${round} of ${size.rounds}: ${name}`);
        const measured = runGenerator(small, {
          connections: CONNECTIONS, seconds, rate: RATE, warmSeconds: size.warmSeconds * SPELLS, cpus: cpus.generator,
        });
        const [found, others] = await Promise.all([measured, load?.(seconds + size.warmSeconds * SPELLS) ?? 0]);
        turns[at]!.push({ small: found, others });
      }
    }
    return report(kinds, turns);
  } finally {
    await server.stop();
  }
}

async function closed({ host, port, request }: Contender, connections: number, seconds: number): Promise<number> {
  const bytes = requestBytes(host, request);
  const { answered, seconds: took } = await closedLoop((onAnswer) =>
    Promise.all(Array.from({ length: connections }, () => HttpClient.open(host, port, bytes, onAnswer))), seconds);
  return answered / took;
}

function report(kinds: readonly Beside[], turns: readonly (readonly Turn[])[]): PartResult {
  const p99s = turns.map((those) => those.map(({ small }) => small.p99Us));
  const timesAlone = p99s.map((those) => median(roundRatios(those, p99s[0]!)));
  return {
    name: 'fair',
    tables: [{
      title: `middling, /predict, ${RATE} single rows a second`,
      columns: ['small requests', 'p50 µs', 'p99 µs', 'p99, times alone', 'failed', 'others req/s'],
      rows: kinds.map(({ name }, at) => {
        const those = turns[at]!;
        return [
          name, Math.round(median(those.map(({ small }) => small.p50Us))), Math.round(median(p99s[at]!)),
          rounded(timesAlone[at]!), those.reduce((sum, { small }) => sum + small.failed, 0),
          rounded(median(those.map(({ others }) => others))),
        ];
      }),
    }],
    goals: kinds.slice(1).map(({ name }, at) =>
      atMost(`p99 of small requests ${name}`, TIMES_MAX, ' × alone', rounded(timesAlone[at + 1]!) ?? NaN)),
    notes: [],
  };
}
