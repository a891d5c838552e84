// What is written down beside a verdict of one model: how the other models of the host are, what its standby answered,
// and how the versions before were. Main thread.
import { type Circumstances, type LastHour, OTHERS_MAX } from '../../judge/verdict/circumstances.ts';
import type { CheckName, HealthReport } from '../../judge/types/messages.ts';

/** Versions that are remembered, and those that a decision tells of. */
const VERSIONS_MAX = 16;
const TOLD_MAX = 3;

interface Neighbour {
  readonly model: string;
  readonly failingChecks: CheckName[];
}

/** Gathers them for `model`; `own` is of the generation that the verdict is about. */
export function circumstancesOf(
  model: string, models: Iterable<Neighbour>, own: Omit<Circumstances, 'others'>,
): Circumstances {
  const others = [...models]
    .filter((one) => one.model !== model && one.failingChecks.length > 0)
    .slice(0, OTHERS_MAX)
    .map((one) => ({ model: one.model, checks: one.failingChecks }));
  return { others, ...own };
}

/**
 * What each version did in the last hour that it was judged, so that a decision can tell how the one was that comes
 * back. In memory only, of the versions that were judged since the engine started.
 */
export class LastHours {
  /** The version that was judged last comes last. */
  readonly #reports = new Map<string, HealthReport>();

  note(report: HealthReport): void {
    this.#reports.delete(report.version);
    this.#reports.set(report.version, report);
    if (this.#reports.size <= VERSIONS_MAX) return;
    for (const [oldest] of this.#reports) {
      this.#reports.delete(oldest);
      return;
    }
  }

  /** Those of other versions than `version`, the one that was judged last first; `nowUs` is monotonic. */
  before(version: string, nowUs: number): LastHour[] {
    return [...this.#reports.values()].reverse().flatMap((report) => {
      if (report.version === version || report.lastHour === null) return [];
      const endedAgoMs = Math.max(0, Math.round((nowUs - report.atUs) / 1_000));
      return [{ version: report.version, endedAgoMs, ...report.lastHour }];
    }).slice(0, TOLD_MAX);
  }
}
