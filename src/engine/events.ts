// What the engine tells its owner and what it takes from it.
import type { EventEmitter } from 'node:events';
import type { Clock } from '../clock.ts';
import type { RolloutEvent } from '../rollout/outcome.ts';
import type { HungRun } from './hung-runs.ts';
import type { EngineLog } from './log.ts';

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
  /** A worker does not come back from a run; only the end of the process frees it. The version is out already. */
  hung: [run: HungRun];
  /** Everything that was accepted has been answered and nothing more is accepted. */
  drained: [];
}

/** Emits a rollout's event under the name that its owner listens for. */
export function emitRolloutEvent(emitter: EventEmitter<EngineEvents>, event: RolloutEvent): void {
  if (event.kind === 'promote') emitter.emit('promote', event);
  else if (event.kind === 'rollback') emitter.emit('rollback', event);
  else if (event.kind === 'decision') emitter.emit('decision', event);
  else if (event.kind === 'phase') emitter.emit('phase', event);
  else emitter.emit('problem', event);
}

/** What the engine takes from its surroundings. */
export interface EngineSurroundings {
  readonly clock?: Clock;
  /** A pino logger, or anything with its methods; by default nothing is logged. */
  readonly log?: EngineLog;
  /**
   * Remembers in the registry how this process ends, and takes a version out of service that brought it down. For a
   * process that owns the directory and does nothing else: one that leaves without close() counts as a crash.
   */
  readonly bootGuard?: boolean;
}
