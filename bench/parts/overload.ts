// Twice the load that the engine can bear, arriving at a constant rate whatever it does: how much it still answers
// well, whether it says no at once to the rest, what memory it takes, and how soon it is itself again. The model keeps
// a worker busy, so that the generator can offer twice its capacity; the queue is short, so that it fills.
import { setTimeout as sleep } from 'node:timers/promises';
import { predictContender } from '../contenders/field.ts';
import { startLastgood, writeModel } from '../contenders/lastgood.ts';
import { HttpClient, requestBytes } from '../load/http-client.ts';
import type { LoadClient, OnAnswer } from '../load/http-client.ts';
import { closedLoop, openLoop } from '../load/loops.ts';
import type { Observe } from '../load/loops.ts';
import { residentMib } from '../measure/process.ts';
import { median } from '../measure/statistics.ts';
import { COMPUTE } from '../workloads.ts';
import { atLeast, atMost, rounded } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

const PENDING_MAX = 256;
/** More than may be pending, so that there is always somebody to be refused. */
const CONNECTIONS = 2 * PENDING_MAX;
const PEAK_CONNECTIONS = 64;
/** Rates at which the peak is looked for, of what a closed loop gets. */
const PEAK_SHARES = [0.8, 1, 1.2];
const TIMES_CAPACITY = 2;
/** Two cores have enough to do with the engine. */
const NO_SPIN = 0;
const PROBES = 50;
const WATCH_MS = 20;
/** Recovered: answered within so many times what it took before the load. */
const RECOVERED_TIMES = 2;
const RECOVERY_MS_MAX = 10_000;
/** Turns of load at twice the capacity: long enough for the queue to fill several times. */
const SPELLS = 3;
/** Turns of load at each rate at which the peak is looked for. */
const PEAK_SPELLS = 1.5;
const GOODPUT_MIN = 0.9;
const RECOVERY_GOAL_MS = 1_000;
const REFUSED = 'HTTP/1.1 429';

interface Outcome {
  readonly peak: number;
  readonly offered: number;
  readonly goodput: number;
  readonly refusedShare: number;
  readonly lost: number;
  readonly goodMs: number;
  readonly refusedMs: number;
  readonly beforeMib: number;
  readonly mostMib: number;
  readonly recoveryMs: number;
}

export async function overload(context: PartContext): Promise<PartResult> {
  const { settings, folder, progress } = context;
  const { rounds } = settings.size;
  const file = writeModel(folder, COMPUTE);
  const args = ['--pending-max', String(PENDING_MAX)];
  const server = await startLastgood({ folder, file, cpus: settings.cpus.server, args });
  try {
    const { host, port, request } = predictContender(server, COMPUTE);
    const bytes = requestBytes(host, request);
    const open = (connections: number) => (onAnswer: OnAnswer): Promise<readonly LoadClient[]> =>
      Promise.all(Array.from({ length: connections }, () => HttpClient.open(host, port, bytes, onAnswer)));
    const outcomes: Outcome[] = [];
    await closedLoop(open(PEAK_CONNECTIONS), settings.size.warmSeconds);
    for (let round = 1; round <= rounds; round += 1) {
      progress(`round ${round} of ${rounds}`);
      outcomes.push(await measure(open, server.pid, settings.size.seconds));
    }
    return report(outcomes);
  } finally {
    await server.stop();
  }
}

type Open = (connections: number) => (onAnswer: OnAnswer) => Promise<readonly LoadClient[]>;

