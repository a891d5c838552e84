// Whole rows on their way out of a worker: what the reservoir and the recorder get of requests of every kind.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { NOT_ASKED } from '../../../src/shared-memory/source-ids.ts';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import type { Sample } from '../../../src/shared-memory/sample-ring.ts';
import { emptySample } from '../../../src/shared-memory/sample-ring.ts';
import { RowReader, RowWriter, rowRingBytes } from '../../../src/shared-memory/row-ring.ts';
import type { RingRow } from '../../../src/shared-memory/row-ring.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { decodeRowInputs } from '../../../src/domain/row-codec.ts';
import { allocateRows, keepRows, reservoirSize } from '../../../src/rollout/deployment/row-memory.ts';
import type { RowMemoryOptions } from '../../../src/rollout/deployment/row-memory.ts';
import type { RowMemory, RowRings } from '../../../src/worker/messages.ts';
import { RowTap } from '../../../src/worker/run/row-sampler.ts';
import { benchOn, openModel } from '../fixtures.ts';
import type { Bench } from '../fixtures.ts';
import { runningSum } from '../mixers.ts';
import { Type, fixedBatch, identity, linear, lookup, model, node } from '../onnx.ts';

const RESERVOIR: RowMemoryOptions = {
  reservoir: 'always', reservoirRows: 200, reservoirBytes: 1 << 20, record: null,
};
const RECORD: RowMemoryOptions = { ...RESERVOIR, reservoir: 'off', record: { every: 1, inputs: false } };

type Kept = Omit<RingRow, 'outputs'> & { readonly outputs: readonly number[] };

function rowsOf(rings: RowRings | null): Kept[] {
  assert.ok(rings !== null);
  const kept: Kept[] = [];
  new RowReader(rings.memory, 0, rings.size).drain((row) =>
    kept.push({ ...row, outputs: [...row.outputs], inputs: row.inputs.slice() }));
  return kept;
}

async function tapped(bytes: Uint8Array, options: RowMemoryOptions): Promise<{ bench: Bench; rows: RowMemory }> {
  const session = await openModel(bytes);
  const rows = allocateRows(session.signature, 1, options);
  await session.release();
  keepRows(rows, 1, 'usual');
  return { bench: await benchOn(bytes, { rows }), rows };
}

const oip = (shape: readonly number[], data: readonly unknown[], datatype = 'FP32'): string =>
  JSON.stringify({ inputs: [{ name: 'x', datatype, shape, data }] });

function askOip(bench: Bench, bodies: readonly string[]): Promise<unknown> {
  return bench.batch(bodies, { kind: EntryKind.oip });
}

