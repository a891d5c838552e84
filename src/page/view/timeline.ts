// The timeline: what was answered a second by which version, stacked; p95 against its limit; the share of errors; and a
// mark for everything that happened. Drawn as SVG. Pure; runs on both sides.
import type { ChangeView, PageSnapshot, TimelineView, TrafficPoint } from '../snapshot.ts';
import { linkTo, timeOf, versionClass, type ViewState } from './state.ts';
import { type Branch, h } from './tree.ts';

const ANSWERS = { top: 46, height: 170 };
const P95 = { top: 244, height: 74 };
const ERRORS = { top: 346, height: 44 };
const HEIGHT = 418;
const LEFT = 46;
const RIGHT = 12;
const LIMITS_SHOWN = 2.4;
const LABEL_HEIGHT = 15;
const LABEL_ROWS = 2;
const CHARACTER_WIDTH = 6.2;
/** Where the counts and the p95 stand in a point. */
const AT = { ok: 1, clientFaults: 2, failed: 3, nonFinite: 4, expired: 5, setAside: 6, shielded: 7, p95: 9 } as const;
const LABELLED: ReadonlySet<string> =
  new Set(['promote', 'rollback', 'no_rollback_target', 'restored_failing', 'start', 'configuration']);
const RANGES: readonly (readonly [minutes: number, text: string])[] =
  [[15, '15 min'], [60, '1 h'], [1_440, '24 h']];
/** Seconds between two times of day, of which the least is taken that leaves them room. */
const TICKS = [30, 60, 180, 600, 1_800, 3_600, 14_400];
const TICK_WIDTH = 84;

const at = (point: TrafficPoint | undefined, place: number): number => point?.[place] ?? 0;
const answeredOf = (point: TrafficPoint | undefined): number =>
  at(point, AT.ok) + at(point, AT.nonFinite) + at(point, AT.setAside) + at(point, AT.shielded);
const oursOf = (point: TrafficPoint | undefined): number =>
  at(point, AT.failed) + at(point, AT.nonFinite) + at(point, AT.expired);

interface Plot {
  readonly snapshot: PageSnapshot;
  readonly timeline: TimelineView;
  readonly seconds: readonly number[];
  readonly x: (second: number) => number;
  readonly right: number;
  readonly series: readonly { readonly version: string; readonly at: ReadonlyMap<number, TrafficPoint> }[];
}

/** A picture shows no more of the time before anything was known than a small part of itself. */
const SPAN_MIN_S = 120;
const EMPTY_SHARE = 1.06;

/** The timeline from where something is known. */
export function fitted(timeline: TimelineView): TimelineView {
  const { from, to, versions } = timeline;
  const first = Math.min(to, ...versions.map(({ points }) => points[0]?.[0] ?? to));
  return { ...timeline, from: Math.max(from, Math.floor(to - Math.max(SPAN_MIN_S, (to - first) * EMPTY_SHARE))) };
}

function plotOf(snapshot: PageSnapshot, timeline: TimelineView, width: number): Plot {
  const { from, to, step } = timeline;
  const right = width - RIGHT;
  const first = Math.ceil(from / step) * step;
  // The step that is under way is not drawn: it would look like a fall.
  const count = Math.max(0, Math.floor((to - first) / step));
  return {
    snapshot, timeline, right,
    seconds: Array.from({ length: count }, (_, index) => first + index * step),
    x: (second) => LEFT + ((second - from) / Math.max(1, to - from)) * (right - LEFT),
    series: [...timeline.versions].sort((a, b) => (a.points[0]?.[0] ?? 0) - (b.points[0]?.[0] ?? 0))
      .map(({ version, points }) => ({ version, at: new Map(points.map((point) => [point[0] ?? 0, point])) })),
  };
}

const round = (value: number): string => String(Math.round(value * 10) / 10);

/** The least of 1, 2, 2.5, 5 times a power of ten that is not below. */
function niceMax(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return (([1, 2, 2.5, 5, 10] as const).find((factor) => factor * power >= value) ?? 10) * power;
}

const numeral = (value: number): string =>
  value >= 10_000 ? `${round(value / 1_000)}k` : value >= 100 ? String(Math.round(value)) : round(value);

const text = (x: number, y: number, content: string, more: Readonly<Record<string, string>> = {}): Branch =>
  h('text', { x: round(x), y: round(y), ...more }, content);
