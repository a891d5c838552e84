// Looks for runs that do not come back. A busy worker cannot be stopped, so what is left is: answer its requests with
// 504, find out whether they or the version are to blame, and have the process started again. Main thread.
//
//   running -> stuck (past the deadline): not ready, the standby answers instead
//           -> hung: requests refused, asked again elsewhere (post-mortem.ts) -> (registry written) -> reported, once
//
// Invariant: runs are reported only after the registry knows of every version that is to blame that it is out, so that
// the next process begins with none of them. Where nobody else could answer meanwhile, the next process finds it out.
import { setTimeout as sleep } from 'node:timers/promises';
import { lastgoodError } from '../../base/errors.ts';
import type { Deployment } from '../../rollout/deployment/deployment.ts';
import { requestsOf } from '../../shared-memory/in-flight.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import type { HungRun } from '../events.ts';
import type { EngineContext } from '../models/context.ts';
import type { ServedModel } from '../models/served-model.ts';
import type { PostMortem } from './post-mortem.ts';

/** A look is a comparison per running batch; a hung run is found this much late at most. */
const LOOK_MS = 100;
/** A look that comes later than this says that the whole process stood still (a paused host): no run's fault. */
const LOOK_GAP_US_MAX = 1e6;
const HUNG = 'a worker is stuck inside a run';
/** The next process finds out who is to blame. */
const LEFT = { isTakenOut: false, blames: null };

/** A run as the last looks saw it; a batch has many runs, and a slab carries many batches, one after the other. */
interface Watched {
  readonly cutUs: number;
  /** Its number in the batch; 0 while the batch lies ready behind another one. */
  readonly runs: number;
  /** The process's own time when it was first seen. */
  readonly sinceUs: number;
  isGivenUp: boolean;
}

interface HungRunsPorts extends Pick<EngineContext, 'clock' | 'emit'> {
  /** Whether the next process learns what is running now. */
  readonly isRecorded: boolean;
  readonly examine: PostMortem['examine'];
  /** Who is to blame for a run is known: it is not to be found out once more. */
  readonly onExamined: (slab: Slab) => void;
  readonly models: () => Iterable<ServedModel>;
  readonly onHung: (run: HungRun) => void;
}

export class HungRuns {
  readonly #ports: HungRunsPorts;
  #watched = new Map<Slab, Watched>();
  #timer: NodeJS.Timeout | undefined;
  #lookedUs = Infinity;
  /** Microseconds in which this process was alive and looking. */
  #aliveUs = 0;
  /** Runs that are given up while the registry does not know yet. */
  #underWay = 0;

  constructor(ports: HungRunsPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const nowUs = this.#ports.clock.monotonicUs();
    this.#aliveUs += Math.min(LOOK_GAP_US_MAX, Math.max(0, nowUs - this.#lookedUs));
    this.#lookedUs = nowUs;
    const seen = new Map<Slab, Watched>();
    for (const served of this.#ports.models()) {
      for (const deployment of served.loaded) {
        for (const slab of deployment.runningSlabs) seen.set(slab, this.#watch(served, deployment, slab));
      }
    }
    this.#watched = seen;
  }

  #watch(served: ServedModel, deployment: Deployment, slab: Slab): Watched {
    const { cutUs, runs } = slab;
    const before = this.#watched.get(slab);
    const isSame = before?.cutUs === cutUs && (before.runs === runs || before.isGivenUp);
    const run = isSame ? before : { cutUs, runs, sinceUs: this.#aliveUs, isGivenUp: false };
    const ranMs = (this.#aliveUs - run.sinceUs) / 1e3;
    // What has not begun waits for another run, which is timed itself.
    if (run.isGivenUp || runs === 0) return run;
    const { hungMs, deadlineMs } = served.options;
    if (ranMs >= Math.min(hungMs, deadlineMs) && !deployment.stuck.has(slab)) served.noteStuck(deployment, slab);
    if (ranMs < hungMs) return run;
    run.isGivenUp = true;
    void this.#giveUp(served, deployment, slab, Math.round(ranMs));
    return run;
  }

  async #giveUp(served: ServedModel, deployment: Deployment, slab: Slab, ranMs: number): Promise<void> {
    const { model } = served;
    const { version } = deployment.version;
    this.#underWay += 1;
    served.giveUp(slab, lastgoodError('RUN_HUNG', { model, version, ranMs }));
    const reason = `a run of version "${version}" has not come back for ${ranMs} ms`;
    this.#ports.emit({ kind: 'problem', model, what: HUNG, reason });
    const { generation } = slab;
    const batch = { model, version, generation, requests: requestsOf(slab) };
    // Nobody answers this model's requests until the process is started again, and what is running is on record.
    const isLeft = this.#ports.isRecorded && !served.canAnswerBeside(deployment);
    const { isTakenOut, blames } = isLeft ? LEFT : await this.#ports.examine(served, batch, HUNG);
    if (blames !== null) this.#ports.onExamined(slab);
    this.#underWay -= 1;
    const settled = (): Promise<void> => this.#settled();
    await settled();
    this.#ports.onHung({ model, version, ranMs, isTakenOut, settled });
  }

  // Another hung version may still be on its way out, to a version that has to be loaded first, and a rollback that is
  // in force may not be written: the end of the process now would bring either back.
  async #settled(): Promise<void> {
    const isSaved = (): boolean => [...this.#ports.models()].every(({ rollout }) => rollout.isSaved);
    while (this.#underWay > 0 || !isSaved()) await sleep(LOOK_MS, undefined, { ref: false });
  }
}
