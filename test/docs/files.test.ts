// Every example in docs/files.md is read as it stands.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/base/package-root.ts';
import { readDataset } from '../../src/datasets/dataset.ts';
import type { Signature } from '../../src/domain/records.ts';
import { parseBaseline } from '../../src/judge/baseline/baseline-file.ts';
import { readGoldenFile } from '../../src/rollout/registration/golden-file.ts';
import { npy, zip } from '../datasets/arrays.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const folder = temporaryDirectory();
const page = readFileSync(join(packageRoot(), 'docs', 'files.md'), 'utf8');
const examplesOf = (mark: string): string[] =>
  [...page.matchAll(/^```(?<mark>[a-z ]+)\n(?<text>.*?)^```$/gms)]
    .filter(({ groups }) => groups!['mark'] === mark).map(({ groups }) => groups!['text']!);
const written = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

test('every baseline on the page is read, and has the rows that it says', () => {
  const files = examplesOf('json baseline').map((text) => parseBaseline('docs/files.md', JSON.parse(text)));
  assert.equal(files.length, 2);
  assert.deepEqual([...files[0]!.outputs.keys(), ...files[0]!.inputs!.keys()],
    ['label', 'probabilities', 'features', 'city']);
  assert.deepEqual(files[1]!.outputs.get('scores')!.rows.map(({ shape }) => shape), [[2, 2], [1, 2]]);
});

test('every golden file on the page is read, also with an array of NumPy beside it', () => {
  const [visit, image, ...others] = examplesOf('json golden');
  assert.deepEqual(others, []);
  const { rtol, atol, cases } = readGoldenFile(written('visit.golden.json', visit!));
  assert.deepEqual([rtol, atol], [0.001, 0.0001]);
  assert.deepEqual(cases[0]!.inputs['city'], { shape: [2, 1], data: ['Rome', 'Oslo'] });
  assert.deepEqual(cases[0]!.inputs['age'], { shape: [2, 1], data: [40, NaN] });
  written('image.npy', npy('<f4', [1, 2], Buffer.from(Float32Array.of(1, 2).buffer)));
  const [one] = readGoldenFile(written('image.golden.json', image!)).cases;
  assert.deepEqual(one!.inputs['image'], { shape: [1, 2], data: [1, 2] });
});

test('arrays are one case by their names, and several with numbers before them', () => {
  assert.match(page, /"inputs\/image": image, "outputs\/scores": scores, "rtol": 1e-3/);
  const floats = (...values: number[]): Buffer =>
    npy('<f4', [1, values.length], Buffer.from(Float32Array.from(values).buffer));
  const rtol = npy('<f8', [], Buffer.from(Float64Array.of(0.5).buffer));
  const one = readGoldenFile(written('one.npz', zip({
    'inputs/image.npy': floats(1, 2), 'outputs/scores.npy': floats(3), 'rtol.npy': rtol,
  })));
  assert.deepEqual([one.rtol, one.cases.length, one.cases[0]!.outputs['scores']!.data], [0.5, 1, [3]]);
  const two = readGoldenFile(written('two.npz', zip({
    '1/inputs/x.npy': floats(1), '1/outputs/y.npy': floats(2),
    '0/inputs/x.npy': floats(3), '0/outputs/y.npy': floats(4),
  })));
  assert.deepEqual(two.cases.map(({ inputs }) => inputs['x']!.data), [[3], [1]]);
  const refused: [Record<string, Uint8Array>, RegExp][] = [
    [{ 'x.npy': floats(1) }, /array "x"; wanted inputs\/NAME/],
    [{ 'inputs/x.npy': floats(1) }, /case 0 has no outputs/],
    [{ 'rtol.npy': floats(1, 2) }, /"rtol" is no single number/],
  ];
  for (const [files, reason] of refused) {
    assert.throws(() => readGoldenFile(written('no.npz', zip(files))), { code: 'INVALID_GOLDEN', message: reason });
  }
});

test('the table on the page is read', () => {
  const [text] = examplesOf('csv visit');
  const signature: Signature = {
    inputs: [{ name: 'city', datatype: 'BYTES', shape: [-1, 1] }, { name: 'age', datatype: 'FP32', shape: [-1, 1] }],
    outputs: [],
  };
  const { rows, row } = readDataset(written('visit.csv', text!), signature, []);
  assert.deepEqual([rows, row(1)['city']!.values, row(1)['age']!.values], [2, ['Oslo, N'], [NaN]]);
});
