// The numbers behind a decision of the suite as text: for every failing check what was counted, how sure that is and
// what chance explains, both histograms of a drift, what was found out before anything was done, and the exposure.
import { wilsonInterval } from '../../judge/statistics/binomial.ts';
import { jensenShannonDistance, populationStability, PSI_SMOOTHING } from '../../judge/statistics/statistics.ts';
import type { Recomputed } from '../../judge/verdict/recompute.ts';
import type { CheckEvidence, ComparedBins } from '../../judge/checks/check.ts';
import { evidenceSchema } from '../../judge/checks/evidence-schema.ts';
import { psiByChance, psiLimit } from '../../judge/statistics/chance.ts';
import { shareOf, tailOf } from '../../judge/checks/rate-check.ts';
import type { RateEvidence } from '../../judge/checks/rate-check.ts';
import { histogramsOf } from '../../judge/checks/table.ts';
import { chanceText, numberText, percentText, windowText } from '../../judge/types/number-text.ts';
import type { Blame } from '../../judge/types/check-kinds.ts';
import type { DecisionRecord } from '../../domain/records.ts';
import { exposureText } from './exposure-view.ts';
import { countText, durationText, paint, table } from './output.ts';

const BAR_COLUMNS = 24;
const BINS_NAMED = 3;
const HISTOGRAMS_SHOWN = 3;

const BLAMED: Readonly<Record<Blame, string>> = {
  version: 'the version is to blame', host: 'the host is to blame', data: 'the data are to blame',
  inputs: 'the inputs are to blame', twin: 'the version before is worse, nothing is gone back to',
  one_source: 'one client alone is to blame', pairs: 'more pairs of answers are needed',
  unknown: 'nobody can be blamed',
};

/** Sections of text, the failing checks first; empty for evidence of the plain checks. */
export function evidenceSections(decision: DecisionRecord, again: Recomputed): string[] {
  const { evidence } = decision;
  const inputs = evidenceSchema.array().safeParse(evidence['inputs']);
  const failing = new Set(again.checks.filter(({ verdict }) => verdict === 'fail').map(({ check }) => check));
  const checks = inputs.success ? inputs.data.filter(({ check }) => failing.has(check)).map(checkSection) : [];
  const findings = again.findings.map(({ cause, blames, text }) => {
    const blamed = BLAMED[blames];
    return `${paint('bold', `looked into (${cause})`)}  ${blamed}: ${text}`;
  });
  const exposure = exposureText(decision);
  return [...checks.filter((text) => text !== ''), ...findings, ...(exposure === '' ? [] : [exposure])];
}

// The histograms that moved most; the others only by their number.
function checkSection(evidence: CheckEvidence): string {
  if ('rate' in evidence) return rateSection(evidence.check, evidence.rate);
  const histograms = histogramsOf(evidence);
  const sections = histograms.slice(0, HISTOGRAMS_SHOWN).map(histogramSection);
  const next = histograms[HISTOGRAMS_SHOWN];
  if (next !== undefined) {
    const psi = numberText(populationStability(next.baseline, next.window));
    sections.push(`${histograms.length - HISTOGRAMS_SHOWN} more were compared: PSI ${psi} and less`);
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

function histogramSection({ title, names, baseline, window, ...about }: ComparedBins): string {
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
    paint('bold', `${title}: PSI ${numberText(populationStability(baseline, window))}`) +
      ` (without a drift up to ${numberText(expected)} at chance ${chanceText(about.chance)}${limit}), JS distance ` +
      `${numberText(jensenShannonDistance(baseline, window))}, n = ${countText(samples)}, m = ${countText(rows)}`,
    `  most of it: ${parts.slice(0, BINS_NAMED).map(({ name, part }) => `${name} (${numberText(part)})`).join(', ')}`,
    table(['BIN', 'BASELINE', '', 'NOW', ''], shares.map(({ name, was, is }) =>
      [name, percentText(was), bar(was), percentText(is), bar(is)])),
  ].join('\n');
}
