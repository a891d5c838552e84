// Promotes and rollbacks under open-loop load at half the peak: what clients see of them, and how long it takes from
// asking for a rollback to the first answer of the version that stood by. The load runs in this process, because each
// answer's version and time are compared with the operator's doings.
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAdmin } from '../../src/admin/client.ts';
import type { Contender } from '../contenders/contender.ts';
import { Name, predictContender } from '../contenders/field.ts';
import { startLastgood, verb, writeModel } from '../contenders/lastgood.ts';
import { HttpClient, requestBytes } from '../load/http-client.ts';
import { openLoop } from '../load/loops.ts';
import type { Observe, OpenClients } from '../load/loops.ts';
import { onCpus } from '../measure/process.ts';
import { takeTurn } from '../measure/rounds.ts';
import { median } from '../measure/statistics.ts';
import { MODEL, TINY } from '../workloads.ts';
import { atMost, closedHttpLoad, rounded } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

const LOAD = 0.5;
const STEADY_MS = 2_000;
/** What counts as the second of a promote or a rollback. */
const SECOND_MS = 1_000;
/** Between two doings, of the steady time. */
const PAUSE_SHARE = 0.6;
const ACTOR = { by: 'bench' };
const ANSWERED_BY_FIRST = '"model_version":"1"';

const SEEN_AT_FIRST = 2 ** 21;

/** Every answer. Numbers in flat arrays: millions of objects would make the generator stop to collect its garbage. */
class Seen {
  #dueMs = new Float64Array(SEEN_AT_FIRST);
  #nowMs = new Float64Array(SEEN_AT_FIRST);
  #byFirst = new Uint8Array(SEEN_AT_FIRST);
  #count = 0;

