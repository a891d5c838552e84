// Times the same small batches on two loaded versions, in drawn order, beside whatever else they are doing: rows that
// the failing one was asked lately, one at a time, and a full batch of known requests. Main thread; the runs belong to
// no generation, so nobody is judged by them. What is counted is the time of one run of a session. The first look of an
// alarm times what a few seconds allow, later ones a part of the worker time. A run that does not come back in time
// ends the timing and says so.
import { type Clock, withTimeout } from '../../base/clock.ts';
import type { PairedRunFacts } from '../../judge/verdict/findings-schema.ts';
import type { HostFacts } from '../../judge/verdict/host.ts';
import { DrawnOrder, isDoubtful, RunTimes } from '../../judge/pairs/run-times.ts';
import { EntryKind } from '../../protocols/protocol.ts';
import { RowReader, rowRingOffset } from '../../shared-memory/row-ring.ts';
import { NO_GENERATION } from '../../shared-memory/slab.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import { createSlab } from '../../shared-memory/slab-arena.ts';
import type { Deployment } from '../deployment/deployment.ts';
import type { ProbeRequest } from './probe-request.ts';

/** Pairs of runs of each size that do not count: the first runs of threads that were asleep are slow. */
const PAIRS_COLD = 2;
/** Pairs that are timed at one look. */
const PAIRS_AT_ONCE = 512;
/**
 * A pair in which one version is slower, and not beyond doubt, is run so often, and the shorter times count: what else
 * a busy host does makes single runs of either version slow, and a version that is slow for a batch is so every time.
 */
const TIMES_MAX = 2;
/** Pairs after which it is asked whether they are enough. */
const PAIRS_BETWEEN = 4;
const ROWS_MAX = 32;
/** Batches of many rows get a third of the time of those of one. */
const MANY_WEIGHT = 3;
/** Worker time of the first look of an alarm; a version that is slow beyond doubt has shown it by then. */
const FIRST_MS_MAX = 8_000;
/** A look, waiting for workers that are busy included. */
const LOOK_MS_MAX = 12_000;
/** Part of the time of one worker that later looks take, and what may be saved up for them. */
const LATER_SHARE = 0.25;
const SAVED_MS_MAX = 1_000;
/** An alarm is over when nobody has asked about it for so long. */
const ALARM_US = 60e6;
const ANSWER_BYTES = 1 << 20;

/** A batch that both versions are asked, and what came of it. */
interface Batch {
  readonly times: RunTimes;
  /** Pairs timed so far, those that do not count included. */
  pairs: number;
  /** What all of them took the workers, and how heavily that counts where it is chosen which batch is next. */
  tookMs: number;
  readonly weight: number;
  /** Puts the requests of pair number `pair` into a slab of its own memory. */
  readonly fill: (pair: number) => Slab;
}

interface Alarm {
  readonly key: string;
  readonly sinceUs: number;
  askedUs: number;
  savedMs: number;
  readonly batches: readonly Batch[];
}

/** What is timed. */
interface Compared {
  readonly generation: number;
  readonly active: Deployment;
  readonly standby: Deployment;
  /** Requests that both can answer; null when they are too large to make any up. */
  readonly requests: readonly ProbeRequest[] | null;
  /** Whether rows that the active version was asked can be put to both. */
  readonly isRowAlike: boolean;
  readonly batchSizeMax: number;
}

export class PairedRuns {
  readonly #clock: Clock;
  readonly #waitMs: number;
  readonly #order: DrawnOrder;
  #alarm: Alarm | null = null;
  #episodes = { generation: 0, count: 0 };

  /** `waitMs`: how long runs are timed for one alarm; `seed` of the order in which the versions are asked. */
  constructor(clock: Clock, waitMs: number, seed: number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
    this.#order = new DrawnOrder(seed);
  }

  /**
   * Times what this look may, or until it is enough, and tells what has come since the alarm began. Rejects when a
   * version is on its way out; without `runs` when there is nothing that both can be asked.
   */
  async look(
    compared: Compared, isEnough: (runs: PairedRunFacts) => boolean,
  ): Promise<Pick<HostFacts, 'runs' | 'stuck'>> {
    const nowUs = this.#clock.monotonicUs();
    const alarm = this.#alarmOf(compared, nowUs);
    if (alarm.batches.length === 0) return { stuck: null };
    const factsNow = (): PairedRunFacts => ({
      sizes: alarm.batches.map(({ times }) => times.facts()).filter((facts) => facts !== null),
      episode: this.#episodes.count - 1, waitedMs: (nowUs - alarm.sinceUs) / 1e3, waitMs: this.#waitMs,
    });
    const stuck = await this.#time(compared, alarm, nowUs + LOOK_MS_MAX * 1e3, () => isEnough(factsNow()));
    return { runs: factsNow(), stuck };
  }

