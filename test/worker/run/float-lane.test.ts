// Frames of bare floats through one slab: what is run together, what fails alone, and that no bit changes on the way.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Outcome } from '../../../src/shared-memory/sample-ring.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { EntryStatus } from '../../../src/shared-memory/slab.ts';
import { monotonicUs } from '../../../src/base/clock.ts';
import { floatFrame, readFloatAnswer } from '../../support/float-frames.ts';
import type { FloatAnswer } from '../../support/float-frames.ts';
import { benchOn } from '../fixtures.ts';
import type { Bench } from '../fixtures.ts';
import { Type, batchMean, fixedBatch, identity, linear, lookup, model, node, twoInputs } from '../onnx.ts';

const kind = EntryKind.floatFrame;

interface Run {
  readonly answers: readonly FloatAnswer[];
  readonly frames: readonly Buffer[];
  readonly overflowed: number;
}

async function run(bench: Bench, frames: readonly Buffer[]): Promise<Run> {
  const slab = bench.arena.slabs[0]!.clear();
  for (const frame of frames) slab.append(kind, frame, monotonicUs(), Infinity);
  slab.stamp(7, 1, monotonicUs());
  const { overflow } = await bench.runner.run(slab);
  const answered = frames.map((_, entry) =>
    Buffer.from(slab.answer(entry) ?? overflow.find((one) => one.entry === entry)?.answer ?? []));
  const read = answered.map((frame) => (frame.length === 0 ? null : readFloatAnswer(frame)));
  return {
    frames: answered, overflowed: overflow.length, answers: read.filter((one) => one !== null),
  };
}

const values = ({ answers }: Run): unknown[] => answers.map((answer) => answer.code ?? answer.values);

