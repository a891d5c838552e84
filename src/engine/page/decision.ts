// The newest decision as explain tells it, with the histograms that the failing checks compared, and for holders of the
// token the rows that the two versions answered most differently. Pure.
import type { ExplainedDecision } from '../../admin/answers.ts';
import { evidenceSchema } from '../../judge/checks/evidence-schema.ts';
import { histogramsOf } from '../../judge/checks/table.ts';
import { countText, durationText } from '../../judge/types/amount-text.ts';
import { numberText } from '../../judge/types/number-text.ts';
import { attributionFactsSchema } from '../../judge/verdict/findings-schema.ts';
import { recompute, type Recomputed } from '../../judge/verdict/recompute.ts';
import { doneText, triggerText } from '../../rollout/decision-words.ts';
import type { DecisionView, Fact, HistogramView, RowsView } from '../../page/snapshot.ts';
import { clockText } from './sentence.ts';

const HISTOGRAMS_MAX = 3;
const ROWS_MAX = 12;

/** A decision for the page; `nowMs` is wall-clock time. */
export function decisionView(decision: ExplainedDecision, nowMs: number): DecisionView {
  const { id, atMs, version, reason, evidence, action } = decision;
  const again = recompute(evidence);
  const facts: Fact[] = [
    {
      label: 'Why', text: reason === '' ? 'no reason was given' : reason,
      tone: action === 'rollback' ? 'back' : 'watch',
    },
    { label: 'Trigger', text: triggerText(decision), tone: 'idle' },
    { label: 'Done', text: doneText(decision), tone: 'idle' },
    ...exposureFacts(evidence),
    ...(again?.findings ?? []).map(({ cause, text }): Fact => ({ label: `Looked into: ${cause}`, text, tone: 'idle' })),
    ...(decision.saved ? [] : [
      { label: 'Saved', text: 'not yet: written when the disk takes it', tone: 'bad' } as const]),
    ...(again === null ? [] : [recomputedFact(decision, again)]),
  ];
  return {
    id, version, facts, when: `${clockText(atMs)}, ${durationText(nowMs - atMs)} ago`,
    histograms: again === null ? [] : histogramViews(evidence, again),
  };
}

function exposureFacts({ totals, failingForMs }: ExplainedDecision['evidence']): Fact[] {
  const { requests } = (totals ?? {}) as { readonly requests?: unknown };
  if (typeof requests !== 'number') return [];
  const failing = typeof failingForMs === 'number' && failingForMs > 0
    ? `, failing for ${durationText(failingForMs)} by then` : '';
  return [{ label: 'Exposure', text: `it answered ${countText(requests)} requests${failing}`, tone: 'idle' }];
}

function recomputedFact({ trigger, reason }: ExplainedDecision, again: Recomputed): Fact {
  const isSame = again.verdict === 'fail' && again.trigger === trigger && again.reason === reason;
  return isSame
    ? { label: 'Recomputed', text: 'the stored window gives the same verdict', tone: 'good' }
    : { label: 'Recomputed', text: `the stored window gives another verdict: ${again.reason || 'pass'}`, tone: 'bad' };
}

function histogramViews(evidence: ExplainedDecision['evidence'], { checks }: Recomputed): HistogramView[] {
  const inputs = evidenceSchema.array().safeParse(evidence['inputs']);
  if (!inputs.success) return [];
  const failing = new Set(checks.filter(({ verdict }) => verdict === 'fail').map(({ check }) => check));
  const sharesOf = (counts: readonly number[]): number[] => {
    const all = Math.max(1, counts.reduce((sum, count) => sum + count, 0));
    return counts.map((count) => count / all);
  };
  // The failing checks' own first; a mean has none, so then the shape that was counted beside it.
  const ordered = [...inputs.data].sort((a, b) => Number(failing.has(b.check)) - Number(failing.has(a.check)));
  return ordered.flatMap((one) => histogramsOf(one)).slice(0, HISTOGRAMS_MAX)
    .map(({ title, names, baseline, window }) => {
      const [usual, live] = [sharesOf(baseline), sharesOf(window)];
      return { title, bins: names.map((name, bin) => ({ name, usual: usual[bin] ?? 0, live: live[bin] ?? 0 })) };
    });
}

/** The rows on which the two answered most differently: answers only, of those that were asked again. */
export function rowsView({ evidence }: ExplainedDecision): RowsView {
  const findings = Array.isArray(evidence['findings']) ? evidence['findings'] as { readonly facts?: unknown }[] : [];
  for (const { facts } of findings) {
    const known = attributionFactsSchema.safeParse(facts).data;
    if (known === undefined || !('active' in known)) continue;
    const text = (value: number | null | undefined): string =>
      value === null || value === undefined ? 'not finite' : numberText(value);
    const distance = (row: number): number => {
      const [a, b] = [known.active.values[row], known.good.values[row]];
      return a === null || b === null || a === undefined || b === undefined ? Infinity : Math.abs(a - b);
    };
    const rows = known.active.values.map((_, row) => row).sort((a, b) => distance(b) - distance(a)).slice(0, ROWS_MAX)
      .map((row) =>
        ({ row: row + 1, answered: text(known.active.values[row]), standby: text(known.good.values[row]) }));
    return { text: `version ${known.version} and version ${known.standby} on the same rows, the worst first`, rows };
  }
  return { text: 'no rows were kept with this decision', rows: [] };
}
