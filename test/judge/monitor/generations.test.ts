import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MonitorState } from '../../../src/judge/monitor/monitor-state.ts';
import { healthOf, judgeOptions, MODEL, seededRandom, TestRings, verdictIn, watch } from '../fixtures.ts';

// Every sample is slow, so each look has a verdict whose evidence shows the whole window.
const options = judgeOptions({ p95LimitMs: 0.001, samplesMin: 1, windowSamples: 50 });
const LOOK_US = options.lookMs * 1_000;

test('samples of a generation count for it alone and none is lost, however drains and watch commands fall', () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = seededRandom(seed);
    const state = new MonitorState();
    const deployments = [new TestRings(2, 1_024), new TestRings(2, 1_024)];
    deployments.forEach((rings, index) => state.handle(rings.attach(index + 1), 0));
    let nowUs = 1;
    const written = new Map<number, number[]>();
    const write = (generation: number): void => {
      const latencies = written.get(generation) ?? [];
      written.set(generation, latencies);
      // The latency tells the generation and the position, so a leak is seen wherever it ends up.
      const latencyUs = generation * 1_000_000 + latencies.length;
      latencies.push(latencyUs);
      nowUs += 1;
      deployments[generation % 2]!.write(random() < 0.5 ? 0 : 1, { generation, latencyUs, atUs: nowUs });
    };
    for (let generation = 1; generation <= 6; generation += 1) {
      // The next generation answers before its watch command is read; the one before still finishes some batches.
      const drained = (): boolean => random() < 0.2 && state.drain(nowUs) >= 0;
      for (let step = random() * 60; step > 0; step -= 1) {
        write(random() < 0.7 ? generation : Math.max(1, generation - 1));
        drained();
      }
      state.handle(watch(generation, { options }), nowUs);
      write(generation);
      for (let step = random() * 100; step > 0; step -= 1) {
        write(random() < 0.8 ? generation : Math.max(1, generation - 1));
        drained();
      }
      nowUs += LOOK_US;
      state.drain(nowUs);
      const reports = state.look(nowUs);
      const health = healthOf(reports);
      const mine = written.get(generation)!;
      assert.equal(health.generation, generation);
      assert.equal(health.totals.requests, mine.length, `seed ${seed}, generation ${generation}`);
      const window = verdictIn(reports)?.evidence['window'] as { latenciesMs: number[] };
      assert.deepEqual(window.latenciesMs, mine.slice(-options.windowSamples).map((us) => us / 1_000));
    }
    assert.ok(state.lateSamples(MODEL) > 0, `seed ${seed} wrote no late samples`);
  }
});

test('of two generations that answer before they are watched, the newer one loses nothing', () => {
  const state = new MonitorState();
  const rings = new TestRings(1, 64);
  state.handle(rings.attach(1), 0);
  state.handle(watch(1, { options }), 0);
  const sample = (generation: number): void => rings.write(0, { generation, latencyUs: generation });
  for (const generation of [2, 2, 3, 2, 3, 3, 1]) sample(generation);
  state.drain(1);
  assert.equal(state.lateSamples(MODEL), 3);
  state.handle(watch(2, { options }), 1);
  sample(2);
  sample(3);
  state.drain(2);
  state.handle(watch(3, { options }), 2);
  assert.equal(healthOf(state.look(2 + LOOK_US)).totals.requests, 4);
});

test('a held generation takes the window size that its watch command asks for', () => {
  const state = new MonitorState();
  const rings = new TestRings(1, 64);
  state.handle(rings.attach(1), 0);
  for (let latencyUs = 10; latencyUs < 40; latencyUs += 1) rings.write(0, { generation: 5, latencyUs });
  state.drain(1);
  state.handle(watch(5, { options: { ...options, windowSamples: 4 } }), 1);
  const reports = state.look(1 + LOOK_US);
  assert.deepEqual([healthOf(reports).windowSamples, healthOf(reports).totals.requests], [4, 30]);
  const window = verdictIn(reports)?.evidence['window'] as { latenciesMs: number[] };
  assert.deepEqual(window.latenciesMs, [0.036, 0.037, 0.038, 0.039]);
});

test('watching the same generation again begins with fresh windows', () => {
  const state = new MonitorState();
  const rings = new TestRings(1, 64);
  state.handle(rings.attach(1), 0);
  state.handle(watch(1, { options }), 0);
  rings.write(0, { generation: 1 });
  state.drain(1);
  state.handle(watch(1, { options }), 1);
  rings.write(0, { generation: 1 });
  state.drain(2);
  assert.equal(healthOf(state.look(2 * LOOK_US)).totals.requests, 1);
});
