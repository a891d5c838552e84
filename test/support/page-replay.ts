// A recorded state of the page, served by the real front: for pictures, and for tests in a browser. The recordings in
// test/page/states are of real runs, made by scripts/picture.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EchoEngine, frontBefore } from '../api/echo-engine.ts';
import type { Front, FrontOptions } from '../../src/api/serving-api.ts';
import { packageRoot } from '../../src/base/package-root.ts';
import type { PageSnapshot, TimelineView } from '../../src/page/snapshot.ts';

export interface PageState {
  readonly snapshot: PageSnapshot;
  readonly timeline: TimelineView;
}

/** The states that are recorded. */
export const PAGE_STATES = ['healthy', 'rolled-back', 'held-still', 'disk-refused', 'no-target'] as const;

export const stateFile = (name: string): string => join(packageRoot(), 'test/page/states', `${name}.json`);

export function pageState(name: (typeof PAGE_STATES)[number]): PageState {
  return JSON.parse(readFileSync(stateFile(name), 'utf8')) as PageState;
}

/** A front that shows one state for good; what is changed in `state` afterwards is shown from then on. */
export async function replayed(
  state: PageState, options: Partial<FrontOptions> = {},
): Promise<{ readonly front: Front; readonly shown: { state: PageState }; readonly acted: unknown[] }> {
  const shown = { state };
  const acted: unknown[] = [];
  const engine = new EchoEngine();
  engine.page = {
    mode: state.snapshot.mode,
    snapshot: () => Promise.resolve(shown.state.snapshot),
    timeline: () => shown.state.timeline,
    act: (action) => {
      acted.push(action);
      return Promise.resolve(action.verb === 'rows' ? { text: 'two versions', rows: [] } : {});
    },
  };
  return { front: await frontBefore(engine, options), shown, acted };
}