suite('RowTap', () => {
  test('the recorder gets every row of /predict with its outputs, one record per row, and no input', async () => {
    const { bench, rows } = await tapped(linear(), RECORD);
    await bench.batch(['{"features":[1,2,3]}', '{"instances":[[1,0,0],[0,1,0]]}', '{"features":[1,2]}']);
    const kept = rowsOf(rows.record);
    assert.deepEqual(kept.map(({ row, outputs }) => [row, ...outputs]), [[0, 321.5], [0, 1.5], [1, 10.5]]);
    assert.ok(kept.every(({ generation, outcome, inputs }) =>
      generation === 7 && outcome === Outcome.ok && inputs.length === 0));
    await bench.session.release();
  });

  test('the recorder gets failures without numbers, and answers that are not finite with theirs', async () => {
    const { bench, rows } = await tapped(lookup(), RECORD);
    await bench.batch(['{"features":[99]}', '{"features":[1]}']);
    const kept = rowsOf(rows.record);
    assert.deepEqual(kept.map(({ outcome, outputs }) => [outcome, outputs.length]),
      [[Outcome.modelFailure, 0], [Outcome.ok, 1]]);
    await bench.session.release();
  });

  test('the recorder gets one request in so many, whole', async () => {
    const { bench, rows } = await tapped(linear(), { ...RECORD, record: { every: 3, inputs: true } });
    for (let at = 0; at < 7; at += 1) await bench.batch([`{"instances":[[${at},0,0],[0,0,0]]}`]);
    const kept = rowsOf(rows.record);
    assert.deepEqual(kept.map(({ row, outputs }) => [row, outputs[0]]),
      [[0, 0.5], [1, 0.5], [0, 3.5], [1, 0.5], [0, 6.5], [1, 0.5]]);
    const { signature } = bench.session;
    assert.deepEqual(decodeRowInputs(kept[2]!.inputs, signature)![0]!.data, Float32Array.of(3, 0, 0));
    await bench.session.release();
  });

  test('the reservoir keeps the input of /predict as the model got it', async () => {
    const { bench, rows } = await tapped(linear(), RESERVOIR);
    await bench.batch(['{"features":[1,2,3]}']);
    const [row] = rowsOf(rows.reservoir);
    const inputs = decodeRowInputs(row!.inputs, bench.session.signature);
    assert.deepEqual(inputs, [{ data: Float32Array.of(1, 2, 3), shape: [3], elements: 3 }]);
    assert.deepEqual(row!.outputs, [321.5]);
    await bench.session.release();
  });

  test('the reservoir keeps one row of an OIP request, in its own element type', async () => {
    const types = [
      [Type.FLOAT, 'FP32', [1.5, 2], Float32Array.of(1.5, 2)],
      [Type.INT64, 'INT64', [5, -6], BigInt64Array.of(5n, -6n)],
      [Type.STRING, 'BYTES', ['é', ''], ['é', '']], [Type.BOOL, 'BOOL', [true, false], Uint8Array.of(1, 0)],
    ] as const;
    for (const [type, name, given, wanted] of types) {
      const { bench, rows } = await tapped(identity(type, ['N', 2]), RESERVOIR);
      const { shape } = bench.session.signature.inputs[0]!;
      const whole = shape.map((size) => (size < 0 ? 1 : size));
      await askOip(bench, [oip(whole, given, name)]);
      const kept = rowsOf(rows.reservoir);
      assert.equal(kept.length, 1, name);
      const [input] = decodeRowInputs(kept[0]!.inputs, bench.session.signature)!;
      assert.deepEqual(input!.data, wanted, name);
      await bench.session.release();
    }
  });

  test('the reservoir keeps no row that was answered by the rows beside it, and keeps those asked alone', async () => {
    const { bench, rows } = await tapped(runningSum(), RESERVOIR);
    await askOip(bench, [oip([3, 2], [1, 2, 3, 4, 5, 6])]);
    assert.equal(rowsOf(rows.reservoir).length, 0);
    await bench.batch(['{"features":[1,2]}', '{"features":[3,4]}']);
    const kept = rowsOf(rows.reservoir);
    assert.deepEqual(kept.map(({ outputs }) => outputs), [[1, 2], [3, 4]].slice(0, kept.length));
    assert.ok(kept.length > 0);
    await bench.session.release();
  });

  test('the recorder gets the rows of OIP requests that shared a run, each with its own outputs', async () => {
    const { bench, rows } = await tapped(linear(), RECORD);
    await askOip(bench, [oip([1, 3], [1, 2, 3]), oip([2, 3], [1, 0, 0, 0, 1, 0]), oip([1, 3], [0, 0, 0])]);
    assert.deepEqual(
      rowsOf(rows.record).map(({ row, outputs }) => [row, ...outputs]), [[0, 321.5], [0, 1.5], [1, 10.5], [0, 0.5]]);
    assert.deepEqual(new Set(bench.samples().map(({ batchRows }) => batchRows)), new Set([4]));
    await bench.session.release();
  });

  test('rows of a model with a fixed batch are kept row by row', async () => {
    const { bench, rows } = await tapped(fixedBatch(), { ...RESERVOIR, record: { every: 1, inputs: true } });
    const { shape } = bench.session.signature.inputs[0]!;
    const values = Array.from({ length: shape[0]! * shape[1]! }, (_, at) => at);
    await askOip(bench, [oip(shape, values)]);
    const kept = rowsOf(rows.record).map(({ inputs }) => decodeRowInputs(inputs, bench.session.signature)![0]!);
    assert.equal(kept.length, shape[0]);
    assert.deepEqual(kept.map(({ data }) => (data as Float32Array)[0]), kept.map((_, at) => at * shape[1]!));
    await bench.session.release();
  });

  test('keeps nothing while nobody wants rows, and nothing of a batch that is nobody\'s', async () => {
    const { bench, rows } = await tapped(linear(), { ...RESERVOIR, record: { every: 1, inputs: true } });
    await bench.batch(['{"features":[1,2,3]}'], { generation: 0 });
    assert.deepEqual([rowsOf(rows.reservoir), rowsOf(rows.record)], [[], []]);
    keepRows(rows, 1, 'never');
    await bench.batch(['{"features":[1,2,3]}']);
    assert.deepEqual([rowsOf(rows.reservoir).length, rowsOf(rows.record).length], [0, 1]);
    assert.equal(allocateRows(bench.session.signature, 1, RECORD).reservoir, null);
    await bench.session.release();
  });

  test('the reservoir is spread over time: it fills at once and reaches back over half of the generation', () => {
    const size = { rows: 256, dataBytes: 65_536 };
    const memory = new SharedArrayBuffer(rowRingBytes(size));
    const writer = new RowWriter(memory, 0, size);
    const rows: RowMemory = { reservoir: { memory, size }, record: null };
    keepRows(rows, 1, 'usual');
    const tap = new RowTap(writer, size.rows, null);
    const inputs = [{ data: Float32Array.of(1), shape: [1], elements: 1 }];
    const sample: Sample = { ...emptySample(), generation: 3 };
    const kept = (fromS: number, toS: number): number[] => {
      for (let atMs = fromS * 1e3; atMs < toS * 1e3; atMs += 1) {
        sample.atUs = 1e9 + atMs * 1e3;
        tap.begin(3);
        if (tap.takes(sample)) tap.add(sample, 0, { numbers: [1], offset: 0, length: 1 }, inputs, 0);
      }
      const times: number[] = [];
      new RowReader(memory, 0, size).drain(({ atUs }) => times.push((atUs - 1e9) / 1e6));
      return times;
    };
    const first = kept(0, 4);
    assert.ok(first.length >= 190, 'two hundred rows in four seconds');
    sample.source = NOT_ASKED;
    assert.deepEqual(kept(4, 5), first, 'there is no row of one who was not asked who it is');
    sample.source = 0x12345678;
    const later = kept(4, 100);
    assert.equal(later.length, 256);
    assert.ok(later[0]! > 30 && later[0]! < 65, `the oldest is of second ${later[0]}`);
    const gaps = later.slice(1).map((at, index) => at - later[index]!);
    assert.ok(Math.max(...gaps) < 0.5, 'no hole');
  });
});