suite('FloatBatch', () => {
  test('answers frames of one and of many rows in one run, each with its id', async () => {
    const bench = await benchOn(linear());
    const { answers } = await run(bench, [
      floatFrame(0xffff_fff0, [1, 2, 3]), floatFrame(7, [1, 0, 0, 0, 1, 0, 0, 0, 1]), floatFrame(7, [0, 0, 0]),
    ]);
    assert.deepEqual(answers.map(({ id, status }) => [id, status]), [[0xffff_fff0, 200], [7, 200], [7, 200]]);
    assert.deepEqual(answers.map((one) => one.values), [[321.5], [1.5, 10.5, 100.5], [0.5]]);
    const requests = bench.samples().filter(({ latencyUs, batchRows }) => latencyUs >= 0 && batchRows === 5);
    assert.equal(requests.length, 5);
    assert.equal(requests.filter(({ isRunFirst }) => isRunFirst).length, 1, 'one run is counted');
    await bench.session.release();
  });

  test('a batch of floats gives what its frames give alone, and more rows than a run takes are divided', async () => {
    const bench = await benchOn(linear(), { rowsMax: 4 });
    const frames = Array.from({ length: 30 }, (_, at) =>
      floatFrame(at, Array.from({ length: 3 * (1 + (at % 6)) }, (__, index) => Math.fround(at / 7 - index))));
    const together = await run(bench, frames);
    for (const [index, frame] of frames.entries()) {
      assert.deepEqual((await run(bench, [frame])).frames, [together.frames[index]]);
    }
    await bench.session.release();
  });

  test('no bit changes on the way in or out, be it a NaN with a message', async () => {
    const bench = await benchOn(identity(Type.FLOAT, ['N', 2]));
    const frame = Buffer.alloc(4 + 16);
    // A signalling NaN, a quiet one with a payload, minus zero, the smallest number.
    for (const [index, bits] of [0x7fa0_0001, 0xffc1_2345, 0x8000_0000, 1].entries()) {
      frame.writeUInt32LE(bits, 4 + index * 4);
    }
    const { frames } = await run(bench, [frame]);
    assert.deepEqual(frames[0]!.subarray(8), frame.subarray(4));
    assert.deepEqual(bench.samples().map(({ outcome }) => outcome), [Outcome.nonFiniteInput, Outcome.nonFiniteInput]);
    await bench.session.release();
  });

  test('a frame that is no multiple of a row fails alone, an empty one too', async () => {
    const bench = await benchOn(linear());
    const ran = await run(bench, [
      floatFrame(1, [1, 2]), floatFrame(2, []), Buffer.concat([floatFrame(3, [1, 2, 3]), Buffer.of(0)]), Buffer.of(9),
      floatFrame(5, [1, 1, 1]),
    ]);
    assert.deepEqual(values(ran), [...Array<string>(4).fill('INVALID_REQUEST'), [111.5]]);
    assert.deepEqual(ran.answers.map(({ id }) => id), [1, 2, 3, 0, 5]);
    assert.match(ran.answers[0]!.error!, /8 bytes behind its id; wanted a multiple of 12/);
    assert.deepEqual(bench.samples().map(({ outcome }) => outcome),
      [...Array<number>(4).fill(Outcome.clientFault), Outcome.ok]);
    await bench.session.release();
  });

  test('finds the frames that fail a run and answers the others', async () => {
    const bench = await benchOn(lookup());
    const ran = await run(bench, Array.from({ length: 9 }, (_, at) => floatFrame(at, [at === 4 ? 7 : at % 3])));
    assert.deepEqual(values(ran), Array.from({ length: 9 }, (_, at) =>
      (at === 4 ? 'MODEL_FAILED' : [[0.25, 0.5, 0.75][at % 3]])));
    const samples = bench.samples();
    assert.equal(samples.filter(({ outcome }) => outcome === Outcome.modelFailure).length, 1);
    const runs = samples.filter(({ isRunFirst }) => isRunFirst).map(({ batchRows }) => batchRows);
    assert.equal(runs.reduce((sum, rows) => sum + rows, 0), 9, 'every row is counted in one run');
    await bench.session.release();
  });

  test('several outputs of a row stand behind each other', async () => {
    const bench = await benchOn(model({
      inputs: [['x', Type.FLOAT, ['N', 2]]],
      outputs: [['same', Type.FLOAT, ['N', 2]], ['negative', Type.FLOAT, ['N', 2]]],
      nodes: [node('Identity', ['x'], 'same'), node('Neg', ['x'], 'negative')],
    }));
    const ran = await run(bench, [floatFrame(1, [1, 2, 3, 4])]);
    assert.deepEqual(values(ran), [[1, 2, -1, -2, 3, 4, -3, -4]]);
    await bench.session.release();
  });

  test('models with a fixed batch axis, without one, and with outputs that mix their rows', async () => {
    for (const [bytes, frames, wanted] of [
      [fixedBatch(), [1, 2, 3].map((at) => floatFrame(at, [at, 0, 0])), [[1.5], [2.5], [3.5]]],
      [identity(Type.FLOAT, []), [floatFrame(1, [3, 4])], [[3, 4]]],
      [identity(Type.FLOAT, [2]), [floatFrame(1, [1, 2]), floatFrame(2, [3, 4])], [[1, 2], [3, 4]]],
      [batchMean(), [floatFrame(1, [1, 2]), floatFrame(2, [3, 4, 5, 6])], [[1, 2], [3, 4, 5, 6]]],
    ] as const) {
      const bench = await benchOn(bytes);
      assert.deepEqual(values(await run(bench, frames)), wanted);
      await bench.session.release();
    }
  });

  test('refuses models with other types, several inputs or rows of no fixed length, and says why', async () => {
    for (const [bytes, reason] of [
      [identity(Type.INT64, ['N', 2]), /input "x" is INT64\[-1,2\]; wanted FP32/],
      [identity(Type.FLOAT, ['N', 'M']), /"x" is FP32\[-1,-1\], whose rows have no fixed length/],
      [twoInputs(), /it has 2 inputs; wanted one/],
    ] as const) {
      const bench = await benchOn(bytes);
      const { answers } = await run(bench, [floatFrame(4, [1, 2])]);
      assert.deepEqual([answers[0]!.id, answers[0]!.status, answers[0]!.code], [4, 400, 'FLOATS_REFUSED']);
      assert.match(answers[0]!.error!, reason);
      await bench.session.release();
    }
  });

  test('late and cancelled frames are not run; JSON in the same slab is', async () => {
    const bench = await benchOn(linear());
    const slab = bench.arena.slabs[0]!.clear();
    slab.append(kind, floatFrame(1, [1, 1, 1]), monotonicUs() - 2e6, monotonicUs() - 1e6);
    slab.append(EntryKind.predictJson, Buffer.from('{"features":[1,1,1]}'), monotonicUs(), Infinity);
    slab.append(kind, floatFrame(2, [2, 2, 2]), monotonicUs(), Infinity);
    slab.append(kind, floatFrame(3, [3, 3, 3]), monotonicUs(), Infinity);
    slab.stamp(7, 1, monotonicUs());
    slab.setStatus(3, EntryStatus.cancelled);
    await bench.runner.run(slab);
    const late = readFloatAnswer(Buffer.from(slab.answer(0)!));
    assert.deepEqual([late.id, late.status, late.code], [1, 504, 'DEADLINE_EXCEEDED']);
    assert.match(Buffer.from(slab.answer(1)!).toString(), /"prediction":111.5/);
    assert.deepEqual(readFloatAnswer(Buffer.from(slab.answer(2)!)).values, [222.5]);
    assert.equal(slab.status(3), EntryStatus.cancelled);
    await bench.session.release();
  });

  test('an answer beyond the slab overflows, one beyond the limit of answers is refused', async () => {
    const bench = await benchOn(identity(Type.FLOAT, ['N', 4]), { slabAnswerBytes: 64, answerBytesMax: 4_000 });
    const rows = Array.from({ length: 400 }, (_, at) => at);
    const ran = await run(bench, [floatFrame(1, rows), floatFrame(2, [1, 2, 3, 4])]);
    assert.equal(ran.overflowed, 1);
    assert.deepEqual(values(ran), [rows, [1, 2, 3, 4]]);
    const [refused] = (await run(bench, [floatFrame(1, Array<number>(1_000).fill(1))])).answers;
    assert.equal(refused?.code, 'INVALID_REQUEST');
    assert.match(refused.error!, /more than 4000 bytes/);
    await bench.session.release();
  });
});
