// The parts of the page but for the timeline, in their reading order: the sentence, whether it is over, who answers and
// what is gone back to, numbers, checks, pairs, the last decision, the host. Pure; runs on both sides.
import type {
  CheckRow, DecisionView, Fact, HistogramView, ModelLine, NumbersView, PageSnapshot, PairsView, Tone,
} from '../snapshot.ts';
import { linkTo, timeOf, versionClass, type ViewState } from './state.ts';
import { type Branch, h, type Twig } from './tree.ts';

const ICONS: Readonly<Record<Tone, string>> = {
  good: 'M4 10.5l4 4 8-9', watch: 'M10 4v7M10 15v.5', bad: 'M5 5l10 10M15 5L5 15',
  back: 'M8 4L3.500 8.500 8 13M4 8.500h8a4 4 0 0 1 0 8h-2', idle: 'M5 10h10',
};

/** A sign beside a word, so that colour says nothing alone. */
function icon(tone: Tone): Branch {
  return h('svg', { 'class': `icon tone-${tone}`, 'viewBox': '0 0 20 20', 'aria-hidden': 'true' },
    h('path', { d: ICONS[tone] }));
}

function factList(facts: readonly Fact[], kind = 'facts'): Branch {
  return h('dl', { class: kind }, facts.map(({ label, text, tone }) => h('div', { class: `tone-${tone}` },
    h('dt', {}, label), h('dd', {}, tone === 'idle' ? null : icon(tone), h('span', {}, text)))));
}

function part(title: string, kind: string, ...children: readonly (Twig | null | readonly Twig[])[]): Branch {
  return h('section', { class: kind }, h('h2', {}, title), ...children);
}

function table(caption: string, head: readonly string[], rows: readonly Branch[]): Branch {
  return h('div', { 'class': 'table', 'tabindex': '0', 'role': 'region', 'aria-label': caption }, h('table', {},
    h('caption', { class: 'hidden' }, caption),
    h('thead', {}, h('tr', {}, head.map((one) => h('th', { scope: 'col' }, one)))), h('tbody', {}, rows)));
}

/** The other models, those with trouble first. */
export function modelList(models: readonly ModelLine[], shown: string | null, minutes: number): Branch | null {
  if (models.length < 2) return null;
  const order: readonly Tone[] = ['bad', 'back', 'watch', 'idle', 'good'];
  const sorted = [...models].sort((a, b) => order.indexOf(a.tone) - order.indexOf(b.tone));
  return h('nav', { 'class': 'models', 'aria-label': 'Models' }, sorted.map(({ model, tone, word }) =>
    h('a', { href: linkTo(model, minutes), ...(model === shown ? { 'aria-current': 'page' } : {}) },
      icon(tone), model, h('small', {}, ` ${word}`))));
}

// A number stays with its unit.
const unbroken = (text: string): string => text.replace(/(\d) (?=(?:ms|s|min|h|d|%)(?![\w]))/g, '$1\u00a0');

/** What is read first. Without news it says that, in place of what was true a while ago. */
export function headline({ headline: { tone, word, sentence }, atMs }: PageSnapshot, { lostForS }: ViewState): Branch {
  if (lostForS > 0) {
    return h('header', { class: 'headline tone-bad' }, h('p', { class: 'state' }, icon('bad'), 'no news'),
      h('h1', {}, `No news for ${lostForS} s.`),
      h('p', { class: 'before' }, `At ${timeOf(atMs)} it was: ${sentence} The engine may be down, or the way to it.`));
  }
  return h('header', { class: `headline tone-${tone}` }, h('p', { class: 'state' }, icon(tone), word),
    h('h1', {}, unbroken(sentence)));
}

/** Is it over? */
export const overSection = ({ over }: PageSnapshot): Branch | null =>
  over.length === 0 ? null : part('Is it over?', 'over', factList(over));

/** Who answers, and in large letters what would be gone back to. */
export function versionsSection(snapshot: PageSnapshot): Branch | null {
  const { versions, target, model } = snapshot;
  if (model === null) return null;
  return h('section', { class: 'who' },
    h('div', {}, h('h2', {}, 'Who answers'), h('ul', { class: 'versions' }, versions.map((one) =>
      h('li', { class: `tone-${one.tone}` },
        h('svg', { 'class': 'swatch', 'viewBox': '0 0 10 10', 'aria-hidden': 'true' },
          h('rect', { class: `area ${versionClass(snapshot, one.version)}`, width: '10', height: '10', rx: '2' })),
        h('b', {}, one.version), h('em', {}, one.role), h('span', {}, one.text))))),
    h('div', { class: `target${target.version === null ? ' tone-bad' : ''}` }, h('h2', {}, 'Next rollback goes to'),
      h('p', { class: 'goal' }, target.version === null ? 'nothing' : `version ${target.version}`),
      h('p', {}, target.text)));
}

const NUMBER_HEADS = [
  'Version', 'Answers / s', 'OK', 'Clients\u2019 errors', 'Ours', 'Not finite', 'Expired', 'Shielded',
  'p50', 'p95', 'p99',
];

/** Requests and latencies of the last minute. */
export function numbersSection({ numbers, p95LimitMs }: PageSnapshot): Branch {
  const ms = (value: number | null): string => (value === null ? '–' : `${value} ms`);
  const rows = numbers.map((one: NumbersView) => h('tr', {}, h('th', { scope: 'row' }, one.version),
    [one.perSecond, one.ok, one.clientFaults, one.failed, one.nonFinite, one.expired, one.shielded]
      .map((count) => h('td', {}, count.toLocaleString('en-US'))),
    h('td', {}, ms(one.p50Ms)),
    h('td', p95LimitMs !== null && (one.p95Ms ?? 0) > p95LimitMs ? { class: 'over-limit' } : {}, ms(one.p95Ms)),
    h('td', {}, ms(one.p99Ms))));
  const limit = p95LimitMs === null ? '' : ` The limit of p95 is ${p95LimitMs} ms.`;
  return part('The last minute', 'numbers',
    rows.length === 0 ? h('p', { class: 'quiet' }, 'Nothing was asked.')
      : table('Requests and latencies of the last minute, by version', NUMBER_HEADS, rows),
    limit === '' ? null : h('p', { class: 'quiet' }, limit.trim()));
}

