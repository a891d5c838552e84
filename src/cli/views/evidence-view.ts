// The numbers behind a decision of the suite as text: for every failing check what was counted, how sure that is and
// what chance explains, both histograms of a drift, what was found out before anything was done, and the exposure.
import { wilsonInterval } from '../../judge/statistics/binomial.ts';
import { jensenShannonDistance, populationStability, PSI_SMOOTHING } from '../../judge/statistics/statistics.ts';
import type { Recomputed } from '../../judge/verdict/recompute.ts';
import type { CheckEvidence, EvidenceOf } from '../../judge/checks/evidence.ts';
import { evidenceSchema } from '../../judge/checks/evidence-schema.ts';
import { psiByChance, psiLimit } from '../../judge/statistics/chance.ts';
import type { Worth } from '../../judge/statistics/chance.ts';
import { decideDrift } from '../../judge/checks/drift-check.ts';
import { inputShapes, inputTest } from '../../judge/checks/input-drift.ts';
import { chanceText, shareOf, tailOf, windowText } from '../../judge/checks/rate-check.ts';
import type { RateEvidence } from '../../judge/checks/rate-check.ts';
import { numberText, percentText } from '../../judge/types/number-text.ts';
import type { DecisionRecord } from '../../registry/records.ts';
import { exposureText } from './exposure-view.ts';
import { countText, durationText, paint, table } from './output.ts';

const BAR_COLUMNS = 24;
const BINS_NAMED = 3;
const COLUMNS_SHOWN = 3;

/** Sections of text, the failing checks first; empty for evidence of the plain checks. */
export function evidenceSections(decision: DecisionRecord, again: Recomputed): string[] {
  const { evidence } = decision;
  const inputs = evidenceSchema.array().safeParse(evidence['inputs']);
  const failing = new Set(again.checks.filter(({ verdict }) => verdict === 'fail').map(({ check }) => check));
  const checks = inputs.success ? inputs.data.filter(({ check }) => failing.has(check)).map(checkSection) : [];
  const findings = again.findings.map(({ cause, blames, text }) => {
    const blamed = blames === 'unknown' ? 'nobody can be blamed' : `the ${blames} is to blame`;
    return `${paint('bold', `looked into (${cause})`)}  ${blamed}: ${text}`;
  });
  const exposure = exposureText(decision);
  return [...checks.filter((text) => text !== ''), ...findings, ...(exposure === '' ? [] : [exposure])];
}

function checkSection(evidence: CheckEvidence): string {
  if ('rate' in evidence) return rateSection(evidence.check, evidence.rate);
  if (evidence.check === 'shape' || evidence.check === 'confidence') {
    const window = evidence.windows[0]?.now;
    if (window === undefined) return '';
    const { edges, counts } = evidence.baseline;
    const names = counts.map((_, bin) => binName(edges, bin));
    return histogram(evidence.check, names, counts, window.counts, {
      psi: evidence.psi, chance: evidence.chance, worth: window, rows: evidence.rows,
    });
  }
  if (evidence.check === 'input_drift') return inputsSection(evidence);
  if (evidence.check === 'class_mix') {
    const window = evidence.windows[0]?.now;
    if (window === undefined) return '';
    const { names, baseline, chance, rows } = evidence;
    return histogram('class mix', names.map((name) => `class ${name}`), baseline, window.counts, {
      psi: 0, chance, worth: window, rows,
    });
  }
  return '';
}

// The columns that moved most; the others only by their number.
function inputsSection(evidence: EvidenceOf<'input_drift'>): string {
  const { window } = decideDrift(evidence, inputTest(evidence));
  if (window === null) return '';
  const { columns, psi, chance, rows } = evidence;
  const shapes = inputShapes(evidence, window);
  const sections = shapes.slice(0, COLUMNS_SHOWN).map(({ name }) => {
    const index = columns.findIndex((column) => column.name === name);
    const { edges, counts } = columns[index]!;
    const names = counts.map((_, bin) => (bin > edges.length ? 'no number' : binName(edges, bin)));
    return histogram(`input "${name}"`, names, counts, window.counts[index]!, {
      psi, chance: chance / columns.length, worth: window, rows,
    });
  });
  const rest = shapes.slice(COLUMNS_SHOWN);
  if (rest.length > 0) {
    sections.push(`${rest.length} more input columns: PSI ${numberText(rest[0]!.psi)} and less`);
  }
  return sections.join('\n\n');
}

function rateSection(check: string, { limit, chance, windows }: RateEvidence): string {
  const lines = windows.map((window) => {
    const { hits, trials, windowMs, firstLook } = window;
    const { lower, upper } = wilsonInterval(hits, trials);
    const since = firstLook === null
      ? ''
      : `; in breach since a look ${durationText(firstLook.agoMs)} before (${firstLook.hits} of ${firstLook.trials})`;
    return `  window ${windowText(windowMs)}: ${countText(hits)} of ${countText(trials)} = ` +
      `${percentText(shareOf(window))} (95 % Wilson ${percentText(lower)} to ${percentText(upper)}), ` +
      `limit ${percentText(limit)}\n` +
      `    chance of so many at the limit: ${chanceText(tailOf(window, limit))} (needs ${chanceText(chance)})${since}`;
  });
  return [paint('bold', check.replaceAll('_', ' ')), ...lines].join('\n');
}

function binName(edges: readonly number[], bin: number): string {
  const [from, to] = [edges[bin - 1], edges[bin]];
  if (from === undefined) return `below ${numberText(to ?? 0)}`;
  return to === undefined ? `from ${numberText(from)}` : `${numberText(from)} to ${numberText(to)}`;
}

function histogram(
  check: string, names: readonly string[], baseline: readonly number[], window: readonly number[],
  about: { readonly psi: number; readonly chance: number; readonly worth: Worth; readonly rows: number },
): string {
  const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
  const [rows, samples] = [total(baseline), total(window)];
  const shares = names.map((name, bin) => ({ name, was: baseline[bin]! / rows, is: window[bin]! / samples }));
  const largest = Math.max(...shares.flatMap(({ was, is }) => [was, is]));
  const bar = (share: number): string => '#'.repeat(Math.round((share / largest) * BAR_COLUMNS));
  const smooth = (count: number, sum: number): number =>
    (count + PSI_SMOOTHING) / (sum + PSI_SMOOTHING * names.length);
  const parts = names.map((name, bin) => {
    const [p, q] = [smooth(baseline[bin]!, rows), smooth(window[bin]!, samples)];
    return { name, part: (q - p) * Math.log(q / p) };
  }).sort((a, b) => b.part - a.part);
  const used = baseline.filter((count, bin) => count + window[bin]! > 0).length;
  const expected = psiByChance(about.chance, used, about.worth.effective, about.rows);
  const allowed = psiLimit(about.psi, about.chance, used, about.worth, about.rows);
  const limit = about.psi > 0 ? `, limit ${numberText(allowed)}` : '';
  return [
    paint('bold', `${check}: PSI ${numberText(populationStability(baseline, window))}`) +
      ` (without a drift up to ${numberText(expected)} at chance ${chanceText(about.chance)}${limit}), JS distance ` +
      `${numberText(jensenShannonDistance(baseline, window))}, n = ${countText(samples)}, m = ${countText(rows)}`,
    `  most of it: ${parts.slice(0, BINS_NAMED).map(({ name, part }) => `${name} (${numberText(part)})`).join(', ')}`,
    table(['BIN', 'BASELINE', '', 'NOW', ''], shares.map(({ name, was, is }) =>
      [name, percentText(was), bar(was), percentText(is), bar(is)])),
  ].join('\n');
}
