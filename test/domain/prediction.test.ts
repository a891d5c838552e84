import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TensorSignature } from '../../src/domain/records.ts';
import { inferOutputKind, predictionOutput, summarizeRow } from '../../src/domain/prediction.ts';
import { predictionOf } from '../../src/domain/sequence.ts';
import { assertClose, vector } from '../judge/vectors.ts';

const output = (name: string, shape: number[], datatype: TensorSignature['datatype'] = 'FP32'): TensorSignature =>
  ({ name, datatype, shape });

test('predictionOf classes gives the best score, its index and the normalised entropy of the vector', () => {
  const { input, expected } = vector('entropy') as
    { input: { probs: number[][] }; expected: { normalised: number[] } };
  input.probs.forEach((row, index) => {
    const summary = predictionOf('classes', row);
    assert.equal(summary.value, Math.max(...row));
    assert.equal(summary.classIndex, 0);
    assertClose(summary.entropy, expected.normalised[index]!, 'entropy');
  });
});

test('predictionOf of a scalar is the number and of a vector its Euclidean length', () => {
  assert.deepEqual(predictionOf('scalar', [4.5]), { value: 4.5, classIndex: -1, entropy: NaN });
  assert.deepEqual(predictionOf('vector', [3, -4]), { value: 5, classIndex: -1, entropy: NaN });
  assert.equal(predictionOf('scalar', BigInt64Array.of(7n)).value, 7);
});

test('predictionOf has no value when any element is not finite, whatever the kind', () => {
  for (const kind of ['scalar', 'classes', 'vector'] as const) {
    for (const bad of [NaN, Infinity, -Infinity]) {
      for (const row of kind === 'scalar' ? [[bad], []] : [[bad, 0.5], [0.5, bad]]) {
        assert.deepEqual(predictionOf(kind, row), { value: NaN, classIndex: -1, entropy: NaN });
      }
    }
  }
});

test('summarizeRow reads one row out of the middle of a batch', () => {
  const into = { value: 0, classIndex: 0, entropy: 0 };
  summarizeRow('classes', Float32Array.of(9, 9, 0.25, 0.75, 9, 9), 2, 2, into);
  assert.deepEqual([into.value, into.classIndex], [0.75, 1]);
});

test('inferOutputKind decides by the shape, then by the rows, then by the name', () => {
  assert.equal(inferOutputKind(output('probabilities', [-1, 1])), 'scalar');
  assert.equal(inferOutputKind(output('y', [-1])), 'scalar');
  assert.equal(inferOutputKind(output('y', [-1, 3]), [[0.2, 0.3, 0.5], [1, 0, 0.0005]]), 'classes');
  assert.equal(inferOutputKind(output('y', [-1, 3]), [[0.2, 0.3, 0.5], [1, 0, 0.002]]), 'vector');
  assert.equal(inferOutputKind(output('y', [-1, 2]), [[1.5, -0.5]]), 'vector');
  assert.equal(inferOutputKind(output('probabilities', [-1, 2]), [[4, 5]]), 'vector');
  assert.equal(inferOutputKind(output('y', [-1, -1]), [[4], [5]]), 'regression');
  assert.equal(inferOutputKind(output('y', [-1, 1]), [[0], [0.5], [1]]), 'score');
  assert.equal(inferOutputKind(output('y', [-1, 1]), [[0.5], [-0.1]]), 'regression');
  assert.equal(inferOutputKind(output('Softmax_12', [-1, 3])), 'classes');
  assert.equal(inferOutputKind(output('logits', [-1, 3])), 'vector');
  assert.equal(inferOutputKind(output('logits', [-1, -1])), 'vector');
});

test('predictionOutput prefers probabilities, then floating-point numbers, then whatever is numeric', () => {
  const chosen = (...outputs: TensorSignature[]): string | undefined =>
    predictionOutput({ inputs: [], outputs })?.name;
  const label = output('label', [-1], 'INT64');
  const text = output('text', [-1], 'BYTES');
  assert.equal(chosen(label, output('scores', [-1, 3]), output('probabilities', [-1, 3])), 'probabilities');
  assert.equal(chosen(label, output('scores', [-1, 3])), 'scores');
  assert.equal(chosen(text, label), 'label');
  assert.equal(chosen(text), undefined);
});
