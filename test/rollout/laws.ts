// What must hold of a model's history, whatever happened: read from its events and decisions as they are stored, not
// from the marks that the code itself keeps. Pure.
import type { DecisionRecord, EventRecord } from '../../src/domain/records.ts';

/** Why a failing verdict led to nothing although the version is to blame. */
const JUDGED = ['observe', 'pinned', 'cooldown', 'restored_failing', 'promoted_over'];
const ACQUITTALS = ['confirm', 'probation_ended', 'recovered', 'release'];

export interface Accusation {
  readonly version: string;
  readonly atMs: number;
}

/** What the stored decisions say against versions. */
export function accusationsIn(decisions: readonly DecisionRecord[]): Accusation[] {
  const isJudged = ({ action, suppressedBy }: DecisionRecord): boolean =>
    action === 'suppressed' && JUDGED.includes(suppressedBy ?? '');
  return decisions.filter((one) => one.action === 'rollback' || one.action === 'no_target' || isJudged(one));
}

/** Whether a version was found failing and nobody, nor its own recovery, has spoken for it since; a tie is no. */
export function isAccused(
  version: string, accusations: readonly Accusation[], events: readonly EventRecord[],
): boolean {
  const last = (times: readonly { readonly atMs: number }[]): number => Math.max(-1, ...times.map(({ atMs }) => atMs));
  return last(accusations.filter((one) => one.version === version)) >
    last(events.filter(({ kind, to }) => to === version && ACQUITTALS.includes(kind)));
}

/** The promotes and rollbacks, oldest first. */
export function activationsIn(events: readonly EventRecord[]): EventRecord[] {
  return events.filter(({ kind }) => kind === 'promote' || kind === 'rollback')
    .sort((a, b) => a.sequence - b.sequence);
}

/** The offences of a whole history: one line each. */
export function historyOffences(events: readonly EventRecord[], decisions: readonly DecisionRecord[]): string[] {
  const activations = activationsIn(events);
  const made = decisions.filter(({ action }) => action === 'rollback').map(({ generation }) => generation);
  return [
    ...activations.flatMap(({ generation }, index) =>
      generation === index + 1 ? [] : [`activation ${index + 1} has generation ${generation}`]),
    ...activations.flatMap(({ kind, from, to }) => (from === to ? [`a ${kind} from ${from} to itself`] : [])),
    ...made.flatMap((generation, index) =>
      made.indexOf(generation) === index ? [] : [`two rollbacks of generation ${generation}`]),
    ...activations.flatMap(({ kind, to, generation }) => {
      const hasServed = activations.some((one) => one.to === to && one.generation < generation);
      return kind === 'rollback' && !hasServed ? [`a rollback to ${to}, which had never served`] : [];
    }),
  ];
}