  add(dueMs: number, nowMs: number, byFirst: boolean): void {
    if (this.#count === this.#dueMs.length) this.#grow();
    this.#dueMs[this.#count] = dueMs;
    this.#nowMs[this.#count] = nowMs;
    this.#byFirst[this.#count] = byFirst ? 1 : 0;
    this.#count += 1;
  }

  /** How long those took that were due in this time, in ms. */
  waits(fromMs: number, toMs: number): number[] {
    const waits: number[] = [];
    for (let at = 0; at < this.#count; at += 1) {
      const dueMs = this.#dueMs[at]!;
      if (dueMs >= fromMs && dueMs < toMs) waits.push(this.#nowMs[at]! - dueMs);
    }
    return waits;
  }

  /** When the first answer by version 1 came from then on; NaN when none did. */
  firstOfOne(fromMs: number): number {
    for (let at = 0; at < this.#count; at += 1) {
      if (this.#nowMs[at]! >= fromMs && this.#byFirst[at] === 1) return this.#nowMs[at]!;
    }
    return NaN;
  }

  #grow(): void {
    const wider = <A extends Float64Array | Uint8Array>(old: A, made: A): A => {
      made.set(old);
      return made;
    };
    const size = this.#count * 2;
    this.#dueMs = wider(this.#dueMs, new Float64Array(size));
    this.#nowMs = wider(this.#nowMs, new Float64Array(size));
    this.#byFirst = wider(this.#byFirst, new Uint8Array(size));
  }
}

interface Doing {
  readonly what: 'promote' | 'rollback';
  readonly atMs: number;
  readonly doneMs: number;
}

export async function rollout(context: PartContext): Promise<PartResult> {
  const { settings, folder, progress, peaks } = context;
  const { rollouts, openConnections, seconds } = settings.size;
  const file = writeModel(folder, TINY);
  const server = await startLastgood({ folder, file, cpus: settings.cpus.server });
  try {
    await verb(['register', MODEL, file, '--version', '2', '--data', server.dataDir]);
    const admin = await connectAdmin(server.dataDir);
    if (admin === null) throw new Error('promote under load: the engine has no admin socket');
    const contender = predictContender(server, TINY);
    progress('peak');
    const found = await peakOf(context, contender);
    if (!peaks.has(Name.json)) peaks.set(Name.json, found);
    const rate = Math.max(1, Math.round((peaks.get(Name.json) ?? 0) * LOAD));
    const steadyMs = Math.min(STEADY_MS, seconds * STEADY_MS);
    const warmSeconds = settings.size.warmSeconds;
    const doings: Doing[] = [];
    const act = async (what: Doing['what']): Promise<void> => {
      const atMs = performance.now();
      if (what === 'promote') await admin.promote({ model: MODEL, version: '2' }, ACTOR);
      else await admin.rollback({ model: MODEL, to: '1', reason: 'bench' }, ACTOR);
      doings.push({ what, atMs, doneMs: performance.now() });
      await sleep(steadyMs * PAUSE_SHARE);
    };
    const course = { isOver: false };
    const acting = async (): Promise<void> => {
      await sleep(warmSeconds * 1e3 + steadyMs);
      for (let round = 1; round <= rollouts; round += 1) {
        progress(`promote and rollback ${round} of ${rollouts}, ${rate} requests a second`);
        // A version that was rolled back is in quarantine until an operator releases it.
        if (round > 1) await admin.release({ model: MODEL, version: '2' }, ACTOR).catch(() => undefined);
        await act('promote');
        await act('rollback');
      }
    };
    const seen = new Seen();
    const request = requestBytes(contender.host, contender.request);
    const open: OpenClients = (onAnswer) => Promise.all(Array.from({ length: openConnections }, () =>
      HttpClient.open(contender.host, contender.port, request, onAnswer)));
    const observe: Observe = ({ answer }, dueMs, nowMs) => {
      seen.add(dueMs, nowMs, answer.includes(ANSWERED_BY_FIRST));
    };
    const { failed } = await onCpus(settings.cpus.generator, async () => {
      const load = openLoop(open, rate, Infinity, { observe, warmSeconds, isOver: () => course.isOver });
      await acting().finally(() => (course.isOver = true));
      return load;
    });
    return report(seen, doings, failed, rate);
  } finally {
    await server.stop();
  }
}

async function peakOf(context: PartContext, contender: Contender): Promise<number> {
  const load = (one: Contender): ReturnType<typeof closedHttpLoad> =>
    closedHttpLoad(context, one, context.settings.size.openConnections, context.settings.size.seconds);
  await takeTurn(contender, load);
  return (await takeTurn(contender, load)).requestsPerSecond;
}

function percentile99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? NaN;
}

function report(seen: Seen, doings: readonly Doing[], failed: number, rate: number): PartResult {
  const steady = percentile99(seen.waits(0, doings[0]?.atMs ?? 0));
  const during = (what: Doing['what']): number => median(
    doings.filter((doing) => doing.what === what)
      .map(({ atMs, doneMs }) => percentile99(seen.waits(atMs, Math.max(doneMs, atMs + SECOND_MS)))));
  const back = doings.filter(({ what }) => what === 'rollback').map(({ atMs }) => seen.firstOfOne(atMs) - atMs);
  const took = (what: Doing['what']): number =>
    median(doings.filter((doing) => doing.what === what).map(({ atMs, doneMs }) => doneMs - atMs));
  return {
    name: 'rollout',
    tables: [{
      title: `${doings.length / 2} promotes and rollbacks at ${rate} requests a second`,
      columns: ['', 'p99 ms', 'took ms', 'first answer after ms', 'failed requests'],
      rows: [
        ['steady', rounded(steady), null, null, failed === 0 ? 0 : `${failed} failed`],
        ['promote', rounded(during('promote')), rounded(took('promote')), null, null],
        ['rollback', rounded(during('rollback')), rounded(took('rollback')), rounded(median(back)), null],
      ],
    }],
    goals: [
      atMost('promote and rollback under load: failed requests', 0, '', failed),
      atMost('p99 of the second of a promote, of the steady p99', 2, '×', during('promote') / steady),
      atMost('p99 of the second of a rollback, of the steady p99', 2, '×', during('rollback') / steady),
      atMost('rollback asked for to first answer of the standby', 10, ' ms', median(back)),
    ],
    notes: [],
  };
}
