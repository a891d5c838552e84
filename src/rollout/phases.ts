// Where a model stands, and what leads from where to where: a table of every event in every phase. Pure. Invariant: no
// phase changes but by this table; what only the registry knows comes in with the event, as a standing.
import type { ModelRecord } from '../domain/records.ts';

/** The phases of an engine that runs, in the order of the table's columns. */
export const PHASES = ['empty', 'loading', 'probation', 'steady', 'no_rollback_target', 'restored_failing'] as const;
export type EnginePhase = (typeof PHASES)[number];
/** `offline` is reported by tools that look at a data directory without an engine. */
export type Phase = EnginePhase | 'offline';

/** What is on record of the active generation, and the phase that it is in as long as nothing else is known. */
const PHASE_OF_STANDING = { unproven: 'probation', proven: 'steady', stopped: 'restored_failing' } as const;
/** `stopped`: the machine restored it, it fails too, and the machine acts no more in it. */
export type Standing = keyof typeof PHASE_OF_STANDING;

/** What happens to a model. */
export type PhaseEvent =
  /** A version is being brought up, and then not any more. */
  | { readonly kind: 'load_began' | 'load_ended' }
  /** A new generation answers: the first one, or by a promote, by a rollback, or because the registry points there. */
  | { readonly kind: 'entered'; readonly standing: Standing }
  /** The disk has taken the rollback that it began with. */
  | { readonly kind: 'saved'; readonly standing: Standing }
  /** Its probation is over, or an operator vouches for it. */
  | { readonly kind: 'proven' }
  /** It fails and there is nothing to go back to; an operator released a version to go back to. */
  | { readonly kind: 'target_missing' }
  | { readonly kind: 'target_found'; readonly standing: Standing }
  /** The machine restored it and it fails too; nothing fails any more, and the time for which that binds is over. */
  | { readonly kind: 'restored_failed' }
  | { readonly kind: 'recovered'; readonly standing: Standing };

/** A phase, or the one of the event's standing, or null where the event means nothing. */
type Next = EnginePhase | 'by standing' | null;

const [LOADING, EMPTY, STEADY, BY, ____] = ['loading', 'empty', 'steady', 'by standing', null] as const;
const [MISSING, STOPPED] = ['no_rollback_target', 'restored_failing'] as const;

const TABLE: Readonly<Record<PhaseEvent['kind'], readonly [Next, Next, Next, Next, Next, Next]>> = {
  //                empty    loading  probation  steady   no_rollback_target  restored_failing
  load_began:      [LOADING, ____,    ____,      ____,    ____,               ____],
  load_ended:      [____,    EMPTY,   ____,      ____,    ____,               ____],
  entered:         [BY,      BY,      BY,        BY,      BY,                 BY],
  saved:           [____,    ____,    BY,        ____,    ____,               ____],
  proven:          [____,    ____,    STEADY,    STEADY,  STEADY,             STEADY],
  target_missing:  [____,    ____,    MISSING,   MISSING, MISSING,            MISSING],
  target_found:    [____,    ____,    ____,      ____,    BY,                 ____],
  restored_failed: [____,    ____,    STOPPED,   STOPPED, STOPPED,            ____],
  recovered:       [____,    ____,    ____,      ____,    ____,               BY],
};

/** The phase after the event; null where it means nothing. One that leads to the same phase is news all the same. */
export function nextPhase(phase: EnginePhase, event: PhaseEvent): EnginePhase | null {
  const next = TABLE[event.kind][PHASES.indexOf(phase)] ?? null;
  if (next !== 'by standing') return next;
  return 'standing' in event ? PHASE_OF_STANDING[event.standing] : null;
}

/** The standing of the active generation as the registry knows it, also after a restart. */
export function standingOf({ generation, stoppedGeneration, probationEndedAtMs }: ModelRecord): Standing {
  if (stoppedGeneration === generation) return 'stopped';
  return probationEndedAtMs === null ? 'unproven' : 'proven';
}