function limitBar({ share, title }: CheckRow): Branch | string {
  if (share === null) return '–';
  const percent = Math.round(share * 100);
  const words = `${share >= 2 ? 'over 200' : percent} % of the limit`;
  return h('div', { class: 'used' },
    h('svg', { 'class': `bar${share > 1 ? ' is-over' : ''}`, 'viewBox': '0 0 100 6', 'preserveAspectRatio': 'none',
      'role': 'img', 'aria-label': `${title}: ${words}` },
    h('rect', { class: 'bar-all', width: '100', height: '6' }),
    h('rect', { class: 'bar-used', width: String(Math.min(100, percent / 2)), height: '6' }),
    h('rect', { class: 'bar-limit', x: '49.6', width: '0.8', height: '6' })), h('small', {}, words));
}

/** Every check with its value, its limit and how much of that is used up. */
export function checksSection({ checks }: PageSnapshot): Branch {
  const rows = checks.map((row) => h('tr', { class: `tone-${row.tone}` },
    h('th', { scope: 'row' }, row.title, row.onlyWarns ? h('small', {}, ' only warns') : null),
    h('td', { class: 'verdict' }, icon(row.tone), row.word,
      row.because === '' ? null : h('small', {}, ` ${row.because}`)), h('td', {}, row.value), h('td', {}, row.limit),
    h('td', {}, limitBar(row)), h('td', {}, row.samples)));
  const failing = checks.filter(({ word }) => word === 'fails' || word === 'over');
  return part('The checks', 'checks',
    rows.length === 0 ? h('p', { class: 'quiet' }, 'Nothing is judged yet.')
      : table('The checks of the newest look', ['Check', 'State', 'Value', 'Limit', 'Used up', 'Samples'], rows),
    failing.length === 0 ? null : h('ul', { class: 'sentences' }, failing.map(({ text }) => h('li', {}, text))));
}

const percent = (share: number): string => `${Math.round(share * 1_000) / 10} %`;

/** The same questions to the version and the one before. */
export function pairsSection(pairs: PairsView | null): Branch | null {
  if (pairs === null) return null;
  const { version, twin, rows, agreement } = pairs;
  return part('The same questions to both', 'pairs',
    h('p', {}, agreement === null
      ? `${pairs.pairs} questions to versions ${version} and ${twin}; none can be compared yet.`
      : `Versions ${version} and ${twin} agree on ${percent(agreement.share)} of ${pairs.pairs} questions ` +
        `(${percent(agreement.low)} to ${percent(agreement.high)}).`),
    table('Pairs of answers', ['What', `only ${version}`, `only ${twin}`, 'both or neither', 'So far'],
      rows.map((row) => h('tr', {}, h('th', { scope: 'row' }, row.what), h('td', {}, String(row.onlyNew)),
        h('td', {}, String(row.onlyTwin)), h('td', {}, String(row.same)), h('td', {}, row.word)))));
}

const BIN_WIDTH = 22;
const BARS_HEIGHT = 64;

function histogram({ title, bins }: HistogramView): Branch {
  const most = Math.max(0.001, ...bins.flatMap(({ usual, live }) => [usual, live]));
  const bar = (share: number, x: number, kind: string, name: string): Branch => {
    const height = Math.round((share / most) * BARS_HEIGHT * 10) / 10;
    return h('rect', { class: kind, x: String(x), y: String(BARS_HEIGHT - height), width: '9', height: String(height) },
      h('title', {}, name));
  };
  const told = bins.map((one) => `${one.name}: usual ${percent(one.usual)}, now ${percent(one.live)}`).join('; ');
  return h('figure', { class: 'histogram' }, h('figcaption', {}, title),
    h('svg', { 'viewBox': `0 0 ${bins.length * BIN_WIDTH} ${BARS_HEIGHT + 1}`, 'role': 'img',
      'aria-label': `${title}: ${told}` },
    bins.flatMap(({ name, usual, live }, index) => [
      bar(usual, index * BIN_WIDTH, 'usual', `${name}: usual ${percent(usual)}`),
      bar(live, index * BIN_WIDTH + 10, 'live', `${name}: now ${percent(live)}`),
    ])),
    h('p', { class: 'bins' }, h('span', {}, bins[0]?.name ?? ''), h('span', {}, bins.at(-1)?.name ?? '')));
}

/** The newest decision in the words of explain. */
export function decisionSection(decision: DecisionView | null): Branch | null {
  if (decision === null) return null;
  const { id, when, version, facts, histograms } = decision;
  return h('section', { class: 'decision' }, h('h2', {}, 'The last decision'),
    h('p', { class: 'quiet' }, `about version ${version}, ${when} · `, h('code', {}, `lastgood explain ${id}`)),
    factList(facts, 'facts wide'),
    histograms.length === 0 ? null : h('div', { class: 'histograms' }, histograms.map(histogram),
      h('p', { class: 'key' }, h('span', { class: 'key-usual' }, 'as it used to be'),
        h('span', { class: 'key-live' }, 'in the window'))),
    h('div', { 'id': 'rows', 'data-own': 'rows' }));
}

/** The machine that all of this runs on. */
export const hostSection = ({ host }: PageSnapshot): Branch => part('The host', 'host', factList(host));