const line = (x1: number, y1: number, x2: number, y2: number, kind: string): Branch =>
  h('line', { class: kind, x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2) });

function frame({ right }: Plot, { top, height }: typeof ANSWERS, title: string, max: string): Branch {
  return h('g', {},
    line(LEFT, top + height, right, top + height, 'axis'), line(LEFT, top, right, top, 'grid'),
    text(LEFT - 6, top + 4, max, { 'class': 'tick', 'text-anchor': 'end' }),
    text(LEFT - 6, top + height, '0', { 'class': 'tick', 'text-anchor': 'end' }),
    text(LEFT, top - 6, title, { class: 'panel' }));
}

function answers(plot: Plot): Branch {
  const { seconds, series, x, timeline: { step }, snapshot } = plot;
  const totals = seconds.map((second) => series.reduce((sum, one) => sum + answeredOf(one.at.get(second)), 0) / step);
  const max = niceMax(Math.max(0, ...totals));
  const y = (value: number): number => ANSWERS.top + ANSWERS.height * (1 - value / max);
  const floor = seconds.map(() => 0);
  const areas = series.map(({ version, at: points }) => {
    const from = [...floor];
    seconds.forEach((second, index) => (floor[index] = (floor[index] ?? 0) + answeredOf(points.get(second)) / step));
    const upper = seconds.map((second, index) => `${round(x(second))},${round(y(floor[index] ?? 0))}`);
    const lower = seconds.map((second, index) => `${round(x(second))},${round(y(from[index] ?? 0))}`).reverse();
    return h('polygon', { class: `area ${versionClass(snapshot, version)}`, points: [...upper, ...lower].join(' ') });
  });
  return h('g', {}, areas, frame(plot, ANSWERS, 'answers a second', numeral(max)));
}

function latencies(plot: Plot): Branch {
  const { seconds, series, x, right, snapshot } = plot;
  const limit = snapshot.p95LimitMs;
  const highest = Math.max(0, ...series.flatMap(({ at: points }) =>
    seconds.map((second) => at(points.get(second), AT.p95) / 1_000)));
  // Far beyond the limit it does not matter how far; below it the small differences do.
  const most = limit === null ? highest : Math.min(highest, limit * LIMITS_SHOWN);
  const max = niceMax(Math.max(most, (limit ?? 0) * 1.25));
  const y = (ms: number): number => P95.top + P95.height * (1 - Math.min(1, ms / max));
  const lines = series.map(({ version, at: points }) => {
    let path = '';
    let isDown = false;
    for (const second of seconds) {
      const us = at(points.get(second), AT.p95);
      if (us > 0) path += `${isDown ? 'L' : 'M'}${round(x(second))} ${round(y(us / 1_000))}`;
      isDown = us > 0;
    }
    return h('path', { class: `line ${versionClass(snapshot, version)}`, d: path === '' ? 'M0 0' : path });
  });
  return h('g', {}, frame(plot, P95, 'p95, ms', `${numeral(max)}${highest > max ? '+' : ''}`), lines,
    limit === null ? null : line(LEFT, y(limit), right, y(limit), 'limit'),
    limit === null ? null
      : text(right, y(limit) - 4, `limit ${numeral(limit)} ms`, { 'class': 'tick limit-text', 'text-anchor': 'end' }));
}

function errors(plot: Plot): Branch {
  const { seconds, series, x, timeline: { step } } = plot;
  const shares = seconds.map((second) => {
    const sum = (of: (point: TrafficPoint | undefined) => number): number =>
      series.reduce((all, one) => all + of(one.at.get(second)), 0);
    const theirs = sum((point) => at(point, AT.clientFaults));
    const all = Math.max(1, theirs + sum(answeredOf) + sum((point) => at(point, AT.failed) + at(point, AT.expired)));
    return { ours: sum(oursOf) / all, theirs: theirs / all };
  });
  const max = Math.min(1, niceMax(Math.max(0.01, ...shares.map(({ ours, theirs }) => ours + theirs))));
  const height = (share: number): number => ERRORS.height * Math.min(1, share / max);
  const width = Math.max(1, x(step) - x(0));
  const bars = seconds.flatMap((second, index) => {
    const { ours, theirs } = shares[index] ?? { ours: 0, theirs: 0 };
    const bar = (share: number, below: number, kind: string): Branch[] => share === 0 ? [] : [h('rect', {
      class: kind, x: round(x(second)), width: round(width), height: round(height(share)),
      y: round(ERRORS.top + ERRORS.height - height(below) - height(share)),
    })];
    return [...bar(ours, 0, 'error-ours'), ...bar(theirs, ours, 'error-theirs')];
  });
  return h('g', {}, bars, frame(plot, ERRORS, 'errors, share of the requests', `${numeral(max * 100)} %`));
}

