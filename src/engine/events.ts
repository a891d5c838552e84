// What the engine tells its owner and what it takes from it; types only.
import type { Clock } from '../base/clock.ts';
import type { RolloutEvent } from '../rollout/events.ts';
import type { InFlightFile } from '../shared-memory/in-flight.ts';
import type { EngineLog } from './log.ts';

/** A worker that only the end of the process will free. */
export interface HungRun {
  readonly model: string;
  readonly version: string;
  /** How long the run had lasted when it was given up. */
  readonly ranMs: number;
  /** Whether another version is to be active at the next start; not so where the request, or nobody, is to blame. */
  readonly isTakenOut: boolean;
  /** Resolves when what was found hung since then is out too, so that the process may end. */
  readonly settled: () => Promise<void>;
}

export interface EngineEvents {
  /** Another version answers because somebody asked for it. */
  promote: [event: Extract<RolloutEvent, { kind: 'promote' }>];
  /** An earlier version answers again; `decision` says why and by whose word. */
  rollback: [event: Extract<RolloutEvent, { kind: 'rollback' }>];
  /** A failing verdict that did not lead to a rollback, with the reason. */
  decision: [event: Extract<RolloutEvent, { kind: 'decision' }>];
  phase: [event: Extract<RolloutEvent, { kind: 'phase' }>];
  /** Something an operator should know about; the engine goes on. */
  problem: [event: Extract<RolloutEvent, { kind: 'problem' }>];
  /** A worker does not come back from a run; only the end of the process frees it. What is to blame is known. */
  hung: [run: HungRun];
  /** Everything that was accepted has been answered and nothing more is accepted. */
  drained: [];
}

/** What the engine takes from whoever starts it. */
export interface EngineHooks {
  readonly clock?: Clock;
  /** A pino logger, or anything with its methods; by default nothing is logged. */
  readonly log?: EngineLog;
  /**
   * Remembers in the registry how this process ends, and takes a version out of service that brought it down. For a
   * process that owns the directory and does nothing else: one that leaves without close() counts as a crash.
   */
  readonly bootGuard?: boolean;
  /**
   * The engine is there before its models are, which wait for `models.bringUp()`: who listens first answers 503 for
   * those that are not up yet, and gets the processors for itself until it listens.
   */
  readonly bringsUpLater?: boolean;
  /** What the workers run is written into this file: see shared-memory/in-flight.ts. Nobody does by default. */
  readonly inFlight?: InFlightFile | null;
  /** Called around each of the operator's verbs, by whatever way it comes, with its name and model. */
  readonly aroundVerb?: <T>(verb: string, work: () => Promise<T>) => Promise<T>;
  /** Whoever starts the engine has claimed its directory already, and answers the admin socket itself. */
  readonly ownsDirectory?: boolean;
}
