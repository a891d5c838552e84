// What every part of the engine may know, as plain data: none of it refers back to the engine. Main thread.
import type { Front } from '../../api/serving-api.ts';
import type { Clock } from '../../base/clock.ts';
import type { ResolvedOptions } from '../../options/options.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Preparation } from '../../rollout/preparation/preparation.ts';
import type { ExpectedChanges } from '../../rollout/registration/expected-change.ts';
import type { RolloutEvent } from '../../rollout/events.ts';
import type { InFlightFile } from '../../shared-memory/in-flight.ts';
import type { MemoryBudget } from '../../shared-memory/memory-budget.ts';
import type { EngineLog } from '../log.ts';
import type { MonitorLink } from '../monitor-link.ts';
import type { RefusedInputs } from '../safety/refused-inputs.ts';
import type { TrafficStore } from '../traffic-store.ts';
import type { EngineMeters } from './meters.ts';

/** Made once for an engine, before its models. */
export interface EngineContext {
  readonly options: ResolvedOptions;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly meters: EngineMeters;
  readonly monitor: MonitorLink;
  readonly preparation: Preparation;
  readonly expectedChanges: ExpectedChanges;
  /** What the process may have of memory; null when nothing limits it. */
  readonly memory: MemoryBudget | null;
  /** Where workers write down what they run; null where nobody keeps that. */
  readonly inFlight: InFlightFile | null;
  readonly refused: RefusedInputs;
  /** What each version answered by the second, and what happened to the engine. */
  readonly traffic: TrafficStore;
  /** Tells the log and whoever listens to the engine. */
  readonly emit: (event: RolloutEvent) => void;
}

/** Requests that were answered since the drain began, and those that have no answer after its limit. */
export interface Drained {
  readonly answered: number;
  readonly left: number;
}

/** How far the engine is between start and close: what its verbs and its views ask of it. */
export interface EngineLife {
  /** When it was created, on the clock of `performance.now()`. */
  readonly startedMs: number;
  /** Null before it listens. */
  readonly front: Front | null;
  readonly isDraining: boolean;
  /** Throws ENGINE_CLOSED or DRAINING when no more changes can be accepted. */
  assertOpen(): void;
  drain(): Promise<Drained>;
}