async function measure(open: Open, pid: number, turnSeconds: number): Promise<Outcome> {
  const seconds = turnSeconds * SPELLS;
  const peakSeconds = turnSeconds * PEAK_SPELLS;
  const alone = await probes(open);
  // What it answers at best when requests come as they do below; a closed loop only says where to look.
  const closed = await closedLoop(open(PEAK_CONNECTIONS), peakSeconds);
  let peak = 0;
  for (const share of PEAK_SHARES) {
    const rate = (closed.answered / closed.seconds) * share;
    const { answered, seconds: took } = await openLoop(open(CONNECTIONS), rate, peakSeconds, { spinMs: NO_SPIN });
    peak = Math.max(peak, answered / took);
  }
  const beforeMib = residentMib(pid);
  let mostMib = beforeMib;
  const watch = setInterval(() => (mostMib = Math.max(mostMib, residentMib(pid))), WATCH_MS);
  const good: number[] = [];
  const refused: number[] = [];
  let lost = 0;
  const startMs = performance.now();
  let lastDueMs = startMs;
  const observe: Observe = ({ answer }, dueMs, nowMs, ok) => {
    lastDueMs = Math.max(lastDueMs, dueMs);
    if (ok) good.push(nowMs - dueMs);
    else if (answer.startsWith(REFUSED)) refused.push(nowMs - dueMs);
    else lost += 1;
  };
  const result = await openLoop(open(CONNECTIONS), peak * TIMES_CAPACITY, seconds, { observe, spinMs: NO_SPIN });
  clearInterval(watch);
  const recoveryMs = await recovery(open, median(alone), lastDueMs);
  const total = good.length + refused.length + lost;
  return {
    peak, offered: total / result.seconds, goodput: good.length / result.seconds, refusedShare: refused.length / total,
    lost, goodMs: median(good), refusedMs: refused.length === 0 ? NaN : median(refused), beforeMib, mostMib, recoveryMs,
  };
}

/** How long single requests take, one after the other. */
async function probes(open: Open): Promise<number[]> {
  const times: number[] = [];
  let sentMs = 0;
  const [client] = await open(1)((_, __, ok) => {
    times.push(ok ? performance.now() - sentMs : Infinity);
    if (times.length >= PROBES) return;
    sentMs = performance.now();
    client!.send(times.length);
  });
  sentMs = performance.now();
  client!.send(0);
  while (times.length < PROBES) await sleep(1);
  client!.end();
  return times;
}

/** From the last request that was due until single ones take no longer than before, in ms. */
async function recovery(open: Open, aloneMs: number, endMs: number): Promise<number> {
  while (performance.now() - endMs < RECOVERY_MS_MAX) {
    const beginMs = performance.now();
    if (median(await probes(open)) <= aloneMs * RECOVERED_TIMES) return beginMs - endMs;
  }
  return RECOVERY_MS_MAX;
}

function report(outcomes: readonly Outcome[]): PartResult {
  const of = (pick: (outcome: Outcome) => number): number => median(outcomes.map(pick));
  const share = of(({ goodput, peak }) => goodput / peak);
  const lost = outcomes.reduce((sum, outcome) => sum + outcome.lost, 0);
  const what = `open loop at ${TIMES_CAPACITY} × the capacity`;
  return {
    name: 'overload',
    tables: [{
      title: `compute, ${CONNECTIONS} connections, ${PENDING_MAX} may be pending: ${what}`,
      columns: ['peak req/s', 'offered', 'answered well', 'refused %', 'lost', 'p50 ms', 'refused p50 ms', 'MiB before',
        'MiB at most', 'recovered after ms'],
      rows: [[
        Math.round(of(({ peak }) => peak)), Math.round(of(({ offered }) => offered)),
        Math.round(of(({ goodput }) => goodput)), rounded(of(({ refusedShare }) => refusedShare) * 100),
        lost === 0 ? 0 : `${lost} failed`, rounded(of(({ goodMs }) => goodMs)),
        rounded(of(({ refusedMs }) => refusedMs)),
        Math.round(of(({ beforeMib }) => beforeMib)), Math.round(of(({ mostMib }) => mostMib)),
        Math.round(of(({ recoveryMs }) => recoveryMs)),
      ]],
    }],
    goals: [
      atLeast(`${what}: answered well, of the peak`, GOODPUT_MIN, '×', share),
      atMost(`${what}: lost without an answer`, 0, '', lost),
      atMost(`${what}: as fast as before after the end`, RECOVERY_GOAL_MS, ' ms', of(({ recoveryMs }) => recoveryMs)),
    ],
    notes: [],
  };
}
