// What the judge can see of one model as a table for a person: the price of not being fooled by chance. Pure.
import { CHECK_TABLE } from '../../judge/types/check-kinds.ts';
import type { Sight, Sights } from '../../judge/checks/detectability.ts';
import { waitText } from '../../judge/checks/detectability.ts';
import { windowText } from '../../judge/checks/rate-check.ts';
import { numberText } from '../../judge/types/number-text.ts';
import { countText, paint, table } from './output.ts';

const NOTHING = '-';

const TRAFFIC_TEXTS: Readonly<Record<Sights['traffic'], (perSecond: string) => string>> = {
  observed: (perSecond) => `at the ${perSecond} requests a second that come in`,
  expected: (perSecond) => `at the ${perSecond} requests a second that are expected; none come in`,
  none: () => 'without traffic; --expected-per-second says what to expect',
};

/** Per check the smallest fault that it tells from chance, in how long, and what it waits for. */
export function sightsText({ perSecond, traffic, checks }: Sights): string {
  const rows = checks.map((one) => [
    CHECK_TABLE[one.check].title, one.text, heldText(one), waitText(one, perSecond) || NOTHING,
  ]);
  return `${paint('bold', 'the smallest fault that is seen')} ${TRAFFIC_TEXTS[traffic](numberText(perSecond))}\n` +
    table(['CHECK', 'SEES', 'IN', 'WAITS FOR'], rows);
}

function heldText({ windowMs, samples }: Sight): string {
  return windowMs === null ? NOTHING : `${windowText(windowMs)} (${countText(samples)})`;
}
