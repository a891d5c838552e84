// The rules of the registry's records: how a model begins, how versions are numbered, and above all which version to go
// back to, which is what earns a version trust, what speaks against it, what keeps it from being a target. Pure:
// nothing here knows the store, a clock or a thread. Invariants: the machine, and a rollback that names no
// version, go to one that has served and has no failing verdict since it earned its trust; those that earned it come
// first, the newest in service of them, never the newest by date; else one that never failed, called unproven.
import { type Now, passedMs, recordedMoment } from '../base/moment.ts';
import { type SessionOptions, sessionText } from '../options/session-options.ts';
import type { DecisionRecord, EventRecord, ModelRecord, Trust, VersionRecord } from '../domain/records.ts';

/** A model before its first version has served. */
export function emptyModel(model: string, createdAtMs: number): ModelRecord {
  return {
    model, activeVersion: null, lastGoodVersion: null, lastGoodTrust: null, generation: 0, activatedAtMs: 0,
    probationEndedAtMs: null, pin: null, lastAutomaticRollbackAtMs: null, nextVersion: 1, nextEvent: 1, createdAtMs,
  };
}

/** The name of a version that nobody named: the first number from `nextVersion` on that no version has. */
export function nextFreeVersion(nextVersion: number, isTaken: (version: string) => boolean): string {
  let number = nextVersion;
  while (isTaken(String(number))) number += 1;
  return String(number);
}

/** The model's next number after a version of this name came in. */
export function numberAfter(version: string, nextVersion: number): number {
  const number = Number(version);
  return Number.isSafeInteger(number) ? Math.max(nextVersion, number + 1) : nextVersion;
}

/** What a decision does to its version: whether it says that the version fails. */
const ACTIONS = { rollback: true, no_target: true, warn: false } as const;

/**
 * Why a failing verdict led to nothing, and whether it speaks against its version all the same. host, data_drift: the
 * version is not to blame; inputs: nor is it where the last good one does no better; more_pairs: more answers of both
 * to the same questions are gathered before anything is done; unattributed: it could not be found out whether it is;
 * one_source: it fails one client alone, or answers that one with no number. All others were judged, and only not acted
 * upon: cooldown and restored_failing, because the machine restored the version a short time ago; promoted_over,
 * because a person had put another in its place by then. interval: by earlier builds only.
 */
export const SUPPRESSIONS = {
  observe: true, pinned: true, cooldown: true, interval: true, restored_failing: true, promoted_over: true,
  host: false, data_drift: false, inputs: false, more_pairs: false, unattributed: false, one_source: false,
} as const;
export type Suppression = keyof typeof SUPPRESSIONS;

/** Whether a decision says that its version fails. */
export function speaksAgainst({ action, suppressedBy }: Pick<DecisionRecord, 'action' | 'suppressedBy'>): boolean {
  if (action !== 'suppressed') return ACTIONS[action];
  // What a later build wrote, and this one does not know, is no excuse.
  return (SUPPRESSIONS as Readonly<Record<string, boolean>>)[suppressedBy ?? ''] ?? true;
}

type Judged = Pick<VersionRecord, 'version' | 'health' | 'earned' | 'failed'>;
type Known = Judged & Pick<VersionRecord, 'sha256' | 'session' | 'quarantine' | 'lastGeneration'>;

/** So long in service earns trust where the requests of a probation never come together. */
export const SERVED_MS = 7 * 24 * 3_600_000;

/** How long the active generation has served; null where neither clock can tell. */
export function activeMs(
  { activatedAtMs, activated }: Pick<ModelRecord, 'activatedAtMs' | 'activated'>, now: Now,
): number | null {
  return passedMs(recordedMoment(activatedAtMs, activated), now);
}

/** Whether the active version earns trust by `servedMs` in service, now that another takes its place. */
export function hasServedLong({ health, failed }: Judged, servedMs: number): boolean {
  return health === 'new' && !failed && servedMs >= SERVED_MS;
}

/**
 * How a version whose record says nothing of it earned its trust, by its model's history, oldest event first: the last
 * word on it counts, and seven days between its promote and the next one. Null when it did not.
 */
