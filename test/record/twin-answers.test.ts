// Answers of the version before find the recorded rows that they are to, and rows wait for them no more than a moment.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLine } from '../../src/backtest/record-line.ts';
import type { RecordLine } from '../../src/backtest/record-line.ts';
import type { WatchGeneration } from '../../src/judge/types/messages.ts';
import { optionsOfModel, resolveOptions } from '../../src/options/options.ts';
import { RecorderState } from '../../src/record/recorder-state.ts';
import { rowRingBytes, RowWriter } from '../../src/shared-memory/row-ring.ts';
import { Outcome } from '../../src/shared-memory/sample-ring.ts';
import { NOT_ASKED } from '../../src/shared-memory/source-ids.ts';

const { judge } = optionsOfModel(resolveOptions({}), 'm');
const SIZE = { rows: 64, dataBytes: 4_096 };
const watch = (generation: number, version: string): WatchGeneration =>
  ({ kind: 'watch', model: 'm', generation, version, outputKind: 'score', baseline: null, options: judge });

function recorder(): { readonly state: RecorderState; readonly answer: (at: number, generation?: number) => void } {
  const state = new RecorderState(0, 0);
  const memory = new SharedArrayBuffer(rowRingBytes(SIZE));
  const writer = new RowWriter(memory, 0, SIZE);
  const signature = { inputs: [], outputs: [] };
  state.handle({
    kind: 'attach', deploymentId: 1, model: 'm', version: '2', memory: new SharedArrayBuffer(64), rings: 1, capacity: 2,
    records: { memory, size: SIZE, signature },
  }, 0);
  const answer = (at: number, generation = 2): void => {
    const about = { generation, outcome: Outcome.ok, row: 0, latencyUs: 100, input: at, atUs: at * 1e6 };
    const source = at === 3 ? NOT_ASKED : at;
    writer.write({ ...about, source }, [at], 0, 1, new Uint8Array(0));
  };
  state.handle(watch(2, '2'), 0);
  return { state, answer };
}
const read = (text: string): RecordLine[] => text.split('\n').filter((line) => line !== '')
  .map((line, at) => parseLine(line, 'samples', at + 1));
const key = (at: number) => ({ atUs: at * 1e6, row: 0, input: at, latencyUs: 100 });
const twin = (answers: readonly number[]) => ({
  kind: 'twin' as const, model: 'm', generation: 2,
  answers: answers.map((at) =>
    ({ version: '1', latencyUs: 50, outputs: at === 2 ? null : Float64Array.of(at / 2), row: key(at) })),
});

test('rows of a version whose twin is not asked are written at once', () => {
  const { state, answer } = recorder();
  answer(1);
  assert.equal(read(state.drain(1e6)).length, 1);
});

test('rows wait for what the twin answers, in the order of time, and are written without it after a moment', () => {
  const { state, answer } = recorder();
  state.handle(twin([]), 0);
  for (const at of [1, 2, 3]) answer(at);
  assert.deepEqual(read(state.drain(3e6)), []);
  state.handle(twin([2, 1]), 3e6);
  const lines = read(state.drain(5e6));
  assert.deepEqual(lines.map((line) => ('outputs' in line ? [line.outputs, line.twin, line.source] : null)), [
    [[1], { version: '1', ok: true, latency_ms: 0.05, outputs: [0.5] }, 'library'],
    [[2], { version: '1', ok: false, latency_ms: 0.05, outputs: [] }, '00000002'],
  ]);
  state.handle(twin([3]), 6e6);
  const [third] = read(state.drain(6.5e6));
  assert.ok('outputs' in third!);
  assert.deepEqual([third.outputs, third.twin?.outputs, third.source], [[3], [1.5], undefined]);
  answer(7);
  const [late] = read(state.drain());
  assert.ok('outputs' in late! && late.twin === undefined, 'what nobody answered in time has no twin');
});

test('what waits is written before the next generation begins, whose rows wait for their own twin', () => {
  const { state, answer } = recorder();
  state.handle(twin([]), 0);
  answer(1);
  const lines = read(state.handle(watch(3, '1'), 2e6));
  assert.deepEqual(lines.map(({ event, version }) => [event, version]), [[undefined, '2'], ['promote', '1']]);
  answer(3, 3);
  assert.equal(read(state.drain(3e6)).length, 1);
});

test('a promote line says what is known of the two beforehand, and requests that were asked again have a line', () => {
  const { state } = recorder();
  const known = { outcome: 'answered' as const, value: 0.5, classIndex: -1, entropy: NaN };
  const expected = {
    against: '1', rows: 1, unanswered: 0, compared: 1, differing: 0, classes: [], distance: null, atMs: 5,
  };
  const pairs = [{ fresh: known, twin: { ...known, outcome: 'failed' as const, value: NaN } }];
  state.handle({ kind: 'known', model: 'm', generation: 3, expect: 'change=5', expected, pairs }, 0);
  const [promote] = read(state.handle(watch(3, '3'), 1e6));
  assert.ok(promote?.event === 'promote');
  assert.deepEqual([promote.expect, promote.known], ['change=5', { against: '1', expected, pairs }]);
  const counts = { own: 3, shared: 1, passed: 2 };
  const [repeat] = read(state.handle({ kind: 'repeated', model: 'm', generation: 3, ...counts }, 2e6));
  assert.deepEqual(repeat, { event: 'repeat', t: 1_000, model: 'm', version: '3', ...counts });
  assert.equal(state.handle({ kind: 'repeated', model: 'm', generation: 2, ...counts }, 2e6), '', 'one that is gone');
});
