// Requests for whole tensors through decode, run and encode: which share a run, what stays apart, what fails alone.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { monotonicUs } from '../../../src/base/clock.ts';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { benchOn } from '../fixtures.ts';
import type { Answer, Bench } from '../fixtures.ts';
import {
  Type, batchMean, fixedBatch, floats, identity, integer, linear, lookup, model, node, twoInputs,
} from '../onnx.ts';

interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

const tensor = (name: string, datatype: string, shape: readonly number[], data: readonly unknown[]): object =>
  ({ name, datatype, shape, data });

const rows = (count: number, first: number): object =>
  ({ inputs: [tensor('x', 'FP32', [count, 3], Array.from({ length: count * 3 }, (_, at) => first + at))] });

function ask(bench: Bench, requests: readonly object[]): Promise<Answer[]> {
  return bench.batch(requests.map((request) => JSON.stringify(request)), { kind: EntryKind.oip });
}

const outputsOf = ({ body }: Answer): Tensor[] => body['outputs'] as Tensor[];

/** y = x * gain, where the gain has no batch axis. */
const gained = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 2]], ['gain', Type.FLOAT, []]],
  outputs: [['y', Type.FLOAT, ['N', 2]]],
  nodes: [node('Mul', ['x', 'gain'], 'y')],
});

/** Softmax over the rows: an open first dimension that is no batch. */
const softmaxOverRows = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 1]]],
  outputs: [['y', Type.FLOAT, ['N', 1]]],
  nodes: [node('Softmax', ['x'], 'y', [integer('axis', 0)])],
});

