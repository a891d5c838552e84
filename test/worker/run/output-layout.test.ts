// Outputs without a row for each row: answered whole to one instance, and never dealt out to several by coincidence.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { benchOn } from '../fixtures.ts';
import { sequenceFirst } from '../mixers.ts';
import { Type, floats, integer, integers, model, node } from '../onnx.ts';

/** The places above 0.5 of one picture: as many as there are. As exported from a detector. */
const detector = (): Uint8Array => model({
  inputs: [['image', Type.FLOAT, [1, 2, 2]]],
  outputs: [['boxes', Type.FLOAT, ['count', 3]]],
  nodes: [
    node('Greater', ['image', 'half'], 'over'), node('NonZero', ['over'], 'places'),
    node('Transpose', ['places'], 'turned', [integers('perm', [1, 0])]),
    node('Cast', ['turned'], 'boxes', [integer('to', Type.FLOAT)]),
  ],
  constants: [floats('half', [], [0.5])],
});

/** The largest and the smallest number of all rows: two numbers, however many rows there are. */
const extremes = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 2]]],
  outputs: [['y', Type.FLOAT, [2]]],
  nodes: [
    node('ReduceMax', ['x'], 'most', [integer('keepdims', 0)]),
      node('ReduceMin', ['x'], 'least', [integer('keepdims', 0)]),
    node('Reshape', ['most', 'one'], 'a'), node('Reshape', ['least', 'one'], 'b'),
    node('Concat', ['a', 'b'], 'y', [integer('axis', 0)]),
  ],
  constants: [{
    name: 'one', dims: [1n], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(1n).buffer),
  }],
});

/** How many numbers of a row are over 0.5. */
const counter = (): Uint8Array => model({
  inputs: [['x', Type.FLOAT, ['N', 3]]],
  outputs: [['count', Type.FLOAT, ['N']]],
  nodes: [
    node('Greater', ['x', 'half'], 'over'), node('Cast', ['over'], 'ones', [integer('to', Type.FLOAT)]),
    node('ReduceSum', ['ones', 'axes'], 'count', [integer('keepdims', 0)]),
  ],
  constants: [floats('half', [], [0.5]), {
    name: 'axes', dims: [1n], dataType: Type.INT64, rawData: new Uint8Array(BigInt64Array.of(1n).buffer),
  }],
});

type Answered = readonly (readonly [status: number, body: unknown])[];

async function asked(bytes: Uint8Array, kind: EntryKind, bodies: readonly object[]): Promise<Answered> {
  const bench = await benchOn(bytes);
  const answers: [number, unknown][] = [];
  // One after the other: each is a batch of its own.
  for (const body of bodies) {
    const [answer] = await bench.batch([JSON.stringify(body)], { kind });
    answers.push([answer!.status, answer!.body['prediction'] ?? answer!.body['predictions'] ?? answer!.body['error']]);
  }
  await bench.session.release();
  return answers;
}

suite('an output without rows', () => {
  test('has the same rank on /predict whatever is in it', async () => {
    const pictures = [[[0, 0], [0, 0]], [[1, 0], [0, 0]], [[1, 0], [0, 1]]].map((features) => ({ features }));
    assert.deepEqual(await asked(detector(), EntryKind.predictJson, pictures), [
      [200, []], [200, [[0, 0, 0]]], [200, [[0, 0, 0], [0, 1, 1]]],
    ]);
  });

  test('is the whole answer to one instance of TensorFlow Serving, and refused for several', async () => {
    const [one, two, three] = await asked(extremes(), EntryKind.tfsPredict, [
      { instances: [[7, 8]] }, { instances: [[7, 8], [1, 2]] }, { instances: [[7, 8], [1, 2], [3, 4]] },
    ]);
    assert.deepEqual(one, [200, [[8, 7]]]);
    for (const several of [two, three]) {
      assert.equal(several![0], 400);
      assert.match(String(several![1]), /no row for each of the \d instances; wanted the request with "inputs"/);
    }
    const pictures = [{ instances: [[[1, 0], [0, 0]]] }, { instances: [[[1, 0], [0, 1]]] }];
    assert.deepEqual(await asked(detector(), EntryKind.tfsPredict, pictures), [
      [200, [[[0, 0, 0]]]], [200, [[[0, 0, 0], [0, 1, 1]]]],
    ]);
  });

  test('is answered whole on /predict, once for each row that is asked for', async () => {
    assert.deepEqual(await asked(extremes(), EntryKind.predictJson, [
      { features: [7, 8] }, { instances: [[7, 8], [1, 2]] },
    ]), [[200, [8, 7]], [200, [[8, 7], [2, 1]]]]);
  });

  test('is none of those that count rows, whose answers are numbers', async () => {
    const rows = [[1, 0, 1], [0, 0, 0]];
    assert.deepEqual(await asked(counter(), EntryKind.predictJson, [{ features: rows[0] }, { instances: rows }]),
      [[200, 2], [200, [2, 0]]]);
    assert.deepEqual(await asked(counter(), EntryKind.tfsPredict, [{ instances: [rows[0]] }, { instances: rows }]),
      [[200, [2]], [200, [2, 0]]]);
  });

  test('is none of those of a model that mixes rows and has one for each', async () => {
    const step = [[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]];
    const [[status, prediction]] = await asked(sequenceFirst(), EntryKind.predictJson, [{ features: step }]) as
      [readonly [number, unknown[][]]];
    assert.equal(status, 200);
    assert.equal(prediction.length, 1, 'the batch, not the step');
  });
});
