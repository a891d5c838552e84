// The past as the timeline draws it: what lies in the rings of shared-memory/traffic.ts, in points of a step that fits
// the range. Pure, but for the reading. A day is told in steps of two minutes; its latencies are the highest of each.
import { TRAFFIC_COUNTS, type TrafficRecord, type TrafficSeries } from '../../shared-memory/traffic.ts';
import type { NumbersView, TimelineView, TrafficPoint, TrafficView } from '../../page/snapshot.ts';
import { msText } from './sentence.ts';

/** The ranges that can be looked at, in minutes, with the seconds of a point. */
const STEPS: ReadonlyMap<number, number> = new Map([[15, 2], [60, 10], [1_440, 120]]);
const MINUTES_SHOWN = [...STEPS.keys()];
/** Versions that are told apart in one picture: those with the newest traffic. */
const VERSIONS_MAX = 8;
/** The second ring holds an hour; the ring of tens reaches further, and over a restart of the engine. */
const TEN = 10;
const TAIL_SECONDS = 8;
const NUMBERS_SECONDS = 60;

type Reader = Pick<TrafficSeries, 'names' | 'read'>;

/** What the model's versions answered in the last `minutes`; one of MINUTES_SHOWN, or the first of them. */
export function timelineOf(series: Reader, model: string, asked: number, nowMs: number): TimelineView {
  const minutes = STEPS.has(asked) ? asked : MINUTES_SHOWN[0]!;
  const step = STEPS.get(minutes)!;
  const to = Math.floor(nowMs / 1_000);
  const from = Math.floor((to - minutes * 60) / step) * step;
  return { minutes, step, from, to, versions: trafficOf(series, model, from, to, step).versions };
}

/** The newest seconds, which a picture of seconds goes on with. */
export const newestOf = (series: Reader, model: string, nowMs: number): TrafficView => {
  const to = Math.floor(nowMs / 1_000);
  return trafficOf(series, model, to - to % 2 - TAIL_SECONDS, to, 2);
};

function trafficOf(series: Reader, model: string, from: number, to: number, step: number): TrafficView {
  const versions = ofModel(series, model).filter(({ newest }) => newest >= from).slice(0, VERSIONS_MAX)
    .map(({ version, index }) => ({ version, points: pointsOf(recordsOf(series, index, from, to, step), step) }));
  return { step, versions };
}

const ofModel = (series: Reader, model: string): ReturnType<Reader['names']> =>
  series.names().filter((one) => one.model === model).sort((a, b) => b.newest - a.newest);

// Seconds where there are any; tens where a restart has taken the seconds.
function recordsOf(series: Reader, index: number, from: number, to: number, step: number): readonly TrafficRecord[] {
  if (step >= TEN) return series.read(index, from, to, TEN);
  const seconds = series.read(index, from, to, 1);
  const first = seconds[0]?.second ?? to;
  const before = series.read(index, from, first - first % TEN, TEN).flatMap((record) => spread(record));
  return [...before, ...seconds];
}

// Ten seconds of which only the sum is known are drawn as ten alike.
function spread({ second, counts, quantilesUs }: TrafficRecord): TrafficRecord[] {
  return Array.from({ length: TEN }, (_, at) =>
    ({ second: second + at, counts: counts.map((count) => count / TEN), quantilesUs }));
}

function pointsOf(records: readonly TrafficRecord[], step: number): TrafficPoint[] {
  const points = new Map<number, number[]>();
  for (const { second, counts, quantilesUs } of records) {
    const at = second - second % step;
    const known = points.get(at);
    if (known === undefined) points.set(at, [at, ...counts, ...quantilesUs]);
    else {
      counts.forEach((count, index) => (known[1 + index]! += count));
      quantilesUs.forEach((us, index) => {
        const place = 1 + counts.length + index;
        known[place] = Math.max(known[place]!, us);
      });
    }
  }
  return [...points.values()].map((point) => point.map((value) => Math.round(value * 10) / 10));
}

/** The last minute of every version that answered in it. */
export function lastMinuteOf(series: Reader, model: string, nowMs: number): NumbersView[] {
  const to = Math.floor(nowMs / 1_000);
  return ofModel(series, model).filter(({ newest }) => newest >= to - NUMBERS_SECONDS).slice(0, VERSIONS_MAX)
    .map(({ version, index }) => {
      const records = series.read(index, to - NUMBERS_SECONDS, to, 1);
      const sum = (name: (typeof TRAFFIC_COUNTS)[number]): number =>
        records.reduce((all, { counts }) => all + (counts[TRAFFIC_COUNTS.indexOf(name)] ?? 0), 0);
      const [ok, shielded] = [sum('ok'), sum('shielded')];
      const seconds = Math.max(1, to - (records[0]?.second ?? to));
      // Each second's quantile counts as often as it was asked: close to the minute's, and never above its highest.
      const weighted = (at: number): number => records.reduce((all, { counts, quantilesUs }) =>
        all + (quantilesUs[at] ?? 0) * (counts[0] ?? 0), 0) / Math.max(1, ok);
      return {
        version, perSecond: Math.round((ok + shielded) / seconds), ok, shielded,
        clientFaults: sum('clientFaults'), failed: sum('failed'), nonFinite: sum('nonFinite'), expired: sum('expired'),
        p50Ms: msText(weighted(0)), p95Ms: msText(weighted(1)), p99Ms: msText(weighted(2)),
      };
    });
}
