// The checks of the newest look as rows of a table: value, limit, how much of the limit is used up, and what is still
// needed where nothing can be decided yet. Pure.
import type { ModelStatus } from '../../admin/answers.ts';
import { CHECKS } from '../../judge/checks/table.ts';
import { countText, durationText } from '../../judge/types/amount-text.ts';
import type { CheckUnit } from '../../judge/types/check-kinds.ts';
import type { CheckName, CheckResult, HeldBack } from '../../judge/types/messages.ts';
import { numberText, percentText } from '../../judge/types/number-text.ts';
import type { CheckRow, PairsView, Tone } from '../../page/snapshot.ts';

const UNITS: Readonly<Record<CheckUnit, (value: number) => string>> = {
  share: (value) => percentText(value), ms: (value) => `${numberText(value)} ms`,
  run: (value) => `${numberText(value)} in a row`, deviations: (value) => `${numberText(value)} sd`,
  psi: (value) => `PSI ${numberText(value)}`, ratio: (value) => `${numberText(value)} times`,
};
const BECAUSE: Readonly<Record<HeldBack, string>> = {
  looks: 'not for long enough yet', chance: 'chance explains it', burst: 'one burst makes it',
  one_input: 'one input makes it',
};
/** A share of its limit beyond this is drawn as this. */
const SHARE_MAX = 2;

const inUnits = (check: CheckName, value: number): string => UNITS[CHECKS[check].unit](value);

function wordOf({ verdict, heldBack }: CheckResult): readonly [Tone, string] {
  if (heldBack !== undefined) return ['watch', 'over'];
  return verdict === 'fail' ? ['bad', 'fails'] : verdict === 'pass' ? ['good', 'ok'] : ['idle', 'not yet'];
}

/** How much of its limit a value has used up. Of a ratio it is the distance from 1 that counts, to either side. */
function shareOfLimit({ check, value, limit }: CheckResult): number | null {
  if (value === null || limit <= 0) return null;
  if (CHECKS[check].unit !== 'ratio') return Math.min(SHARE_MAX, value / limit);
  if (limit === 1 || value <= 0) return null;
  return Math.min(SHARE_MAX, Math.abs(Math.log(value)) / Math.abs(Math.log(limit)));
}

function samplesText({ samples, samplesMin, verdict, text }: CheckResult, perSecond: number): string {
  const never = / is not judged: (.*)$/.exec(text)?.[1];
  if (never !== undefined) return never;
  const missing = samplesMin - samples;
  if (verdict !== 'inconclusive' || missing <= 0) return countText(samples);
  const when = perSecond > 0 ? `, about ${durationText((missing / perSecond) * 1_000)}` : '';
  return `${countText(samples)}; needs ${countText(missing)} more${when}`;
}

/** The checks in the order in which they are named. */
export function checkRows({ health, sights }: ModelStatus): CheckRow[] {
  return (health?.checks ?? []).map((result) => {
    const { check, value, limit, text, effect, heldBack } = result;
    const [tone, word] = wordOf(result);
    return {
      check, title: CHECKS[check].title, word, text, onlyWarns: effect === 'warn',
      because: heldBack === undefined ? '' : BECAUSE[heldBack],
      tone: tone === 'bad' && effect === 'warn' ? 'watch' : tone,
      value: value === null ? '–' : inUnits(check, value), limit: inUnits(check, limit),
      share: shareOfLimit(result), samples: samplesText(result, sights?.perSecond ?? 0),
    };
  });
}

/** The same questions to the version and the one before; null while none were asked. */
export function pairsView({ pairs }: ModelStatus): PairsView | null {
  if (pairs === null) return null;
  const { facts, verdict } = pairs;
  const row = (what: string, { plus, zero, minus }: typeof facts.failed, word: string): PairsView['rows'][number] =>
    ({ what, onlyNew: plus, onlyTwin: minus, same: zero, word });
  return {
    version: facts.version, twin: facts.twin, pairs: facts.pairs, agreement: verdict.agreement,
    rows: [row('failed', facts.failed, verdict.failed), row('not finite', facts.nonFinite, verdict.nonFinite)],
    text: verdict.disagrees?.text ?? verdict.text,
  };
}
