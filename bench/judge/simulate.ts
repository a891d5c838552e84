// Runs one stream through judges as the monitor does: the same judge, a sample at a time in the order of time, looks by
// a virtual clock. Invariant: both judges of a run see the same samples.
import { quietUntil } from '../../src/backtest/quiet-time.ts';
import type { JudgeOptions } from '../../src/options/options.ts';
import { computeBaseline } from '../../src/judge/baseline/baseline.ts';
import type { GenerationJudge } from '../../src/judge/checks/generation-judge.ts';
import { judgeOf } from '../../src/judge/checks/suite.ts';
import type { CheckName } from '../../src/judge/types/messages.ts';
import type { Baseline } from '../../src/domain/records.ts';
import type { Sample } from '../../src/shared-memory/sample-ring.ts';
import { emptySample, Outcome } from '../../src/shared-memory/sample-ring.ts';
import { Random } from './random.ts';
import type { Stream } from './streams.ts';
import { SimulatedTwin } from './twin.ts';

/** Rows of the validation set that a simulated version is registered with: the fewest that a full suite asks for. */
export const BASELINE_ROWS = 1_000;

export function baselineOf(stream: Stream, random: Random): Baseline {
  const rows = Array.from({ length: BASELINE_ROWS }, () => stream.answers.row(random));
  const { kind } = stream.answers;
  return computeBaseline(rows, { output: 'output', kind, source: 'validation', createdAtMs: 0, origin: stream.name });
}

/** Hands the samples of `stream` to `visit` until it says stop; they are compared with `baseline`. */
export function samplesOf(
  stream: Stream, perSecond: number, random: Random, baseline: Baseline,
  visit: (sample: Readonly<Sample>) => boolean,
): void {
  const arrivals = stream.arrivals(perSecond);
  const serve = stream.service();
  const answers = stream.against?.(baseline) ?? stream.answers.live();
  const sample: Sample = { ...emptySample(), generation: 1, rows: 1, batchRows: 1 };
  for (;;) {
    sample.atUs += arrivals(sample.atUs, random);
    serve(sample, random);
    answers(sample, random);
    if (sample.outcome !== Outcome.ok) sample.value = NaN;
    if (!visit(sample)) return;
  }
}

/** Looks that are made after every sample, whatever comes. */
const QUIET_LOOKS = 4;

/** What one judge did. */
export interface Alarm {
  readonly atUs: number;
  readonly checks: readonly (CheckName | 'pairs')[];
}

/**
 * One judge with its looks; drift may roll back all the time, as on probation. compat acts on its checks; default asks
 * the version before the same questions first.
 */
export class Judged {
  /** Rollbacks. */
  readonly alarms: Alarm[] = [];
  /** Times at which checks asked for one, whatever pairs said. */
  asked = 0;
  readonly twin: SimulatedTwin | null;
  readonly #judge: GenerationJudge;
  readonly #options: JudgeOptions;
  readonly #lookUs: number;
  readonly #cooldownUs: number;
  /** compat's window holds the last requests, however old: without a new one a look sees what the one before saw. */
  readonly #knowsTime: boolean;
  #nextUs: number;
  #quietUntilUs = 0;
  #isNew = true;
  #newestUs = 0;
  #askedUntilUs = 0;
  #acting: Alarm['checks'] = [];

  constructor(options: JudgeOptions, baseline: Baseline, about: Pick<RunOf, 'healthy' | 'served' | 'seed'>) {
    this.#options = options;
    this.#judge = judgeOf(options, baseline);
    this.twin = options.mode === 'compat' ? null : new SimulatedTwin({ ...about, baseline }, options);
    this.#lookUs = options.lookMs * 1e3;
    this.#cooldownUs = options.cooldownMs * 1e3;
    this.#knowsTime = options.mode !== 'compat';
    this.#nextUs = this.#lookUs;
  }

  /** Makes the looks that are due before `nowUs`; while no sample comes, those at which a window may have changed. */
  lookUntil(nowUs: number): void {
    while (this.#nextUs <= nowUs) {
      if (this.#isNew || this.#knowsTime) this.#acting = this.#look();
      this.#isNew = false;
      if (this.#acting.length > 0 && this.#nextUs >= this.#quietUntilUs) {
        this.alarms.push({ atUs: this.#nextUs, checks: this.#acting });
        this.#quietUntilUs = this.#nextUs + this.#cooldownUs;
      }
      this.#skip(nowUs);
    }
  }

  // To the next look, as a backtest goes on while nothing comes; on the grid of looks.
  #skip(untilUs: number): void {
    const atUs = this.#nextUs;
    this.#nextUs += this.#lookUs;
    const idleUs = atUs - this.#newestUs;
    // A breach is seen by two looks in a row.
    if (!this.#knowsTime || idleUs < QUIET_LOOKS * this.#lookUs || untilUs < this.#nextUs) return;
    const quietUs = quietUntil(atUs / 1e3, idleUs / 1e3, this.#options) * 1e3;
    const skipUs = Math.min(quietUs, untilUs) - this.#nextUs;
    if (skipUs > 0) this.#nextUs += Math.floor(skipUs / this.#lookUs) * this.#lookUs;
  }

  #look(): Alarm['checks'] {
    const nowUs = this.#nextUs;
    const look = this.#judge.look(nowUs, 'probation', null);
    const asking = look.failing.filter(({ effect }) => effect === 'rollback');
    if (asking.length > 0 && nowUs >= this.#askedUntilUs) {
      this.asked += 1;
      this.#askedUntilUs = nowUs + this.#cooldownUs;
    }
    return this.twin?.acting(look, nowUs) ?? asking.map(({ check }) => check);
  }

  add(sample: Readonly<Sample>): void {
    this.lookUntil(sample.atUs);
    this.#isNew = true;
    this.#newestUs = sample.atUs;
    this.#judge.add(sample);
    this.twin?.add(sample);
  }
}

export interface RunOf {
  /** What the baseline is made of. */
  readonly healthy: Stream;
  /** What is served. */
  readonly served: Stream;
  readonly perSecond: number;
  readonly seed: number;
  readonly untilUs: number;
  /** A judge that alarms later than this has done its work; null lets all go on to the end. */
  readonly alarmAfterUs: number | null;
}

/** Serves until `untilUs`, or until every judge has done its work; returns the number of samples too. */
export function run(
  { healthy, served, perSecond, seed, untilUs, alarmAfterUs }: RunOf, options: readonly JudgeOptions[],
): { readonly judged: readonly Judged[]; readonly samples: number } {
  const random = new Random(seed);
  const baseline = baselineOf(healthy, random);
  const judged = options.map((one) => new Judged(one, baseline, { healthy, served, seed }));
  const isDone = ({ alarms }: Judged): boolean =>
    alarmAfterUs !== null && alarms.length > 0 && alarms.at(-1)!.atUs > alarmAfterUs;
  let samples = 0;
  samplesOf(served, perSecond, random, baseline, (sample) => {
    if (sample.atUs > untilUs) return false;
    samples += 1;
    let waiting = 0;
    for (const one of judged) {
      if (isDone(one)) continue;
      one.add(sample);
      waiting += 1;
    }
    return waiting > 0;
  });
  for (const one of judged) if (!isDone(one)) one.lookUntil(untilUs);
  return { judged, samples };
}
