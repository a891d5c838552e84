// What answers of one model, and its phase: what the rollout and its verdict handler share. Main thread. Invariant: the
// phase changes in `apply` only, by the table, and is told of as soon as something answers.
import type { Deployment } from './deployment/deployment.ts';
import { type EnginePhase, nextPhase, type PhaseEvent } from './phases.ts';

/** A version as it serves: this generation is on every sample of it. */
export interface ActiveGeneration {
  readonly deployment: Deployment;
  readonly generation: number;
}

/** Who answers: the stable version alone, or a candidate besides, for `share` (0…1) of what is asked. */
export interface TrafficSplit {
  readonly stable: ActiveGeneration;
  readonly candidate: ActiveGeneration | null;
  readonly share: number;
}

export class ActiveState {
  readonly #onPhase: (phase: EnginePhase) => void;
  #phase: EnginePhase = 'empty';
  #traffic: TrafficSplit | null = null;
  /** Rollbacks that are being carried out: what comes in meanwhile is too late, or about to be. */
  rollbacks = 0;

  constructor(onPhase: (phase: EnginePhase) => void) {
    this.#onPhase = onPhase;
  }

  get phase(): EnginePhase {
    return this.#phase;
  }
  /** Null while nothing answers. */
  get traffic(): TrafficSplit | null {
    return this.#traffic;
  }
  /** The generation that is judged; null while nothing answers. */
  get generation(): number | null {
    return this.#traffic?.stable.generation ?? null;
  }

  /** From here on all batches go to this deployment. */
  point(stable: ActiveGeneration): void {
    this.#traffic = { stable, candidate: null, share: 0 };
  }

  /** The one place where the phase changes; an event that means nothing in this phase is not told of. */
  apply(event: PhaseEvent): void {
    const next = nextPhase(this.#phase, event);
    if (next === null) return;
    this.#phase = next;
    if (this.#traffic !== null) this.#onPhase(next);
  }
}
