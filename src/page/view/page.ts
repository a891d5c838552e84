// The whole page as a tree, and as a document. Pure; the tree on both sides, the document on the server.
import type { PageSnapshot } from '../snapshot.ts';
import {
  checksSection, decisionSection, headline, hostSection, modelList, numbersSection, overSection, pairsSection,
  versionsSection,
} from './sections.ts';
import type { ViewState } from './state.ts';
import { timelineSection } from './timeline.ts';
import { type Branch, h, htmlOf } from './tree.ts';

/** Everything in its reading order. Without news the numbers are not shown: they would be old ones. */
export function pageTree(snapshot: PageSnapshot, state: ViewState): Branch {
  const minutes = state.timeline?.minutes ?? 15;
  const isLost = state.lostForS > 0;
  const live = (part: Branch | null): Branch | null => (isLost ? null : part);
  return h('main', { id: 'page', class: isLost ? 'is-lost' : '' },
    modelList(snapshot.models, snapshot.model, minutes),
    headline(snapshot, state),
    live(overSection(snapshot)),
    snapshot.model === null ? null : timelineSection(snapshot, state),
    live(versionsSection(snapshot)),
    live(snapshot.model === null ? null : numbersSection(snapshot)),
    live(snapshot.model === null ? null : checksSection(snapshot)),
    live(pairsSection(snapshot.pairs)),
    decisionSection(snapshot.decision),
    live(hostSection(snapshot)),
    // The browser fills it, for whoever has the token.
    h('section', { 'id': 'actions', 'data-own': 'actions', 'aria-label': 'Actions' }),
    h('footer', {}, snapshot.engine, state.isLive ? null : '. This picture stands still; with scripts it goes on.'));
}

/** The document that the server answers: it shows the first snapshot also where no script runs. */
export function pageDocument(snapshot: PageSnapshot, state: ViewState): string {
  const title = `${snapshot.headline.sentence} · lastgood`;
  return `<!doctype html>\n${htmlOf(h('html', { lang: 'en' },
    h('head', {}, h('meta', { charset: 'utf-8' }),
      h('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      h('meta', { name: 'color-scheme', content: 'light dark' }),
      h('title', {}, title),
      h('link', { rel: 'icon', href: 'data:,' }),
      h('link', { rel: 'stylesheet', href: '/ui/page.css' }),
      h('script', { src: '/ui/page.js', type: 'module' })),
    h('body', {}, pageTree(snapshot, state), h('p', { 'id': 'news', 'class': 'hidden', 'role': 'status' }))))}\n`;
}
