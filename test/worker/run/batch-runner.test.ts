// One slab through decode, run and encode: what fails alone, what is answered together, and what the samples say.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Outcome, SampleKind } from '../../../src/shared-memory/sample-ring.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { ANSWER_OVERFLOWED, EntryStatus } from '../../../src/shared-memory/slab.ts';
import { ROW_SAMPLES_MAX } from '../../../src/worker/run/sampler.ts';
import { benchOn } from '../fixtures.ts';
import type { Answer } from '../fixtures.ts';
import {
  Type, batchMean, classes, fixedBatch, identity, linear, logarithm, lookup, twoInputs,
} from '../onnx.ts';

const features = (...values: readonly unknown[]): string => JSON.stringify({ features: values });
const predictions = (answers: readonly Answer[]): unknown[] =>
  answers.map(({ body }) => body['prediction'] ?? body['predictions'] ?? body['code']);

suite('BatchRunner', () => {
  test('answers a batch as it answers each request alone', async () => {
    const bench = await benchOn(linear());
    const bodies = Array.from({ length: 64 }, (_, at) => features(at, at / 7, -at));
    const together = await bench.batch(bodies);
    for (const [index, body] of bodies.entries()) {
      const [alone] = await bench.batch([body]);
      assert.deepEqual(alone!.body['prediction'], together[index]!.body['prediction']);
      assert.equal(together[index]!.status, 200);
    }
    await bench.session.release();
  });

  test('lets a bad row fail alone', async () => {
    const bench = await benchOn(linear());
    const answers = await bench.batch([
      features(1, 2, 3), features(1, 2), 'not json', features(1, 'x', 3), '{"instances":[[1,1,1],[2,2]]}',
      features(0, 0, 1),
    ]);
    assert.deepEqual(predictions(answers), [321.5, 'ROW_LENGTH', 'INVALID_JSON', 'ROW_VALUE', 'ROW_LENGTH', 100.5]);
    assert.deepEqual(answers.map(({ status }) => status), [200, 400, 400, 400, 400, 200]);
    const samples = bench.samples();
    assert.deepEqual(
      samples.map(({ outcome }) => outcome),
      // Refused while decoding, so written before the run's answers.
      [...Array<number>(4).fill(Outcome.clientFault), Outcome.ok, Outcome.ok]);
    await bench.session.release();
  });

  test('tells which rows were asked about, by equal hashes of equal rows, also when the run fails', async () => {
    const bench = await benchOn(lookup());
    await bench.batch([features(0), features(1), '{"instances":[[2],[0]]}', features(7), features(7), 'not json']);
    const known = bench.samples().filter(({ outcome }) => outcome !== Outcome.clientFault);
    const [first, second, third, again, failed, sameFailed] = known.map(({ input }) => input);
    assert.equal(known.length, 6);
    assert.equal(again, first, 'one row of many is the same as the row alone');
    assert.equal(sameFailed, failed);
    assert.equal(new Set([first, second, third, failed, 0]).size, 5, 'and none of them is unknown');
    await bench.session.release();
  });

  test('answers instances row by row, beside single rows, and across several runs', async () => {
    const bench = await benchOn(linear(), { rowsMax: 4 });
    const rows = Array.from({ length: 11 }, (_, at) => [at, 0, 0]);
    const answers = await bench.batch([features(1, 1, 1), JSON.stringify({ instances: rows }), features(2, 0, 0)]);
    assert.deepEqual(predictions(answers), [111.5, rows.map(([at]) => at! + 0.5), 2.5]);
    await bench.session.release();
  });

  test('finds the requests that fail a run and answers the others', async () => {
    const bench = await benchOn(lookup());
    const bodies = Array.from({ length: 16 }, (_, at) => features(at === 3 || at === 11 ? 7 : at % 3));
    const answers = await bench.batch(bodies);
    for (const [at, { status, body }] of answers.entries()) {
      if (at === 3 || at === 11) {
        assert.deepEqual([status, body['code']], [500, 'MODEL_FAILED']);
        assert.match(String(body['error']), /^run model "m" version "1": /);
      } else {
        assert.deepEqual([status, body['prediction']], [200, [0.25, 0.5, 0.75][at % 3]]);
      }
    }
    const failed = bench.samples().filter(({ outcome }) => outcome === Outcome.modelFailure);
    assert.equal(failed.length, 2);
    await bench.session.release();
  });

  test('runs models with a fixed batch axis, with none, and with outputs that mix their rows', async () => {
    for (const [bytes, bodies, wanted] of [
      [fixedBatch(), Array.from({ length: 6 }, (_, at) => features(at, 0, 0)), [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]],
      [identity(Type.FLOAT, []), ['{"features":3}', '{"features":[4]}'], [3, 4]],
      [identity(Type.FLOAT, [2]), [features(1, 2), features(3, 4)], [[1, 2], [3, 4]]],
      [batchMean(), [features(1, 2), features(3, 4), features(5, 6)], [[1, 2], [3, 4], [5, 6]]],
    ] as const) {
      const bench = await benchOn(bytes);
      assert.deepEqual(predictions(await bench.batch(bodies)), wanted);
      await bench.session.release();
    }
  });

  test('reads and writes half-precision numbers', async () => {
    const bench = await benchOn(identity(Type.FLOAT16, ['N', 2]), { kind: 'vector' });
    assert.deepEqual(
      predictions(await bench.batch([features(1.5, -0.25), features(65_504, 1e-7), features(70_000, 1)])),
      [[1.5, -0.25], [65_504, 1.1920929e-7], 'ROW_VALUE']);
    assert.equal(bench.samples().find(({ outcome }) => outcome === Outcome.ok)?.value, Math.sqrt(1.5 ** 2 + 0.25 ** 2));
    await bench.session.release();
  });

  test('runs rows of different lengths one after another when the model takes any', async () => {
    const bench = await benchOn(identity(Type.FLOAT, ['N', 'D']));
    const bodies = [features(1, 2), features(3), features(4), '{"instances":[[5,6,7],[8,9,10]]}', features(11, 12)];
    assert.deepEqual(
      predictions(await bench.batch(bodies)), [[1, 2], [3], [4], [[5, 6, 7], [8, 9, 10]], [11, 12]]);
    await bench.session.release();
  });

  test('carries texts, 64-bit integers and several inputs and outputs', async () => {
    const texts = await benchOn(identity(Type.STRING, ['N', 2]));
    const rows = await texts.batch([features('a', 'é'), features('', '"')]);
    assert.deepEqual(predictions(rows), [['a', 'é'], ['', '"']]);
    const two = await benchOn(twoInputs());
    const [answer] = await two.batch(['{"features":{"a":[1,2],"b":[9223372036854775807,-1]}}']);
    assert.match(answer!.text, /"same":\[9223372036854775807,-1\]/);
    assert.match(answer!.text, /^\{"prediction":\{"sum":\[9223372000000000000,1\],/);
    await Promise.all([texts.session.release(), two.session.release()]);
  });

  test('answers 200 with null where the model is not finite, and counts it as that', async () => {
    const bench = await benchOn(logarithm());
    const answers = await bench.batch([features(1), features(0), features(-1)]);
    assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
    assert.deepEqual(answers.map(({ body }) => body['prediction']), [0, null, null]);
    const samples = bench.samples();
    assert.deepEqual(samples.map(({ outcome }) => outcome), [Outcome.ok, Outcome.nonFinite, Outcome.nonFinite]);
    assert.deepEqual(samples.map(({ value }) => value), [0, NaN, NaN]);
    await bench.session.release();
  });

  test('refuses requests whose deadline has passed, without running them', async () => {
    const bench = await benchOn(linear());
    const [late] = await bench.batch([features(1, 2, 3)], { deadlineUs: 1 });
    assert.deepEqual([late!.status, late!.body['code']], [504, 'DEADLINE_EXCEEDED']);
    const frame = '{"id":"f","features":[1,2,3]}';
    const [lateFrame] = await bench.batch([frame], { deadlineUs: 1, kind: EntryKind.socketJson });
    assert.deepEqual([lateFrame!.status, lateFrame!.body['id']], [504, 'f']);
    assert.deepEqual(bench.samples().map(({ outcome }) => outcome), [Outcome.expired, Outcome.expired]);
    await bench.session.release();
  });

  test('leaves cancelled entries alone, without a sample', async () => {
    const bench = await benchOn(linear());
    const answers = await bench.batch([features(1, 2, 3), features(4, 5, 6)], {
      before: (slab) => slab.setStatus(0, EntryStatus.cancelled),
    });
    assert.deepEqual(answers.map(({ status }) => status), [EntryStatus.cancelled, 200]);
    assert.equal(bench.samples().length, 1);
    await bench.session.release();
  });

  test('hands over answers that do not fit the slab, each whole', async () => {
    const bench = await benchOn(linear(), { slabAnswerBytes: 128 });
    const slab = bench.arena.slabs[0]!;
    const bodies = Array.from({ length: 8 }, (_, at) => features(at, 0, 0));
    const answers = await bench.batch(bodies);
    assert.deepEqual(predictions(answers), bodies.map((_, at) => at + 0.5));
    assert.ok(bodies.some((_, at) => slab.answer(at) === undefined), `some answer has length ${ANSWER_OVERFLOWED}`);
    await bench.session.release();
  });

  test('refuses to build an answer beyond the limit, without blaming the model', async () => {
    const bench = await benchOn(linear(), { answerBytesMax: 5_000 });
    const instances = Array.from({ length: 2_000 }, (_, at) => [at / 7, 0, 0]);
    const [large, small] = await bench.batch([JSON.stringify({ instances }), features(1, 0, 0)]);
    assert.deepEqual([large!.status, large!.body['code']], [400, 'UNSUPPORTED_BY_PREDICT']);
    assert.equal(small!.body['prediction'], 1.5);
    assert.equal(bench.samples()[0]!.outcome, Outcome.clientFault);
    await bench.session.release();
  });

  test('refuses a frame whose id is longer than any answer, and answers those beside it', async () => {
    const bench = await benchOn(linear(), { answerBytesMax: 5_000 });
    const id = 'x'.repeat(6_000);
    const frames = [JSON.stringify({ id, features: [1, 0, 0] }), '{"id":2,"features":[1,0,0]}'];
    const [long, short] = await bench.batch(frames, { kind: EntryKind.socketJson });
    assert.deepEqual([long!.status, long!.body['code'], long!.body['id']], [400, 'UNSUPPORTED_BY_PREDICT', id]);
    assert.deepEqual([short!.body['id'], short!.body['prediction']], [2, 1.5]);
    await bench.session.release();
  });

  test('writes one sample per request and one more per row of many, up to the limit', async () => {
    const bench = await benchOn(classes(), { kind: 'classes' });
    const instances = Array.from({ length: 100 }, (_, at) => [0, 0, at === 1 ? 50 : 0, 0]);
    await bench.batch([features(9, 0, 0, 0), JSON.stringify({ instances })]);
    const samples = bench.samples();
    assert.deepEqual(samples.map(({ generation }) => generation), samples.map(() => 7));
    const [first, many, ...rows] = samples;
    assert.deepEqual([first!.kind, first!.rows, first!.classIndex], [SampleKind.request, 1, 0]);
    assert.deepEqual([many!.kind, many!.rows, many!.classIndex], [SampleKind.request, 100, 0]);
    assert.ok(Math.abs(many!.value - 0.25) < 1e-6 && Math.abs(many!.entropy - 1) < 1e-6);
    assert.equal(rows.length, ROW_SAMPLES_MAX);
    assert.ok(rows.every(({ kind }) => kind === SampleKind.row));
    assert.deepEqual([rows[0]!.classIndex, Math.round(rows[0]!.value), Math.round(rows[0]!.entropy)], [2, 1, 0]);
    assert.notEqual(rows[0]!.hash, many!.hash);
    assert.equal(rows[1]!.hash, many!.hash);
    assert.ok(many!.latencyUs >= many!.runUs && many!.queueUs >= 0 && many!.atUs > 0);
    assert.equal(first!.batchRows, 101);
    await bench.session.release();
  });

  test('repeats the id of frames in answers and in errors', async () => {
    const bench = await benchOn(linear());
    const answers = await bench.batch(
      ['{"id":1.50,"features":[1,0,0]}', '{"features":[1],"id":"b"}', '{"id":7,'], { kind: EntryKind.socketJson });
    assert.match(answers[0]!.text, /^\{"id":1\.50,"prediction":1\.5,/);
    assert.deepEqual([answers[1]!.body['id'], answers[1]!.body['code']], ['b', 'ROW_LENGTH']);
    assert.equal(answers[2]!.body['code'], 'INVALID_JSON');
    await bench.session.release();
  });
});