function timeAxis({ timeline: { from, to }, x, right }: Plot): Branch {
  const least = ((to - from) * TICK_WIDTH) / Math.max(1, right - LEFT);
  const every = TICKS.find((seconds) => seconds >= least) ?? TICKS.at(-1) ?? 14_400;
  const offset = new Date(to * 1_000).getTimezoneOffset() * 60;
  const first = Math.ceil((from - offset) / every) * every + offset;
  const ticks: Branch[] = [];
  for (let second = first; second <= to; second += every) {
    if (x(second) < LEFT + 12 || x(second) > right - 12) continue;
    const time = timeOf(second * 1_000, every < 60);
    ticks.push(text(x(second), HEIGHT - 8, time, { 'class': 'tick', 'text-anchor': 'middle' }));
  }
  return h('g', {}, ticks);
}

const SHORT: Readonly<Record<string, (change: ChangeView) => string>> = {
  rollback: ({ text: told }) => `rolled back${/ to (\S+) by/.exec(told)?.[0].replace(' by', '') ?? ''}`,
  promote: ({ text: told }) => told.split(' ').slice(0, 3).join(' '),
  no_rollback_target: () => 'nothing to go back to', restored_failing: () => 'restored one fails',
  start: () => 'engine start',
};

// The newest first get the room for their words; a mark without a word still has its line.
function marks({ snapshot: { changes }, timeline: { from, to }, x, right }: Plot): Branch {
  const rows: number[] = Array.from({ length: LABEL_ROWS }, () => right + 1);
  const bottom = ERRORS.top + ERRORS.height;
  return h('g', {}, changes.filter(({ atMs }) => atMs >= from * 1_000 && atMs <= to * 1_000).map((change) => {
    const { atMs, kind, tone } = change;
    const place = x(atMs / 1_000);
    const words = LABELLED.has(kind) ? SHORT[kind]?.(change) ?? '' : '';
    const width = words.length * CHARACTER_WIDTH + 8;
    const isLeft = place + width > right;
    const [begin, end] = isLeft ? [place - width, place] : [place, place + width];
    const row = words === '' || begin < 0 ? -1 : rows.findIndex((taken) => end <= taken);
    if (row >= 0) rows[row] = begin;
    const top = row < 0 ? ANSWERS.top - 8 : row * LABEL_HEIGHT;
    return h('g', { class: `mark mark-${kind} tone-${tone}` }, line(place, top, place, bottom, ''),
      row < 0 ? null : text(place + (isLeft ? -5 : 5), top + 11, words, isLeft ? { 'text-anchor': 'end' } : {}));
  }));
}

/** What is known of the second at the cursor, in words. */
function readout(plot: Plot, cursor: number): string {
  const { series, timeline: { step }, snapshot } = plot;
  const parts = series.flatMap(({ version, at: points }) => {
    const point = points.get(cursor);
    if (point === undefined || point.slice(1, 8).every((count) => count === 0)) return [];
    const bad = oursOf(point);
    const shown = [`${numeral(answeredOf(point) / step)} answers a second by version ${version}`];
    if (at(point, AT.p95) > 0) shown.push(`p95 ${numeral(at(point, AT.p95) / 1_000)} ms`);
    if (bad > 0) shown.push(`${numeral(bad)} failed`);
    if (at(point, AT.clientFaults) > 0) shown.push(`${numeral(at(point, AT.clientFaults))} wrong requests`);
    return [shown.join(', ')];
  });
  const near = snapshot.changes.find(({ atMs }) => atMs / 1_000 >= cursor && atMs / 1_000 < cursor + step);
  const told = [...(parts.length === 0 ? ['nothing was asked'] : parts), ...(near === undefined ? [] : [near.text])];
  return `${timeOf(cursor * 1_000)}: ${told.join('; ')}`;
}

