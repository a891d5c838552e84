// What each version did in the last hour that it was judged, so that a decision can tell how the one was that comes
// back. Main thread; in memory only, of the versions that were judged since the engine started.
import type { LastHour } from '../judge/verdict/circumstances.ts';
import type { HealthReport } from '../judge/types/messages.ts';

/** Versions that are remembered, and those that a decision tells of. */
const VERSIONS_MAX = 16;
const TOLD_MAX = 3;

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
