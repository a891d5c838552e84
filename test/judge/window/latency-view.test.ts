import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyView } from '../../../src/judge/window/latency-view.ts';
import { vector } from '../vectors.ts';

const SECOND_US = 1_000_000;

test('LatencyView at three digits reports the quantiles of the vector, in ms', () => {
  const { expected } = vector('hdr_linear_3digits') as
    { input: unknown; expected: { p50: number; p95: number; p99: number } };
  const view = new LatencyView(3);
  view.advance(0);
  for (let us = 1; us <= 10_000; us += 1) view.record(us);
  const { p50, p95, p99 } = expected;
  assert.deepEqual(view.quantilesMs(), { p50: p50 / 1_000, p95: p95 / 1_000, p99: p99 / 1_000 });
});

test('LatencyView reports the second vector, whose values span five orders of magnitude', () => {
  const { input, expected } = vector('hdr_twenty') as
    { input: { values: number[] }; expected: { p50: number; p95: number; p99: number } };
  const view = new LatencyView(3);
  view.advance(0);
  for (const us of input.values) view.record(us);
  const { p50, p95, p99 } = expected;
  assert.deepEqual(view.quantilesMs(), { p50: p50 / 1_000, p95: p95 / 1_000, p99: p99 / 1_000 });
});

test('LatencyView forgets a sample between 50 and 60 seconds after it, and not before', () => {
  for (const startS of [0, 3, 9.9, 12_345]) {
    const view = new LatencyView();
    view.advance(startS * SECOND_US);
    view.record(1_000);
    view.advance((startS + 50) * SECOND_US);
    assert.notEqual(view.quantilesMs(), null);
    view.advance((startS + 60) * SECOND_US);
    assert.equal(view.quantilesMs(), null);
  }
});

test('LatencyView forgets everything after a long silence and records into the right slice again', () => {
  const view = new LatencyView();
  for (let second = 0; second < 60; second += 1) {
    view.advance(second * SECOND_US);
    view.record(5_000);
  }
  view.advance(10_000 * SECOND_US);
  assert.equal(view.quantilesMs(), null);
  view.record(100);
  view.advance(10_050 * SECOND_US);
  assert.deepEqual(view.quantilesMs(), { p50: 0.1, p95: 0.1, p99: 0.1 });
});

test('LatencyView takes negative, fractional and too large latencies without failing', () => {
  const view = new LatencyView();
  view.advance(0);
  for (const us of [-5, 0, 1.9, NaN, 2 ** 40, Infinity]) view.record(us);
  const quantiles = view.quantilesMs();
  assert.equal(quantiles?.p50, 0);
  assert.ok(quantiles.p99 >= 0x7fffffff / 1_000);
});
