// Rows of inputs on their way from the workers' rings to the judge: whose they are, how many, and what is left alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputFeed } from '../../../src/judge/window/input-feed.ts';
import { CAPTURE_INPUTS_MAX, InputStore } from '../../../src/judge/window/input-store.ts';
import { MonitorState } from '../../../src/judge/monitor/monitor-state.ts';
import type { Signature } from '../../../src/domain/records.ts';
import { RowWriter, rowRingBytes, rowRingOffset, setRowPause } from '../../../src/shared-memory/row-ring.ts';
import type { RowRingSize } from '../../../src/shared-memory/row-ring.ts';
import { inputColumnsOf } from '../../../src/domain/input-columns.ts';
import { RowInputsEncoder } from '../../../src/domain/row-codec.ts';
import { judgeOptions, MODEL, TestRings, watch } from '../fixtures.ts';

const signature: Signature = { inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }], outputs: [] };
const columns = inputColumnsOf({ signature });

/** Rings of kept rows with a writer for each. */
function keptRows(rings: number, size: RowRingSize = { rows: 256, dataBytes: 32_768 }) {
  const memory = new SharedArrayBuffer(rings * rowRingBytes(size));
  const encoder = new RowInputsEncoder();
  const writers = Array.from({ length: rings }, (_, ring) =>
    new RowWriter(memory, rowRingOffset(ring, size), size));
  const write = (ring: number, generation: number, values: readonly number[], bytes?: Uint8Array): void => {
    const about = { generation, outcome: 0, row: 0, latencyUs: 1, input: 1, atUs: 5, source: 0 };
    const shape = [values.length];
    const inputs = encoder.encode([{ data: Float32Array.from(values), shape, elements: values.length }], 0);
    writers[ring]!.write(about, [1], 0, 1, bytes ?? inputs);
  };
  return { memory, size, write };
}

test('a feed gives the rows of one generation, of all workers, each once', () => {
  const { memory, size, write } = keptRows(2);
  const feed = new InputFeed({ memory, size, signature, columns }, 2);
  write(0, 1, [1, 2]);
  write(0, 2, [3, 4]);
  write(1, 2, [5, 6]);
  const seen: number[][] = [];
  feed.drain(2, ({ names, values }) => {
    assert.deepEqual(names, ['x[0]', 'x[1]']);
    seen.push(Array.from(values));
  });
  feed.drain(2, () => assert.fail('a row came twice'));
  assert.deepEqual(seen, [[3, 4], [5, 6]]);
});

test('a feed passes over rows without inputs and bytes that are none, and takes so many rows a look and no more', () => {
  const { memory, size, write } = keptRows(1);
  const feed = new InputFeed({ memory, size, signature, columns }, 1);
  write(0, 1, [], new Uint8Array(0));
  write(0, 1, [], Uint8Array.of(1, 2, 3));
  for (let row = 0; row < 200; row += 1) write(0, 1, [row, 0]);
  let seen = 0;
  feed.drain(1, () => (seen += 1));
  assert.equal(seen, 126);
  feed.drain(1, () => (seen += 1));
  assert.equal(seen, 200);
});

test('a feed leaves large rows to be overwritten after its share of a look', () => {
  const large: Signature = { inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 100_000] }], outputs: [] };
  const { memory, size, write } = keptRows(1, { rows: 16, dataBytes: 8 * 1024 * 1024 });
  const feed = new InputFeed({ memory, size, signature: large, columns: inputColumnsOf({ signature: large }) }, 1);
  const row = Array<number>(100_000).fill(7);
  for (let index = 0; index < 10; index += 1) write(0, 1, row);
  let seen = 0;
  feed.drain(1, ({ values }) => {
    assert.equal(values[31], 7);
    seen += 1;
  });
  assert.equal(seen, 3, 'a row of 400 kB');
});

test('the monitor says whether inputs come in: kept, paused, or none at all', () => {
  const state = new MonitorState();
  const rings = new TestRings(1, 64);
  const { memory, size, write } = keptRows(1);
  const options = judgeOptions({ mode: 'default' });
  let nowUs = 0;
  const text = (): string => {
    state.drain((nowUs += options.lookMs * 1_000));
    const health = state.look(nowUs).find((report) => report.kind === 'health');
    return health?.checks.find(({ check }) => check === 'input_drift')?.text ?? 'not judged at all';
  };
  const counts = [50, 50];
  const inputs = {
    source: 'validation', rows: 100, hash: '', createdAtMs: 0,
    columns: [{ name: 'x[0]', at: 0, bins: { edges: [0], counts }, nonFinite: 0, atomShare: 0 }],
  } as const;
  const baseline = {
    source: 'validation', output: 'y', kind: 'regression', rows: 100, mean: 0, standardDeviation: 1, min: -1, max: 1,
    values: [0], createdAtMs: 1, inputs,
  } as const;
  state.handle(rings.attach(1), nowUs);
  state.handle(watch(1, { options, baseline }), nowUs);
  assert.match(text(), /no inputs are kept \(--reservoir off\)/);
  state.handle({ kind: 'detach', request: 0, deploymentId: 1, model: MODEL }, nowUs);
  state.handle({ ...rings.attach(2), inputs: { memory, size, signature, columns } }, nowUs);
  assert.match(text(), /inputs are kept during the probation only/);
  setRowPause(memory, 0, 1);
  assert.match(text(), /0 of 500 kept rows of inputs, 500 more needed/);
  write(0, 1, [1, 2]);
  write(0, 9, [1, 2]);
  assert.match(text(), /1 of 500 kept rows of inputs/);
  const [captured] = state.handle({ kind: 'capture', request: 1, model: MODEL }, nowUs);
  assert.deepEqual(captured?.kind === 'captured' && captured.inputs, { names: ['x[0]', 'x[1]'], values: [[1], [2]] });
});

test('the store keeps the newest rows', () => {
  const store = new InputStore();
  assert.equal(store.capture(), null);
  const names = ['a'];
  for (let row = 0; row < CAPTURE_INPUTS_MAX + 3; row += 1) store.add({ names, values: [row], atUs: row });
  const { values } = store.capture()!;
  assert.deepEqual([values[0]!.length, Math.min(...values[0]!), Math.max(...values[0]!)],
    [CAPTURE_INPUTS_MAX, 3, CAPTURE_INPUTS_MAX + 2]);
});
