// The page in the browser: takes snapshots as they come, draws them over what the server drew, and says when there is
// no news. Browser. It asks for the past once, and again when another range is looked at; the rest comes by itself.
import type { PageSnapshot } from '../snapshot.ts';
import { pageTree } from '../view/page.ts';
import type { ViewState } from '../view/state.ts';
import { cursorPlaces, fitted, secondAt } from '../view/timeline.ts';
import { Actions } from './actions.ts';
import { patch } from './patch.ts';
import { fetchTimeline, goneOn, listen } from './stream.ts';

/** Snapshots come once a second; without one for so long the page says that. */
const LOST_MS = 4_000;
const TICK_MS = 500;
/** Ranges whose points are longer than those of a snapshot are asked for again, after so many seconds. */
const AGAIN_S: ReadonlyMap<number, number> = new Map([[60, 10], [1_440, 60]]);

const query = new URLSearchParams(location.search);
const model = query.get('model');
const actions = new Actions();
let snapshot: PageSnapshot | null = null;
let state: ViewState = { timeline: null, cursor: null, width: 960, lostForS: 0, isLive: true };
let minutes = Number(query.get('minutes') ?? 15);
let newsMs = performance.now();
let askedMs = -Infinity;

function draw(): void {
  const page = document.getElementById('page');
  if (page === null || snapshot === null || state.timeline === null && snapshot.model !== null) return;
  patch(page, pageTree(snapshot, state));
  document.title = `${state.lostForS > 0 ? 'No news' : snapshot.headline.sentence} · lastgood`;
  actions.show(snapshot);
  watchPlot();
}

function change(more: Partial<ViewState>): void {
  state = { ...state, ...more };
  draw();
}

async function askForPast(): Promise<void> {
  if (snapshot?.model === undefined || snapshot.model === null) return;
  askedMs = performance.now();
  const timeline = await fetchTimeline(snapshot.model, minutes);
  if (timeline !== null && (timeline.minutes === minutes || ![15, 60, 1_440].includes(minutes))) change({ timeline });
}

listen(model, {
  snapshot: (next) => {
    const isFirst = snapshot === null;
    snapshot = next;
    newsMs = performance.now();
    const again = AGAIN_S.get(minutes);
    const isOld = again !== undefined && performance.now() - askedMs > again * 1_000;
    if (isFirst || isOld || state.lostForS > 0) void askForPast();
    change({ lostForS: 0, ...(state.timeline !== null && { timeline: goneOn(state.timeline, next) }) });
  },
  change: ({ text }) => {
    const news = document.getElementById('news');
    if (news !== null) news.textContent = text;
  },
});

setInterval(() => {
  const silentMs = performance.now() - newsMs;
  const lostForS = silentMs > LOST_MS ? Math.round(silentMs / 1_000) : 0;
  if (lostForS !== state.lostForS) change({ lostForS });
}, TICK_MS);

// The picture is drawn as wide as it is shown, so that its words keep their size.
let watched: Element | null = null;
const sizes = new ResizeObserver(([entry]) => {
  const width = Math.round(entry?.contentRect.width ?? 0);
  if (width > 0 && width !== state.width) change({ width });
});

function watchPlot(): void {
  const plot = document.getElementById('plot');
  if (plot === watched || plot === null) return;
  sizes.disconnect();
  sizes.observe(plot);
  watched = plot;
}

document.addEventListener('pointermove', (event) => {
  const plot = event.target instanceof Element ? event.target.closest('#plot') : null;
  const { timeline, width } = state;
  if (plot !== null && timeline !== null) {
    const cursor = secondAt(fitted(timeline), width, event.clientX - plot.getBoundingClientRect().left);
    if (cursor !== state.cursor) change({ cursor });
  } else if (state.cursor !== null && document.activeElement !== watched) change({ cursor: null });
});

document.addEventListener('keydown', (event) => {
  const { timeline, cursor } = state;
  if (timeline === null || !(event.target instanceof Element) || event.target.id !== 'plot') return;
  const { first, last } = cursorPlaces(fitted(timeline));
  const now = cursor ?? last;
  const places: Readonly<Record<string, number>> = {
    ArrowLeft: now - timeline.step, ArrowRight: now + timeline.step, PageUp: now - 10 * timeline.step,
    PageDown: now + 10 * timeline.step, Home: first, End: last,
  };
  const place = places[event.key];
  if (event.key === 'Escape') change({ cursor: null });
  if (place === undefined) return;
  event.preventDefault();
  change({ cursor: Math.min(last, Math.max(first, place)) });
});

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a[data-minutes]') : null;
  if (link === null || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  minutes = Number(link.getAttribute('data-minutes'));
  history.replaceState(null, '', link.getAttribute('href'));
  void askForPast();
});
