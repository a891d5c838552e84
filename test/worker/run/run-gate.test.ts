// Deadlines that pass between the runs of one batch: what is late is answered 504 and gets no further run.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import type { Slab } from '../../../src/shared-memory/slab.ts';
import { floatFrame, readFloatAnswer } from '../../support/float-frames.ts';
import { benchOn } from '../fixtures.ts';
import type { Bench, BenchOptions } from '../fixtures.ts';
import { batchMean, fixedBatch, linear } from '../onnx.ts';

const RECEIVED_US = 1_000;
const RUN_US = 100;
const MANY = 40;

/** A bench on whose clock nothing takes time but a session run. */
const benchOf = (bytes: Uint8Array, options: BenchOptions = {}): Promise<Bench> =>
  benchOn(bytes, { ...options, clockOf: ({ slabs }) => () => RECEIVED_US + slabs[0]!.runs * RUN_US });

interface Sent {
  readonly kind: EntryKind;
  readonly body: string | Uint8Array;
  /** Runs for which there is time. */
  readonly patience: number;
}

async function run(bench: Bench, sent: readonly Sent[]): Promise<Slab> {
  const slab = bench.arena.slabs[0]!.clear();
  for (const { kind, body, patience } of sent) {
    const bytes = Buffer.from(body);
    const isTensors = kind === EntryKind.oip || kind === EntryKind.oipFrame;
    slab.append(kind, bytes, RECEIVED_US, RECEIVED_US + patience * RUN_US, isTensors ? bytes.length : 0);
  }
  slab.stamp(7, 1, RECEIVED_US);
  await bench.runner.run(slab);
  return slab;
}

const answerOf = (slab: Slab, entry: number): Record<string, unknown> =>
  JSON.parse(Buffer.from(slab.answer(entry)!).toString()) as Record<string, unknown>;
const statuses = (slab: Slab): number[] =>
  Array.from({ length: slab.entryCount }, (_, entry) => slab.status(entry));
const instances = (rows: number, id?: number): string =>
  JSON.stringify({ id, instances: Array.from({ length: rows }, (_, at) => [at, 0, 0]) });
const tensors = (rows: number): string => JSON.stringify({
  inputs: [{ name: 'x', shape: [rows, 2], datatype: 'FP32', data: Array<number>(rows * 2).fill(1) }],
});

suite('A deadline that passes between two runs', () => {
  for (const kind of [EntryKind.predictJson, EntryKind.socketJson]) {
    test(`ends the runs of a request of many rows (entry kind ${kind})`, async () => {
      const bench = await benchOf(linear(), { rowsMax: 4 });
      const slab = await run(bench, [{ kind, body: instances(MANY, 5), patience: 3 }]);
      assert.deepEqual([slab.status(0), slab.runs], [504, 3]);
      const { code, error, id } = answerOf(slab, 0);
      assert.deepEqual([code, id], ['DEADLINE_EXCEEDED', kind === EntryKind.socketJson ? 5 : undefined]);
      assert.match(String(error), /deadline of 0\.3 ms/);
      const [sample] = bench.samples();
      assert.deepEqual([sample?.outcome, sample?.rows], [Outcome.expired, MANY]);
      await bench.session.release();
    });
  }

  test('ends the runs of one request and not of those beside it', async () => {
    const bench = await benchOf(linear(), { rowsMax: 4 });
    const kind = EntryKind.predictJson;
    const slab = await run(bench, [
      { kind, body: '{"features":[1,0,0]}', patience: 90 }, { kind, body: instances(MANY), patience: 3 },
    ]);
    assert.deepEqual([statuses(slab), slab.runs], [[200, 504], 3]);
    const both = await run(bench, [
      { kind, body: '{"features":[7,0,0]}', patience: 90 }, { kind, body: instances(2), patience: 90 },
    ]);
    assert.deepEqual([answerOf(both, 0)['prediction'], answerOf(both, 1)['predictions']], [7.5, [0.5, 1.5]]);
    await bench.session.release();
  });

  test('leaves out the rows of single requests that each need a run of their own', async () => {
    const bench = await benchOf(fixedBatch());
    const kind = EntryKind.predictJson;
    const sent = Array.from({ length: 24 }, (_, at) => ({
      kind, body: `{"features":[${at},0,0]}`, patience: at < 8 ? 90 : 1,
    }));
    const slab = await run(bench, sent);
    const answered = statuses(slab);
    assert.deepEqual(answered.slice(0, 8), Array<number>(8).fill(200));
    assert.ok(answered.slice(12).every((status) => status === 504), String(answered));
    await bench.session.release();
  });

  test('ends the runs of a frame of floats', async () => {
    const bench = await benchOf(linear(), { rowsMax: 4 });
    const kind = EntryKind.floatFrame;
    const slab = await run(bench, [
      { kind, body: floatFrame(1, [1, 0, 0]), patience: 90 },
      { kind, body: floatFrame(2, Array<number>(MANY * 3).fill(0)), patience: 2 },
      { kind, body: floatFrame(3, [3, 0, 0]), patience: 90 },
    ]);
    const answers = statuses(slab).map((_, entry) => readFloatAnswer(Buffer.from(slab.answer(entry)!)));
    assert.deepEqual(
      answers.map(({ id, status, values, code }) => [id, status, values, code]),
      [[1, 200, [1.5], undefined], [2, 504, [], 'DEADLINE_EXCEEDED'], [3, 200, [3.5], undefined]]);
    // Two for the late one, the first of which answers the frame before it, and one that it shares with the last.
    assert.equal(slab.runs, 3);
    await bench.session.release();
  });

  for (const kind of [EntryKind.oip, EntryKind.oipFrame]) {
    test(`leaves out requests of whole tensors that wait for a run of their own (entry kind ${kind})`, async () => {
      const bench = await benchOf(batchMean());
      const slab = await run(bench, [1, 2, 2, 90].map((patience) => ({ kind, body: tensors(3), patience })));
      assert.deepEqual([statuses(slab), slab.runs], [[200, 200, 504, 200], 3]);
      assert.match(Buffer.from(slab.answer(2)!).toString(), /"code":"DEADLINE_EXCEEDED"/);
      await bench.session.release();
    });
  }

  test('counts a run for each kept row, which the main thread can see', async () => {
    const bench = await benchOf(linear());
    const slab = await run(bench, [1, 2, 2].map((patience) => ({ kind: EntryKind.replay, body: 'none', patience })));
    assert.deepEqual([statuses(slab), slab.runs], [[500, 500, 504], 2]);
    await bench.session.release();
  });
});
