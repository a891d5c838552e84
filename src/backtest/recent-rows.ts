// The newest recorded rows with their inputs, and what the last good version makes of them: the facts that tell whether
// the version or the data moved. Pure but for the standby that answers.
import type { AttributionFacts } from '../judge/verdict/attribution.ts';
import { findingOf } from '../judge/verdict/findings.ts';
import type { Finding } from '../judge/verdict/findings.ts';
import type { Baseline, OutputKind } from '../domain/records.ts';
import { usualOf } from '../rollout/attribution/attribution.ts';
import { cosineOf } from '../judge/pairs/disagreement.ts';
import { effectiveOf, RECENT_ROWS_MAX, RECENT_ROWS_MIN } from '../rollout/attribution/recent-inputs.ts';
import type { PredictionSummary } from '../domain/prediction.ts';
import { predictionOf } from '../domain/sequence.ts';
import type { SampleLine } from './record-line.ts';
import type { Standby } from './standby.ts';

interface RecentRow {
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Hash of the inputs. */
  readonly input: number;
}

export class RecentRows {
  readonly #rows: RecentRow[] = [];
  #next = 0;

  add({ inputs, outputs, ok }: SampleLine, input: number): void {
    if (inputs === undefined || !ok) return;
    this.#rows[this.#next] = { inputs, outputs, input };
    this.#next = (this.#next + 1) % RECENT_ROWS_MAX;
  }

  clear(): void {
    this.#rows.length = 0;
    this.#next = 0;
  }

  /** No inputs were recorded. */
  get isEmpty(): boolean {
    return this.#rows.length === 0;
  }

  /** Who is to blame for a drift of `version`, by what the last good version answers to the same inputs. */
  attribute(
    active: { readonly version: string; readonly kind: OutputKind; readonly baseline: Baseline | null },
    standby: Standby | { readonly unavailable: string },
  ): Finding {
    return findingOf({ cause: 'drift', facts: this.#facts(active, standby) });
  }

  #facts(
    { version, kind, baseline }: Parameters<RecentRows['attribute']>[0],
    standby: Parameters<RecentRows['attribute']>[1],
  ): AttributionFacts {
    if ('unavailable' in standby) return standby;
    const rows = [...this.#rows.slice(this.#next), ...this.#rows.slice(0, this.#next)];
    if (rows.length < RECENT_ROWS_MIN) {
      return { unavailable: `${rows.length} recent inputs are recorded; wanted at least ${RECENT_ROWS_MIN}` };
    }
    const answers = rows.map(({ inputs }) => standby.answer(inputs));
    const width = baseline?.width ?? standby.baseline?.width ?? 1;
    const cosines = rows.map(({ outputs }, at) =>
      (kind === 'vector' && answers[at] !== null ? cosineOf(outputs, answers[at]!) : null));
    return {
      kind, version, standby: standby.version,
      active: summariesOf(rows.map(({ outputs }) => predictionOf(kind, outputs, width))),
      good: summariesOf(answers.map((answer) => predictionOf(kind, answer, width))),
      effective: effectiveOf(rows.map(({ input }) => input)),
      cosines: cosines.every((cosine) => cosine !== null) ? cosines : null,
      usual: { active: usualOf(baseline), good: usualOf(standby.baseline) },
    };
  }
}

const summariesOf = (rows: readonly PredictionSummary[]): { values: (number | null)[]; classes: number[] } => ({
  values: rows.map(({ value }) => (Number.isFinite(value) ? value : null)),
  classes: rows.map(({ classIndex }) => classIndex),
});