export function earnedInHistory(of: Judged, history: readonly EventRecord[]): VersionRecord['earned'] {
  const { version, health } = of;
  const word = history.findLast(({ kind, to }) => to === version && (kind === 'confirm' || kind === 'probation_ended'));
  if (health === 'good') {
    return { how: word?.kind === 'confirm' ? 'confirmed' : 'probation ended', atMs: word?.atMs ?? 0 };
  }
  const changes = history.filter(({ kind }) => kind === 'promote' || kind === 'rollback');
  const end = changes.find(({ kind, atMs }, index) => {
    const begin = changes[index - 1];
    return kind === 'promote' && begin?.to === version && hasServedLong(of, atMs - begin.atMs);
  });
  return end === undefined ? null : { how: 'served 7 days', atMs: end.atMs };
}

/** How a version earned the trust that it has; a good one of an earlier build did not write down how. */
export function trustOf({ health, earned, failed }: Judged): Trust {
  return health !== 'good' || failed ? 'unproven' : (earned?.how ?? 'probation ended');
}

/**
 * The version in quarantine that is the same file under another name, unless `version` earned its trust since; null
 * when there is none. The file is what was found bad, whatever it is called.
 */
export function quarantinedTwin<V extends Known>(version: Known, versions: readonly V[]): V | null {
  return versions.find((other) =>
    other.version !== version.version && runsAlike(other, version) && other.health === 'unhealthy' &&
    !earnedSince(version, other)) ?? null;
}

// By the order of their events, which no clock can turn about; early builds wrote dates only.
function earnedSince(version: Judged, { quarantine }: Pick<Known, 'quarantine'>): boolean {
  if (trustOf(version) === 'unproven' || quarantine === null) return false;
  const { earned } = version;
  if (earned?.event !== undefined && quarantine.event !== undefined) return earned.event > quarantine.event;
  return (earned?.atMs ?? 0) >= quarantine.atMs;
}

/** Whether two versions are the same file, run in the same way: the options of a session can change answers too. */
export function runsAlike(
  a: { readonly sha256: string; readonly session?: SessionOptions | undefined },
  b: { readonly sha256: string; readonly session?: SessionOptions | undefined },
): boolean {
  return a.sha256 === b.sha256 && sessionText(a.session) === sessionText(b.session);
}

interface Obstacle {
  readonly kind: 'active' | 'quarantined' | 'file_quarantined' | 'never_served' | 'failed';
  /** For people: follows the version's name. */
  readonly reason: string;
}

/** What keeps a version from being gone back to; null when nothing does. Of several the first in the order below. */
export function obstacleTo(version: Known, versions: readonly Known[], activeVersion: string | null): Obstacle | null {
  const { health, quarantine, failed, lastGeneration } = version;
  if (version.version === activeVersion) return { kind: 'active', reason: 'is active' };
  if (health === 'unhealthy') {
    return { kind: 'quarantined', reason: `is in quarantine (${quarantine?.reason ?? 'unhealthy'})` };
  }
  const twin = quarantinedTwin(version, versions);
  if (twin !== null) {
    return { kind: 'file_quarantined', reason: `is the same file as "${twin.version}", which is in quarantine` };
  }
  if (lastGeneration === 0) return { kind: 'never_served', reason: 'has never served' };
  return failed ? { kind: 'failed', reason: `failed (decision ${failed.decision})` } : null;
}

/**
 * How a version ranks among those to go back to, the higher the better, as far as its own record says; null when that
 * speaks against it.
 */
export function targetRank(version: Judged & Pick<VersionRecord, 'lastGeneration'>): 0 | 1 | null {
  if (version.health === 'unhealthy' || version.failed || version.lastGeneration === 0) return null;
  return trustOf(version) === 'unproven' ? 0 : 1;
}

/** Every version that may replace `activeVersion` when nobody names one, best first. */
export function rollbackCandidates<V extends Known>(versions: readonly V[], activeVersion: string | null): V[] {
  const rank = (version: Known): number => targetRank(version) ?? -1;
  return versions
    .filter((version) => obstacleTo(version, versions, activeVersion) === null)
    .sort((a, b) => rank(b) - rank(a) || b.lastGeneration - a.lastGeneration);
}

/** Every version of a model with what keeps it from being gone back to, in the order of their last service. */
export function whyNoTarget(
  versions: readonly Known[], activeVersion: string | null,
): { readonly version: string; readonly reason: string }[] {
  return [...versions]
    .sort((a, b) => b.lastGeneration - a.lastGeneration)
    // One that nothing keeps from it was tried.
    .map((one) => ({
      version: one.version, reason: obstacleTo(one, versions, activeVersion)?.reason ?? 'could not be loaded',
    }));
}