function legend({ snapshot, series }: Plot): Branch {
  return h('ul', { class: 'legend' }, series.map(({ version }) => {
    const role = snapshot.versions.find((one) => one.version === version)?.role ?? '';
    return h('li', {},
      h('svg', { 'class': 'swatch', 'viewBox': '0 0 10 10', 'aria-hidden': 'true' },
        h('rect', { class: `area ${versionClass(snapshot, version)}`, width: '10', height: '10', rx: '2' })),
      `version ${version}`, role === '' ? null : h('small', {}, ` ${role}`));
  }));
}

/** The places that the cursor can stand at, for keys and pointer. */
export function cursorPlaces(timeline: TimelineView): { readonly first: number; readonly last: number } {
  const { from, to, step } = timeline;
  const first = Math.ceil(from / step) * step;
  return { first, last: Math.max(first, first + (Math.floor((to - first) / step) - 1) * step) };
}

/** The second under a place of the picture. */
export function secondAt(timeline: TimelineView, width: number, x: number): number {
  const { from, to, step } = timeline;
  const { first, last } = cursorPlaces(timeline);
  const second = from + ((x - LEFT) / (width - RIGHT - LEFT)) * (to - from);
  return Math.min(last, Math.max(first, first + Math.floor((second - first) / step) * step));
}

/** The whole part of the page. */
export function timelineSection(snapshot: PageSnapshot, state: ViewState): Branch {
  const { width, cursor, isLive } = state;
  const timeline = state.timeline === null ? null : fitted(state.timeline);
  const minutes = timeline?.minutes ?? 15;
  const head = h('header', { class: 'part-head' }, h('h2', { id: 'timeline-title' }, 'What happened'),
    h('nav', { 'class': 'ranges', 'aria-label': 'Range of the timeline' }, RANGES.map(([range, words]) =>
      h('a', {
        'href': linkTo(snapshot.model, range), 'data-minutes': String(range),
        ...(range === minutes ? { 'aria-current': 'true' } : {}),
      }, words))));
  if (timeline === null) return h('section', { class: 'timeline' }, head);
  const plot = plotOf(snapshot, timeline, width);
  const told = cursor === null ? '' : readout(plot, cursor);
  const hint = isLive ? 'Point at a moment, or use the arrow keys, for its numbers.' : '';
  const cursorX = plot.x((cursor ?? 0) + timeline.step / 2);
  const picture = h('svg', {
    'viewBox': `0 0 ${width} ${HEIGHT}`, 'class': 'plot', 'role': 'img', 'aria-label': summary(plot),
  }, answers(plot), latencies(plot), errors(plot), timeAxis(plot), marks(plot),
  cursor === null ? null
    : line(cursorX, ANSWERS.top - 8, cursorX, ERRORS.top + ERRORS.height, 'cursor'));
  const { first, last } = cursorPlaces(timeline);
  const slider: Record<string, string> = isLive ? {
    'tabindex': '0', 'role': 'slider', 'aria-label': 'A moment of the timeline', 'aria-valuemin': String(first),
    'aria-valuemax': String(last), 'aria-valuenow': String(cursor ?? last),
    'aria-valuetext': told === '' ? 'use the arrow keys to read the numbers' : told,
  } : {};
  return h('section', { 'class': 'timeline', 'aria-labelledby': 'timeline-title' }, head, legend(plot),
    h('div', { 'id': 'plot', 'class': 'plot-frame', ...slider }, picture),
    h('p', { class: 'readout' }, told === '' ? hint : told),
    changeList(snapshot.changes));
}

function summary({ snapshot, series, timeline: { minutes } }: Plot): string {
  const asked = series.map(({ version }) => `version ${version}`).join(', ');
  return `${snapshot.model ?? ''}: answers a second, p95 and errors of ${asked === '' ? 'no version' : asked} over ` +
    (RANGES.find(([range]) => range === minutes)?.[1] ?? '');
}

const CHANGES_SHOWN = 6;

function changeList(changes: readonly ChangeView[]): Branch {
  return h('ol', { class: 'changes' }, changes.slice(0, CHANGES_SHOWN).map(({ atMs, text: told, tone }) =>
    h('li', { class: `tone-${tone}` }, h('time', { datetime: new Date(atMs).toISOString() }, timeOf(atMs)),
      h('span', {}, told))));
}
