// Which version to go back to. Pure: nothing here knows the store, a clock or a thread.
// A version may be chosen when it is not the active one, is not unhealthy and has served at least once. One that was
// found failing and only stayed because nothing could be done comes after all others; before that, versions that ended
// their probation come first; the newest in service wins, never the newest by date.
import type { VersionRecord } from './records.ts';

type Candidate = Pick<VersionRecord, 'version' | 'health' | 'failed' | 'lastGeneration'>;

/** Returns every version that may replace `activeVersion`, best first. */
export function rollbackCandidates<V extends Candidate>(versions: readonly V[], activeVersion: string | null): V[] {
  const rank = ({ health, failed }: Candidate): number => (failed ? 0 : 2) + (health === 'good' ? 1 : 0);
  return versions
    .filter((version) => version.version !== activeVersion)
    .filter((version) => version.health !== 'unhealthy' && version.lastGeneration > 0)
    .sort((a, b) => rank(b) - rank(a) || b.lastGeneration - a.lastGeneration);
}

/** Returns the last known good version beside `activeVersion`; undefined when there is none. */
export function chooseLastGood<V extends Candidate>(
  versions: readonly V[],
  activeVersion: string | null,
): V | undefined {
  return rollbackCandidates(versions, activeVersion)[0];
}
