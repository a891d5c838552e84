// What comes from the engine: snapshots by Server-Sent Events, the past by a request. Browser. The browser connects
// again by itself and says which event it saw last; where it gives up (too many viewers) it is tried again here.
import type { ChangeView, PageSnapshot, TimelineView } from '../snapshot.ts';

const AGAIN_MS = 5_000;

interface Listener {
  readonly snapshot: (snapshot: PageSnapshot) => void;
  /** Something happened to the model, now or while the stream was lost. */
  readonly change: (change: ChangeView) => void;
}

/** Listens for good. */
export function listen(model: string | null, listener: Listener): void {
  const source = new EventSource(model === null ? '/ui/events' : `/ui/events?model=${encodeURIComponent(model)}`);
  source.addEventListener('snapshot', ({ data }: MessageEvent<string>) =>
    listener.snapshot(JSON.parse(data) as PageSnapshot));
  source.addEventListener('change', ({ data }: MessageEvent<string>) =>
    listener.change(JSON.parse(data) as ChangeView));
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(() => listen(model, listener), AGAIN_MS);
  });
}

/** The past of a model; null when the engine does not answer. */
export async function fetchTimeline(model: string, minutes: number): Promise<TimelineView | null> {
  try {
    const response = await fetch(`/ui/timeline?model=${encodeURIComponent(model)}&minutes=${minutes}`);
    return response.ok ? await response.json() as TimelineView : null;
  } catch {
    return null;
  }
}

/** A timeline that goes on to now, with the newest points of a snapshot where their steps are the same. */
export function goneOn(timeline: TimelineView, { tail, atMs }: PageSnapshot): TimelineView {
  const to = Math.floor(atMs / 1_000);
  const from = Math.floor((to - timeline.minutes * 60) / timeline.step) * timeline.step;
  const known = new Map(timeline.versions.map(({ version, points }) =>
    [version, new Map(points.map((point) => [point[0] ?? 0, point]))]));
  if (tail.step === timeline.step) {
    for (const { version, points } of tail.versions) {
      const own = known.get(version) ?? new Map<number, readonly number[]>();
      for (const point of points) own.set(point[0] ?? 0, point);
      known.set(version, own);
    }
  }
  const versions = [...known].map(([version, points]) =>
    ({ version, points: [...points.values()].filter((point) => (point[0] ?? 0) >= from) }));
  return { ...timeline, from, to, versions: versions.filter(({ points }) => points.length > 0) };
}
