import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrafficCounter } from '../../../src/judge/monitor/traffic-counter.ts';
import { emptySample, Outcome, type Sample, SampleKind } from '../../../src/shared-memory/sample-ring.ts';
import { Track } from '../../../src/shared-memory/slab.ts';
import { SERIES_MAX, TRAFFIC_COUNTS, trafficMemory, TrafficSeries } from '../../../src/shared-memory/traffic.ts';

/** The wall clock is this much ahead of the monotonic one; it begins a ten. */
const WALL_S = 1_700_000_000;
const US = 1e6;

function counting(memory = trafficMemory()) {
  const counter = new TrafficCounter(memory);
  const series = new TrafficSeries(memory);
  const at = (second: number): void => counter.advance(second * US, (WALL_S + second) * 1_000);
  const add = (second: number, more: Partial<Sample> = {}, version = '1', model = 'm'): void =>
    counter.add(model, version, { ...emptySample(), atUs: second * US, latencyUs: 1_000, ...more });
  const read = (version: string, step: 1 | 10, from = 0, to = 100) => {
    const own = series.names().find((one) => one.version === version);
    return own === undefined ? [] : series.read(own.index, WALL_S + from, WALL_S + to, step)
      .map((record) => ({ ...record, second: record.second - WALL_S, counts: namedCounts(record.counts) }));
  };
  return { memory, counter, series, at, add, read };
}

const namedCounts = (counts: readonly number[]): Record<string, number> => Object.fromEntries(
  counts.map((count, index): [string, number] => [TRAFFIC_COUNTS[index]!, count]).filter(([, count]) => count > 0));

test('what a version answers is counted in the second of each answer, by what became of the requests', () => {
  const { at, add, read } = counting();
  at(0);
  at(3);
  for (const outcome of Object.values(Outcome)) add(1.5, { outcome });
  add(1.5, { track: Track.shield });
  add(2.1);
  add(2.2, { kind: SampleKind.row });
  at(4);
  add(5.5, { outcome: Outcome.clientFault });
  add(4.9);
  at(6);
  assert.deepEqual(read('1', 1).map(({ second, counts }) => [second, counts]), [
    [1, { ok: 1, clientFaults: 1, failed: 2, nonFinite: 1, expired: 1, setAside: 1, shielded: 1 }],
    [2, { ok: 1 }],
    [5, { ok: 1, clientFaults: 1 }],
  ], 'one that comes after its second was closed counts in the one that is open');
});

test('ten seconds add up to what their seconds counted, and stay when the second ring has come round', () => {
  const { at, add, read } = counting();
  for (let second = 0; second < 25; second += 1) {
    at(second);
    for (let request = 0; request <= second; request += 1) add(second + 0.5);
  }
  at(25);
  assert.deepEqual(read('1', 10).map(({ second, counts }) => [second, counts['ok']]), [[0, 55], [10, 155]]);
  at(3_700);
  add(3_700);
  at(3_701);
  assert.equal(read('1', 10).length, 3, 'an hour later the tens are still there');
  assert.deepEqual(read('1', 1, 0, 3_701).map(({ second }) => second).includes(100), false);
});

test('latencies are told within a sixteenth above, of requests that speak of the version', () => {
  const { at, add, read } = counting();
  at(0);
  for (let us = 1; us <= 1_000; us += 1) add(0.5, { latencyUs: us * 100 });
  add(0.5, { latencyUs: 9e8, outcome: Outcome.clientFault });
  at(1);
  const [record] = read('1', 1);
  const [p50 = 0, p95 = 0, p99 = 0] = record?.quantilesUs ?? [];
  for (const [found, exact] of [[p50, 50_000], [p95, 95_000], [p99, 99_000]] as const) {
    assert.ok(found >= exact && found <= exact * 1.0625, `${found} for ${exact}`);
  }
  at(1);
  add(1.5, { latencyUs: 7 });
  at(2);
  assert.deepEqual(read('1', 1, 1)[0]?.quantilesUs, [7, 7, 7]);
});

test('a monitor that is started again goes on where the one before stopped, also within a second and within ten', () => {
  const first = counting();
  first.at(0);
  for (let second = 0; second < 4; second += 1) first.add(second + 0.5);
  first.at(3);
  const next = counting(first.memory);
  next.at(4);
  for (let second = 4; second < 10; second += 1) {
    next.at(second);
    next.add(second + 0.5);
  }
  next.at(10);
  assert.deepEqual(next.series.names().map(({ version }) => version), ['1'], 'no second series for the same version');
  assert.equal(next.read('1', 10)[0]?.counts['ok'], 9, 'all but the second that was open in the one that fell');
});

test('at its end the monitor puts down what is open, of ten seconds too', () => {
  const { at, add, counter, read } = counting();
  at(12);
  add(12.5);
  counter.end();
  assert.deepEqual([read('1', 1)[0]?.second, read('1', 10)[0]?.counts['ok']], [12, 1]);
});

test('a version that answers keeps its series; beyond the bound one that is quiet gives way, and only then', () => {
  const { at, add, series } = counting();
  at(0);
  for (let version = 0; version < SERIES_MAX; version += 1) add(0.5, {}, `v${version}`);
  at(1);
  add(1.5, {}, 'late');
  assert.equal(series.names().some(({ version }) => version === 'late'), false, 'all of them answered a second ago');
  for (let second = 2; second < 70; second += 1) {
    at(second);
    for (let version = 1; version < SERIES_MAX; version += 1) add(second + 0.5, {}, `v${version}`);
  }
  at(70);
  add(70.5, {}, 'late');
  at(71);
  const names = series.names();
  assert.equal(names.length, SERIES_MAX);
  assert.deepEqual([names.some(({ version }) => version === 'v0'), names.some(({ version }) => version === 'late')],
    [false, true]);
  const late = names.find(({ version }) => version === 'late')!;
  assert.deepEqual(series.read(late.index, WALL_S, WALL_S + 70, 1), [], 'nothing of the one before is left in it');
});

test('a clock that is put back begins anew from where it stands', () => {
  const { at, add, read, counter } = counting();
  at(50);
  add(50.5);
  counter.advance(51 * US, (WALL_S + 20) * 1_000);
  add(51.6);
  counter.advance(52 * US, (WALL_S + 21) * 1_000);
  assert.deepEqual(read('1', 1).map(({ second, counts }) => [second, counts['ok']]), [[20, 2]]);
});
