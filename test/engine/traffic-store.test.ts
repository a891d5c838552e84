import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { lastgoodError } from '../../src/base/errors.ts';
import { TrafficStore } from '../../src/engine/traffic-store.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';
import { commitAtOnce } from '../../src/registry/commit/commits.ts';
import type { ModelRecord } from '../../src/domain/records.ts';
import { ALL_TRAFFIC, trafficKey } from '../../src/registry/store/keys.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const START_S = 1_700_000_000;

function opened(t: TestContext) {
  const time = { second: START_S, isRefused: false, models: ['m'] };
  const clock = { wallMs: () => time.second * 1_000, monotonicUs: () => time.second * 1e6 };
  const store = openStore({ dataDir: temporaryDirectory() });
  const registry = {
    commit: <T>(change: () => T): Promise<T> => time.isRefused
      ? Promise.reject(lastgoodError('DISK_REFUSED', { what: 'the registry', reason: 'no space' }))
      : commitAtOnce(change),
    models: () => time.models.map((model) => ({ model }) as ModelRecord),
  };
  t.after(() => store.close());
  const made = (mayWrite = true): TrafficStore => new TrafficStore({ store, registry, clock, mayWrite });
  const count = (traffic: TrafficStore, ok: number): void => {
    const index = traffic.series.claim({ model: 'm', version: '1' }, 0)!;
    traffic.series.write(index, { second: time.second, counts: [ok, 0, 0, 0, 0, 0, 0], quantilesUs: [5, 6, 7] }, 10);
  };
  const told = (traffic: TrafficStore): unknown => traffic.series.names().map(({ version, index }) =>
    [version, traffic.series.read(index, START_S, time.second + 1, 10).map(({ second, counts, quantilesUs }) =>
      [second - START_S, counts[0], ...quantilesUs])]);
  const blocks = (): number => store.read(() => store.lastParts(ALL_TRAFFIC).length);
  return { time, store, made, count, told, blocks };
}

test('what was counted comes back after a restart, with what happened to the engine', async (t) => {
  const { time, made, count, told } = opened(t);
  const before = made();
  before.markStart({ workers: 'two' });
  count(before, 3);
  time.second += 10;
  count(before, 4);
  time.second += 10;
  await before.flush();
  count(before, 5);
  time.second += 5;
  await before.close();
  const after = made();
  after.restore();
  assert.deepEqual(told(after), [['1', [[0, 3, 5, 6, 7], [10, 4, 5, 6, 7], [20, 5, 5, 6, 7]]]]);
  assert.deepEqual(after.marks.map(({ kind }) => kind), ['start']);
});

test('a start with other settings is told with their names, and one with the same as a start', async (t) => {
  const { time, made, count } = opened(t);
  const starts = [
    { workers: '2', batch: '64' }, { workers: '2', batch: '64' },
    { workers: '4', host: 'x' }, { workers: '4', host: 'x' },
  ];
  for (const settings of starts) {
    const engine = made();
    engine.restore();
    engine.markStart(settings);
    count(engine, 1);
    time.second += 10;
    await engine.close();
  }
  const after = made();
  after.restore();
  assert.deepEqual(after.marks.map(({ kind, text }) => [kind, text]), [
    ['start', 'the engine started'], ['start', 'the engine started'],
    ['configuration', 'the engine started with other settings: batch, host, workers'], ['start', 'the engine started'],
  ]);
});

test('a minute in which nothing was asked writes nothing, and a day later a block is deleted', async (t) => {
  const { time, made, count, blocks } = opened(t);
  const traffic = made();
  traffic.markStart({});
  await traffic.flush();
  assert.equal(blocks(), 0);
  count(traffic, 1);
  time.second += 10;
  await traffic.flush();
  await traffic.flush();
  assert.equal(blocks(), 1, 'the second time there was nothing new');
  time.second += 86_410;
  count(traffic, 1);
  time.second += 10;
  await traffic.flush();
  assert.equal(blocks(), 1, 'the new one stands alone');
});

test('a date that is set back or forth keeps no minute from being stored, and no more than a day', async (t) => {
  const { time, store, made, count, blocks } = opened(t);
  const traffic = made();
  let stored = 0;
  for (const second of [START_S, START_S + 3e7, START_S - 3e7, START_S + 600]) {
    time.second = second;
    await traffic.flush();
    count(traffic, 1);
    time.second += 10;
    const before = blocks();
    await traffic.flush();
    if (blocks() > before || second > START_S + 1e7) stored += 1;
  }
  assert.equal(stored, 4);
  const ahead = time.second + 1e7;
  store.transaction(() => {
    for (let minute = 0; minute < 2_000; minute += 1) {
      store.put(trafficKey(ahead + minute * 60), { series: [], marks: [] });
    }
  });
  const next = made();
  next.restore();
  count(next, 1);
  time.second += 10;
  await next.flush();
  assert.equal(blocks(), 1_440);
});

test('a minute that the disk refused is stored with the next one; who only follows writes nothing', async (t) => {
  const { time, made, count, told, blocks } = opened(t);
  const traffic = made();
  count(traffic, 2);
  time.second += 10;
  time.isRefused = true;
  await traffic.flush();
  assert.equal(blocks(), 0);
  time.isRefused = false;
  const follower = made(false);
  count(follower, 9);
  time.second += 10;
  await follower.flush();
  assert.equal(blocks(), 0);
  await traffic.flush();
  const after = made();
  after.restore();
  assert.deepEqual(told(after), [['1', [[0, 2, 5, 6, 7]]]]);
});

test('the traffic of a model that is gone is not brought back', async (t) => {
  const { time, made, count, told } = opened(t);
  const before = made();
  count(before, 3);
  time.second += 10;
  await before.close();
  time.models = [];
  const after = made();
  after.restore();
  assert.deepEqual(told(after), []);
});