suite('TensorBatch', () => {
  test('stacks requests of one and of several rows and gives each its own rows back', async () => {
    const bench = await benchOn(linear());
    const requests = [rows(1, 0), rows(3, 10), rows(2, 50)];
    const together = await ask(bench, requests);
    for (const [index, request] of requests.entries()) {
      const [alone] = await ask(bench, [request]);
      assert.deepEqual(together[index]!.body, alone!.body);
    }
    assert.deepEqual(outputsOf(together[1]!)[0]!.shape, [3, 1]);
    const requestSamples = bench.samples().filter(({ kind }) => kind === 0).slice(0, 3);
    assert.deepEqual(requestSamples.map((sample) => [sample.rows, sample.batchRows]), [[1, 6], [3, 6], [2, 6]]);
    await bench.session.release();
  });

  test('writes a sample for each row, with the prediction', async () => {
    const bench = await benchOn(linear());
    await ask(bench, [rows(2, 0), rows(1, 9)]);
    const samples = bench.samples();
    assert.deepEqual(samples.map(({ value }) => value), [210.5, 543.5, 1209.5]);
    assert.ok(samples.every(({ generation, outcome }) => generation === 7 && outcome === Outcome.ok));
    await bench.session.release();
  });

  test('tells which rows were asked about', async () => {
    const bench = await benchOn(linear());
    await ask(bench, [rows(2, 0), rows(1, 0), rows(1, 9)]);
    const [first, second, again, other] = bench.samples().map(({ input }) => input);
    assert.equal(again, first);
    assert.equal(new Set([first, second, other, 0]).size, 4);
    await bench.session.release();
  });

  test('stacks requests whose inputs without a batch axis are equal, and only those', async () => {
    const bench = await benchOn(gained(), { kind: 'vector' });
    const request = (gain: number, value: number): object => ({
      inputs: [tensor('gain', 'FP32', [], [gain]), tensor('x', 'FP32', [1, 2], [value, -value])],
    });
    const answers = await ask(bench, [request(2, 1), request(3, 1), request(2, 5), request(2, 7)]);
    assert.deepEqual(answers.map((answer) => outputsOf(answer)[0]!.data), [[2, -2], [3, -3], [10, -10], [14, -14]]);
    // In the order of the runs: three share one, the other runs alone.
    assert.deepEqual(bench.samples().filter(({ kind }) => kind === 0).map(({ batchRows }) => batchRows), [3, 3, 3, 1]);
    await bench.session.release();
  });

  test('never puts more rows into a run than it takes', async () => {
    const bench = await benchOn(linear(), { rowsMax: 8 });
    await ask(bench, Array.from({ length: 7 }, () => rows(3, 0)));
    const runs = bench.samples().filter(({ isRunFirst }) => isRunFirst).map(({ batchRows }) => batchRows);
    assert.deepEqual(runs, [6, 6, 6, 3]);
    await bench.session.release();
  });

  test('never stacks requests of a model that mixes its rows', async () => {
    for (const [bytes, columns] of [[softmaxOverRows(), 1], [batchMean(), 2]] as const) {
      const bench = await benchOn(bytes, { kind: 'vector' });
      const requests = [3, 5].map((value) => (
        { inputs: [tensor('x', 'FP32', [1, columns], new Array<number>(columns).fill(value))] }));
      const answers = await ask(bench, requests);
      const [alone] = await ask(bench, [requests[0]!]);
      assert.deepEqual(answers[0]!.body, alone!.body);
      assert.deepEqual(bench.samples().filter(({ kind }) => kind === 0).map(({ batchRows }) => batchRows), [1, 1, 1]);
      await bench.session.release();
    }
  });

  test('runs alone what does not fit: other shapes, no rows, a fixed batch', async () => {
    const open = await benchOn(identity(Type.FLOAT, ['N', 'D']), { kind: 'vector' });
    const request = (shape: readonly number[], data: readonly number[]): object =>
      ({ inputs: [tensor('x', 'FP32', shape, data)] });
    const answers = await ask(open, [
      request([1, 2], [1, 2]), request([1, 3], [1, 2, 3]), request([0, 2], []), request([2, 0], []),
      request([1, 2], [3, 4]),
    ]);
    assert.deepEqual(
      answers.map((answer) => [outputsOf(answer)[0]!.shape, outputsOf(answer)[0]!.data]),
      [[[1, 2], [1, 2]], [[1, 3], [1, 2, 3]], [[0, 2], []], [[2, 0], []], [[1, 2], [3, 4]]]);
    await ask(open, [request([1_500, 2], new Array<number>(3_000).fill(1))]);
    const runs = open.samples().filter(({ kind }) => kind === 0).map(({ batchRows }) => batchRows);
    assert.equal(runs.at(-1), 1_500, 'a request that is too large for company has its rows all the same');
    await open.session.release();
    const fixed = await benchOn(fixedBatch());
    const [good, bad] = await ask(fixed, [rows(4, 0), rows(3, 0)]);
    assert.deepEqual(outputsOf(good!)[0]!.data, [210.5, 543.5, 876.5, 1209.5]);
    assert.deepEqual([bad!.status, bad!.body['code']], [400, 'INVALID_REQUEST']);
    await fixed.session.release();
  });

  test('lets a request fail alone, be it the client or the model that is at fault', async () => {
    const bench = await benchOn(lookup());
    const request = (value: unknown): object => ({ inputs: [tensor('x', 'FP32', [1, 1], [value])] });
    const answers = await ask(bench, [0, 9, 2, 'a', 1].map(request));
    assert.deepEqual(answers.map(({ status }) => status), [200, 500, 200, 400, 200]);
    assert.deepEqual(outputsOf(answers[4]!)[0]!.data, [0.5]);
    assert.deepEqual(
      bench.samples().map(({ outcome }) => outcome).sort(),
      [Outcome.ok, Outcome.ok, Outcome.ok, Outcome.clientFault, Outcome.modelFailure]);
    await bench.session.release();
  });

  test('shares a batch with /predict requests and computes only the outputs that somebody wants', async () => {
    const bench = await benchOn(twoInputs(), { kind: 'vector' });
    const inputs = [tensor('a', 'FP32', [1, 2], [1, 2]), tensor('b', 'INT64', [1, 2], [3, 4])];
    const bodies = [JSON.stringify({ inputs, outputs: [{ name: 'same' }] }), '{"features":{"a":[1,2],"b":[3,4]}}'];
    const slabBodies = bodies.map((body) => Buffer.from(body));
    const slab = bench.arena.slabs[0]!.clear();
    slab.append(EntryKind.oip, slabBodies[0]!, 0, Infinity, slabBodies[0]!.length);
    slab.append(EntryKind.predictJson, slabBodies[1]!, 0, Infinity);
    slab.stamp(7, 1, 0);
    await bench.runner.run(slab);
    const [tensors, predicted] = [0, 1].map(
      (entry) => JSON.parse(Buffer.from(slab.answer(entry)!).toString()) as unknown);
    assert.deepEqual(tensors, {
      model_name: 'm', model_version: '1', outputs: [{ name: 'same', datatype: 'INT64', shape: [1, 2], data: [3, 4] }],
    });
    assert.deepEqual((predicted as { prediction: unknown }).prediction, { sum: [4, 6], same: [3, 4] });
    await bench.session.release();
  });

  test('serves models with odd names and models without inputs', async () => {
    const name = '{"a":[1]}';
    const odd = await benchOn(model({
      inputs: [['input:0', Type.FLOAT, ['N', 1]]], outputs: [[name, Type.FLOAT, ['N', 1]]],
      nodes: [node('Identity', ['input:0'], name)],
    }));
    const [answer] = await ask(odd, [{ inputs: [tensor('input:0', 'FP32', [1, 1], [2])], outputs: [{ name }] }]);
    assert.deepEqual(outputsOf(answer!), [{ name, datatype: 'FP32', shape: [1, 1], data: [2] }]);
    await odd.session.release();
    const constant = await benchOn(model({
      inputs: [], outputs: [['y', Type.FLOAT, [2]]], nodes: [node('Identity', ['c'], 'y')],
      constants: [floats('c', [2], [1, 2])],
    }), { kind: 'vector' });
    for (const request of [{}, { inputs: [] }]) {
      assert.deepEqual(outputsOf((await ask(constant, [request]))[0]!)[0]!.data, [1, 2]);
    }
    await constant.session.release();
  });

  test('answers 504 when the timeout of a request passed in the queue', async () => {
    const bench = await benchOn(linear());
    const late = { ...rows(1, 0), parameters: { timeout: 1_000 } };
    const slab = bench.arena.slabs[0]!.clear();
    const receivedUs = monotonicUs() - 2e6;
    const body = Buffer.from(JSON.stringify(late));
    slab.append(EntryKind.oip, body, receivedUs, Infinity, body.length);
    const patient = Buffer.from(JSON.stringify(rows(1, 0)));
    slab.append(EntryKind.oip, patient, receivedUs, Infinity, patient.length);
    slab.stamp(7, 1, 0);
    await bench.runner.run(slab);
    assert.deepEqual([slab.status(0), slab.status(1)], [504, 200]);
    assert.deepEqual(bench.samples().map(({ outcome }) => outcome), [Outcome.expired, Outcome.ok]);
    await bench.session.release();
  });
});