  #alarmOf(compared: Compared, nowUs: number): Alarm {
    const { generation, active, standby } = compared;
    const key = `${generation} ${active.id} ${standby.id}`;
    const known = this.#alarm;
    if (known?.key === key && nowUs - known.askedUs < ALARM_US) {
      const passedMs = (nowUs - known.askedUs) / 1e3;
      known.savedMs = Math.min(SAVED_MS_MAX, known.savedMs + passedMs * LATER_SHARE);
      known.askedUs = nowUs;
      return known;
    }
    if (this.#episodes.generation !== generation) this.#episodes = { generation, count: 0 };
    this.#episodes.count += 1;
    return (this.#alarm = {
      key, sinceUs: nowUs, askedUs: nowUs, savedMs: FIRST_MS_MAX, batches: batchesOf(compared, this.#clock),
    });
  }

  // Resolves with the version that did not come back from a run.
  async #time(
    { active, standby }: Compared, alarm: Alarm, endUs: number, isOver: () => boolean,
  ): Promise<HostFacts['stuck']> {
    const { batches } = alarm;
    const isAllowed = (): boolean => alarm.savedMs > 0 && this.#clock.monotonicUs() < endUs;
    for (let pair = 0; pair < PAIRS_AT_ONCE && isAllowed(); pair += 1) {
      if (pair % PAIRS_BETWEEN === PAIRS_BETWEEN - 1 && isOver()) return null;
      // By the time that they took: a batch of many rows may take as long as many batches of one.
      const weighed = ({ tookMs, weight }: Batch): number => tookMs * weight;
      const batch = batches.reduce((least, one) => (weighed(one) < weighed(least) ? one : least));
      const ms = { active: Infinity, standby: Infinity };
      const isCold = batch.pairs < PAIRS_COLD;
      const wants = (time: number): boolean => time === 0 || (!isCold && isDoubtful(ms.active, ms.standby));
      for (let time = 0; time < TIMES_MAX && wants(time); time += 1) {
        for (const who of this.#order.next() ? ['active', 'standby'] as const : ['standby', 'active'] as const) {
          const took = await this.#timed(who === 'active' ? active : standby, batch, endUs);
          if (took === null) return who;
          ms[who] = Math.min(ms[who], took.runMs);
          batch.tookMs += took.workerMs;
          alarm.savedMs -= took.workerMs;
        }
      }
      if (!isCold) batch.times.note(ms.active, ms.standby);
      batch.pairs += 1;
    }
    return null;
  }

  // Milliseconds of one run of a session, and of all that a worker did; null when the batch does not come back in time.
  async #timed(
    deployment: Deployment, { fill, pairs }: Batch, endUs: number,
  ): Promise<{ readonly runMs: number; readonly workerMs: number } | null> {
    const nowUs = this.#clock.monotonicUs();
    // Memory of its own: a run that does not come back keeps it.
    const slab = fill(pairs);
    slab.stamp(NO_GENERATION, deployment.id, nowUs);
    const limitMs = Math.max(0, endUs - nowUs) / 1e3 + FIRST_MS_MAX;
    // A replay takes no place of the queue: nobody would wake the queue when it is over. The slab counts its beginning
    // as a run, too.
    return withTimeout(limitMs, deployment.replay(slab).then(() => {
      const workerMs = slab.ranUs / 1e3;
      return { runMs: workerMs / Math.max(1, slab.runs - 1), workerMs };
    }));
  }
}

function batchesOf(compared: Compared, clock: Clock): Batch[] {
  const { requests, batchSizeMax } = compared;
  const rows = compared.isRowAlike ? rowsAskedOf(compared) : [];
  const many = Math.min(ROWS_MAX, batchSizeMax);
  const batches: Batch[] = [];
  if (rows.length > 0) {
    batches.push({
      times: new RunTimes(1), pairs: 0, tookMs: 0, weight: 1,
      fill: (pair) => slabOf([{ bytes: rows[pair % rows.length]!, headerBytes: 0 }], EntryKind.replay, clock),
    });
  }
  for (const size of requests === null ? [] : new Set(rows.length > 0 ? [many] : [1, many])) {
    batches.push({
      times: new RunTimes(size), pairs: 0, tookMs: 0, weight: size === 1 ? 1 : MANY_WEIGHT,
      fill: () => {
        const asked = Array.from({ length: size }, (_, at) => requests![at % requests!.length]!);
        return slabOf(asked, EntryKind.oip, clock);
      },
    });
  }
  return batches;
}

// The newest rows of the generation that its workers kept.
function rowsAskedOf({ active: { rows: { reservoir }, workers }, generation }: Compared): Uint8Array[] {
  if (reservoir === null) return [];
  const rows: Uint8Array[] = [];
  for (let ring = 0; ring < workers; ring += 1) {
    const reader = new RowReader(reservoir.memory, rowRingOffset(ring, reservoir.size), reservoir.size);
    reader.drain((row) => {
      if (row.generation === generation && row.inputs.length > 0) rows.push(row.inputs.slice());
    });
  }
  return rows.slice(-ROWS_MAX);
}

function slabOf(requests: readonly ProbeRequest[], kind: EntryKind, clock: Clock): Slab {
  const requestBytes = requests.reduce((sum, { bytes }) => sum + bytes.length + 8, 0);
  const slab = createSlab({ entriesMax: requests.length, requestBytes, answerBytes: ANSWER_BYTES });
  const nowUs = clock.monotonicUs();
  for (const { bytes, headerBytes } of requests) slab.append(kind, bytes, nowUs, Infinity, headerBytes);
  return slab;
}
