// What a version did to its clients until a decision, as text: how many requests of which kind and since when, with
// what errors, to whom, how it was before, and how the version was that comes back.
import { plainText } from '../../base/plain-text.ts';
import { circumstancesSchema, othersText } from '../../judge/verdict/circumstances.ts';
import type { Circumstances } from '../../judge/verdict/circumstances.ts';
import { EXPOSURE_KINDS } from '../../judge/verdict/exposure.ts';
import type { ExposureKind, ExposureView } from '../../judge/verdict/exposure.ts';
import { exposureSchema } from '../../judge/verdict/circumstances.ts';
import type { Failures, LastHour } from '../../judge/verdict/circumstances.ts';
import { percentText, windowText } from '../../judge/types/number-text.ts';
import type { DecisionRecord } from '../../domain/records.ts';
import type { SourceFacts } from '../../judge/verdict/sources.ts';
import { countText, durationText, paint, timeText } from './output.ts';
import { sharesText } from './status-view.ts';

const KIND_TEXTS: Readonly<Record<ExposureKind, string>> = {
  failed: 'failed', nonFinite: 'were not finite', slow: 'were slower than the limit',
};
const WHAT_TEXTS: Readonly<Record<Failures['requests'][number]['what'], string>> = {
  failed: 'failed', nonFinite: 'not finite',
};

/** The section of a decision; empty for one that was made without counting requests. */
export function exposureText({ atMs, evidence, rolledBackTo }: DecisionRecord): string {
  const { totals, firstRequestAgoMs } = evidence as {
    totals?: { requests?: number }; firstRequestAgoMs?: number | null;
  };
  if (totals?.requests === undefined) return '';
  const parts = [`${countText(totals.requests)} requests were answered by this version in this generation`];
  if (typeof firstRequestAgoMs === 'number') parts.push(`the first at ${timeText(atMs - firstRequestAgoMs)}`);
  const around = circumstancesSchema.safeParse(evidence).data;
  if (around !== undefined) parts.push(`${countText(around.shielded)} were answered by the standby instead`);
  const exposure = exposureSchema.safeParse(evidence['exposure']).data;
  const runs = EXPOSURE_KINDS.map((kind) => runText(atMs, KIND_TEXTS[kind], exposure?.[kind] ?? null));
  const lines = [...runs, ...(around === undefined ? [] : aroundLines(around, atMs, rolledBackTo))];
  return [`${paint('bold', 'exposure')}  ${parts.join('; ')}`, ...lines.filter((text) => text !== '')].join('\n');
}

function runText(atMs: number, kind: string, run: ExposureView[ExposureKind]): string {
  if (run === null) return '';
  const { bad, requests, before, firstAgoMs, lastGoodAgoMs } = run;
  const good = lastGoodAgoMs === null ? 'no good one before it' : `the last good one ${timeText(atMs - lastGoodAgoMs)}`;
  const earlier = before.requests === 0 ? 'nothing was asked before' : shareText(before.bad, before.requests);
  return `  ${countText(bad)} ${kind}: the first bad request ${timeText(atMs - firstAgoMs)}, ${good}\n` +
    `    detection delay ${durationText(firstAgoMs)}, requests answered by this version since the first bad one ` +
    `${countText(requests)}\n    the same version before: ${earlier}`;
}

const shareText = (bad: number, of: number): string =>
  `${countText(bad)} of ${countText(of)}${of === 0 ? '' : ` (${percentText(bad / of)})`}`;

function aroundLines(
  { failures, lastHours, sources, others }: Circumstances, atMs: number, restored: string | null,
): string[] {
  return [
    ...(failures === undefined || failures === null ? [] : failureLines(failures, atMs)),
    ...(lastHours === undefined ? [] : [lastHourText(lastHours, restored)]),
    ...(sources ? [sourcesLine(sources)] : []),
    `  other models on this host: ${othersText(others)}`,
  ];
}

function sourcesLine({ heaviest, windows, shares }: SourceFacts): string {
  const longest = windows.at(-1);
  const { failed = 0, nonFinite = 0 } = longest?.heaviest ?? {};
  const hit = heaviest === null || longest === undefined ? '' : `; most hit: ${heaviest}, ` +
    `${countText(failed + nonFinite)} of ${countText(longest.all.failed + longest.all.nonFinite)} bad answers`;
  return `  by source: ${sharesText(shares)}${hit}`;
}

function failureLines({ failed, read, errors, requests }: Failures, atMs: number): string[] {
  const counted = read < failed ? `${countText(read)} that were read of ${countText(failed)}` : countText(read);
  const kinds = errors.map(({ code, text, count }, rank) =>
    `  ${rank === 0 ? 'top error' : 'then'}: ${code} (${countText(count)} of ${counted}) ${plainText(text)}`);
  if (requests.length === 0) return kinds;
  const named = requests.map(({ id, what, agoMs }) =>
    `${plainText(id)} (${WHAT_TEXTS[what]}, ${timeText(atMs - agoMs)})`);
  return [...kinds, `  by their clients' ids: ${named.join(', ')}`];
}

function lastHourText(lastHours: readonly LastHour[], restored: string | null): string {
  const found = restored === null ? lastHours[0] : lastHours.find(({ version }) => version === restored);
  const who = restored === null ? '' : ', which came back,';
  if (found === undefined) {
    return restored === null ? '' : `  version ${restored}${who} was not judged since the engine started`;
  }
  const { version, windowMs, endedAgoMs, requests, failed, nonFinite, timed, slow } = found;
  return `  version ${version}${who} in its last ${windowText(windowMs)}, until ${durationText(endedAgoMs)} before: ` +
    `${shareText(failed, requests)} failed, ${countText(nonFinite)} not finite, ` +
    `${shareText(slow, timed)} slower than the limit`;
}
