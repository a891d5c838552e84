import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inferOutputKind, isOneRowOfScores, isShare, labelNumber } from '../../src/domain/prediction.ts';
import { projectionOf } from '../../src/domain/projection.ts';
import { predictionOf, SequenceReader, stepElements } from '../../src/domain/sequence.ts';
import type { TensorSignature } from '../../src/domain/records.ts';

const output = (shape: number[], name = 'y', datatype: TensorSignature['datatype'] = 'FP32'): TensorSignature =>
  ({ name, datatype, shape });

test('a sequence is summarised by the number of its steps and by their mean, whatever its length', () => {
  const reader = new SequenceReader(2);
  const summary = { value: NaN, classIndex: 7, entropy: 1 };
  reader.read([9, 9, 1, 8, 5, 0], 2, 4, summary);
  // The mean of [1, 8] and [5, 0].
  assert.deepEqual(summary, { value: 5, classIndex: -1, entropy: NaN });
  assert.equal(reader.projection(0), 2);
  assert.equal(reader.projection(3), projectionOf(3, [3, 4], 0, 2));
  assert.deepEqual(predictionOf('sequence', [1, 8, 5, 0], 2), summary);
  reader.read([], 0, 0, summary);
  assert.deepEqual([summary.value, reader.projection(0), reader.projection(1)], [0, 0, NaN]);
  reader.read([1, NaN], 0, 2, summary);
  assert.equal(summary.value, NaN);
  assert.equal(predictionOf('sequence', null, 2).value, NaN);
});

test('a step is what lies behind the last open dimension', () => {
  assert.deepEqual([[-1, -1, 6625], [-1, 4, -1], [-1, -1, -1, 2, 3], [-1, 8]].map(stepElements), [6625, 1, 6, 1]);
});

test('sequences of class scores are vectors: one row of scores has one dimension that is no 1', () => {
  assert.deepEqual([[-1, 3], [-1, 1, 3, 1], [-1, -1], [-1, -1, 6625], [-1, 40, 97]].map(isOneRowOfScores),
    [true, true, true, false, false]);
  assert.equal(inferOutputKind(output([-1, -1, 6625], 'softmax_2')), 'vector');
  assert.equal(inferOutputKind(output([-1, -1, 2], 'softmax_2'), [[0.5, 0.5], [0.1, 0.9]]), 'vector');
  assert.equal(inferOutputKind(output([-1, 1000, 1, 1], 'softmaxout_1')), 'classes');
  assert.equal(inferOutputKind(output([-1, -1, 2]), [[0.5, 0.5], [0.1, 0.9, 0.5, 0.5]]), 'sequence');
  assert.equal(inferOutputKind(output([-1], 'label', 'BYTES')), 'labels');
});

test('shares may be off by what float32 sums are, and by no more', () => {
  assert.deepEqual([1.0000001192092896, -1e-7, 1.0001].map((value) => isShare(value, 3)), [true, true, true]);
  assert.deepEqual([1.001, -0.001, NaN].map((value) => isShare(value, 3)), [false, false, false]);
  const forest = [[1.0000001192092896, 0, 0], [0.05, 0.95, 0]];
  assert.equal(inferOutputKind(output([-1, 3]), forest), 'classes');
  assert.equal(inferOutputKind(output([-1, 3]), [[1.01, 0, 0]]), 'vector');
  assert.equal(inferOutputKind(output([-1, 1]), [[1.0000001192092896], [0]]), 'score');
});

test('texts stand for whole numbers of 52 bits, and like texts for far ones', () => {
  const texts = Array.from({ length: 20_000 }, (_, index) => `label ${index}`);
  const numbers = new Set(texts.map(labelNumber));
  assert.equal(numbers.size, texts.length);
  for (const number of numbers) assert.ok(Number.isSafeInteger(number) && number >= 0);
  assert.equal(labelNumber('versicolor'), labelNumber('versicolor'));
  assert.notEqual(labelNumber(''), labelNumber(' '));
});