suite('reservoirSize', () => {
  const signature = (elements: number) => ({
    inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1, elements] }],
    outputs: [{ name: 'y', datatype: 'FP32' as const, shape: [-1, 1] }],
  });
  const options = { ...RESERVOIR, reservoirBytes: 8 << 20 };

  test('small rows get what they need, large or open ones what the limit allows, shared by the workers', () => {
    assert.deepEqual(reservoirSize(signature(30), 1, options), { rows: 256, dataBytes: 65_536 });
    assert.deepEqual(reservoirSize(signature(150_528), 1, options), { rows: 256, dataBytes: 8 << 20 });
    assert.deepEqual(reservoirSize(signature(-1), 4, options), { rows: 64, dataBytes: 2 << 20 });
    assert.deepEqual(reservoirSize(signature(-1), 1, { ...options, reservoirBytes: 70_000 }),
      { rows: 256, dataBytes: 65_536 });
  });
});

test('a row of a model without any number is kept with its input alone', async () => {
  const text = model({
    inputs: [['x', Type.STRING, ['N', 1]]], outputs: [['y', Type.STRING, ['N', 1]]],
    nodes: [node('Identity', ['x'], 'y')],
  });
  const { bench, rows } = await tapped(text, RESERVOIR);
  await bench.batch(['{"features":["a"]}']);
  const [row] = rowsOf(rows.reservoir);
  assert.deepEqual([row!.outputs, decodeRowInputs(row!.inputs, bench.session.signature)![0]!.data], [[], ['a']]);
  await bench.session.release();
});
