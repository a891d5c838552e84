// What the page knows beside the snapshot: the range that is looked at, where the cursor stands, how wide the picture
// is, and for how long there has been no news. Pure; runs on both sides.
import type { PageSnapshot, TimelineView, VersionView } from '../snapshot.ts';

export interface ViewState {
  readonly timeline: TimelineView | null;
  /** The second of the point that is read out; null for none. */
  readonly cursor: number | null;
  /** Of the picture, in CSS pixels. */
  readonly width: number;
  /** Seconds without a snapshot; 0 while they come. */
  readonly lostForS: number;
  /** False for the server's picture: what needs a script is not there. */
  readonly isLive: boolean;
}

/** Wide enough for the server's picture, which the browser scales. */
const WIDTH_UNKNOWN = 960;

/** As the server draws it. */
export const firstState = (timeline: TimelineView | null): ViewState =>
  ({ timeline, cursor: null, width: WIDTH_UNKNOWN, lostForS: 0, isLive: false });

/** The class that a version is drawn in: the active one, those in quarantine, and four shades for all others. */
export function versionClass({ versions, active }: Pick<PageSnapshot, 'versions' | 'active'>, version: string): string {
  if (version === active) return 'v-active';
  const others = versions.filter((one) => one.version !== active);
  if (others.some((one) => one.version === version && isGone(one))) return 'v-gone';
  const place = others.filter((one) => !isGone(one)).findIndex((one) => one.version === version);
  return `v-${Math.max(0, place) % 4}`;
}

const isGone = ({ role }: VersionView): boolean => role === 'quarantine';

/** The time of day. */
export function timeOf(atMs: number, isToTheSecond = true): string {
  const at = new Date(atMs);
  const parts = [at.getHours(), at.getMinutes(), ...(isToTheSecond ? [at.getSeconds()] : [])];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** A link to the same page with another model or range, which works without a script too. */
export function linkTo(model: string | null, minutes: number): string {
  const query = [...(model === null ? [] : [`model=${encodeURIComponent(model)}`]), `minutes=${minutes}`];
  return `?${query.join('&')}`;
}
