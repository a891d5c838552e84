import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isLastgoodError } from '../../../src/base/errors.ts';
import {
  BASELINE_FILE_BYTES_MAX, baselineOfFile, parseBaseline, readBaselineFile, unwatchedInputs,
} from '../../../src/judge/baseline/baseline-file.ts';
import type { BaselineAbout } from '../../../src/judge/baseline/baseline.ts';
import {
  BASELINE_VALUES_MAX, baselineOfPredictions, computeBaseline, thin,
} from '../../../src/judge/baseline/baseline.ts';
import type { Signature, VersionRecord } from '../../../src/domain/records.ts';
import { predictionOf } from '../../../src/domain/sequence.ts';
import { assertClose } from '../vectors.ts';

const about: BaselineAbout = { output: 'y', kind: 'scalar', source: 'validation', createdAtMs: 5, origin: 'b.json' };
const folder = mkdtempSync(join(tmpdir(), 'lastgood-baseline-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const file = (outputs: unknown, more: Record<string, unknown> = {}): Record<string, unknown> =>
  ({ format: 'lastgood.baseline/1', source: 'validation', rows: 2, outputs, ...more });
const invalid = (text: RegExp) => (error: unknown): boolean =>
  isLastgoodError(error) && error.code === 'INVALID_BASELINE' && text.test(error.message);
const signature: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
  outputs: [
    { name: 'label', datatype: 'INT64', shape: [-1] },
    { name: 'probabilities', datatype: 'FP32', shape: [-1, 3] },
  ],
};

test('computeBaseline gives mean, sample deviation, range and sorted values of scalar rows', () => {
  const baseline = computeBaseline([[4], [2], [9]], about);
  assertClose(baseline.mean, 5, 'mean');
  assertClose(baseline.standardDeviation, Math.sqrt(13), 'standard deviation');
  assert.deepEqual([baseline.min, baseline.max, baseline.rows], [2, 9, 3]);
  assert.deepEqual(baseline.values, [2, 4, 9]);
  assert.equal(baseline.classShares, undefined);
});

test('computeBaseline keeps the digits of values that lie far from zero', () => {
  const baseline = computeBaseline([[1e9 + 4], [1e9 + 7], [1e9 + 13], [1e9 + 16]], about);
  assertClose(baseline.standardDeviation, Math.sqrt(30), 'standard deviation');
});

test('computeBaseline of classes reads the best score and counts a share for every class', () => {
  const rows = [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.4, 0.3, 0.3]];
  const baseline = computeBaseline(rows, { ...about, kind: 'classes' });
  assert.deepEqual(baseline.values, [0.4, 0.6, 0.7, 0.8]);
  assert.deepEqual(baseline.classShares, [0.75, 0.25, 0]);
});

test('computeBaseline leaves out rows that are not finite and does not count them', () => {
  const baseline = computeBaseline([[1], [NaN], [3], [Infinity]], about);
  assert.equal(baseline.rows, 2);
  assert.equal(baseline.mean, 2);
});

test('computeBaseline refuses rows without a finite prediction and spreads beyond any number', () => {
  assert.throws(() => computeBaseline([], about), invalid(/b\.json.*no finite prediction/));
  assert.throws(() => computeBaseline([[NaN]], about), invalid(/no finite prediction/));
  assert.throws(() => computeBaseline([[-1e308], [1e308]], about), invalid(/spread/));
});

test('a single row and equal rows make a baseline without spread', () => {
  assert.equal(computeBaseline([[3]], about).standardDeviation, 0);
  assert.equal(computeBaseline([[0.1], [0.1], [0.1]], about).standardDeviation, 0);
});

test('thin keeps both ends and even ranks, and everything that is short enough', () => {
  const sorted = Array.from({ length: 10_001 }, (_, index) => index);
  const thinned = thin(sorted, BASELINE_VALUES_MAX);
  assert.equal(thinned.length, BASELINE_VALUES_MAX);
  assert.deepEqual([thinned[0], thinned.at(-1)], [0, 10_000]);
  for (let index = 0; index < thinned.length; index += 1) {
    assert.ok(Math.abs(thinned[index]! - (index * 10_000) / 1_999) <= 0.5);
  }
  assert.deepEqual(thin([1, 2, 3], 3), [1, 2, 3]);
});

test('baselineOfPredictions makes the same baseline of captured values as computeBaseline of their rows', () => {
  const rows = [[0.7, 0.3], [0.6, 0.4], [0.2, 0.8]];
  const entropies = rows.map((row) => predictionOf('classes', row).entropy);
  const captured = { values: [0.7, 0.6, 0.8], classCounts: [2, 1], entropies, projections: [] };
  const live = { ...about, kind: 'classes', source: 'live' } as const;
  assert.deepEqual(baselineOfPredictions(captured, live), computeBaseline(rows, live));
});

test('readBaselineFile and baselineOfFile read the probabilities, not the label that comes first', () => {
  const path = join(folder, 'good.json');
  const data = [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]];
  writeFileSync(path, JSON.stringify(file({ label: { shape: [2], data: [2, 0] },
    probabilities: { shape: [2, 3], data } })));
  const baseline = baselineOfFile(readBaselineFile(path), signature, { createdAtMs: 9 });
  assert.deepEqual([baseline.output, baseline.kind, baseline.rows], ['probabilities', 'classes', 2]);
  assert.deepEqual(baseline.values, [0.5, 0.7]);
  assert.equal(baseline.createdAtMs, 9);
});

test('parseBaseline accepts the shape of the tensor, an open one and that of a row', () => {
  for (const shape of [[2, 3], [-1, 3], [3], [2, 1, 3]]) {
    const parsed = parseBaseline('p', file({ y: { shape, data: [[1, 2, 3], [4, 5, 6]] } }));
    assert.deepEqual(parsed.outputs.get('y')?.rows.map(({ values }) => values), [[1, 2, 3], [4, 5, 6]]);
  }
});

test('parseBaseline refuses what does not fit and says where', () => {
  const cases: [unknown, RegExp][] = [
    [file({ y: { shape: [2], data: [1, 2] } }, { format: 'x' }), /format/],
    [file({ y: { shape: [2], data: [1, 2] } }, { sauce: 1 }), /sauce/],
    [file({}), /no outputs/],
    [file({ y: { shape: [2], data: [1] } }), /"y" has 1 rows; wanted 2/],
    [file({ y: { shape: [2, 4], data: [[1, 2, 3], [1, 2, 3]] } }), /3 values in row 0; wanted shape \[2, 4\]/],
    [file({ y: { shape: [2, 3], data: [[1, 2, 3], [1, 2]] } }), /2 values in row 1; wanted 3/],
    [file({ y: { shape: [2], data: [1, {}] } }), /holds \{\} in row 1/],
    [[], /document/],
  ];
  for (const [content, text] of cases) assert.throws(() => parseBaseline('p', content), invalid(text));
});

test('readBaselineFile refuses a missing file, broken JSON and a file that is too large', () => {
  assert.throws(() => readBaselineFile(join(folder, 'none.json')), invalid(/ENOENT/));
  const broken = join(folder, 'broken.json');
  writeFileSync(broken, '{"format":');
  assert.throws(() => readBaselineFile(broken), invalid(/JSON/));
  truncateSync(broken, BASELINE_FILE_BYTES_MAX + 1);
  assert.throws(() => readBaselineFile(broken), invalid(/wanted at most/));
});

test('baselineOfFile refuses a file without the model\'s output and a model without a numeric one', () => {
  const parsed = parseBaseline('p', file({ other: { shape: [2], data: [1, 2] } }));
  assert.throws(() => baselineOfFile(parsed, signature, { createdAtMs: 1 }),
    invalid(/outputs other; wanted "probabilities"/));
  const text: Signature = { inputs: [], outputs: [{ name: 't', datatype: 'BYTES', shape: [-1] }] };
  assert.throws(() => baselineOfFile(parsed, text, { createdAtMs: 1 }), invalid(/no numeric output/));
});

test('baselineOfFile takes the questions too, column by column, with what is missing counted', () => {
  const outputs = { probabilities: { shape: [2, 3], data: [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]] } };
  const inputs = { x: { shape: [2, 3], data: [[1, 2, 3], [1, null, 5]] } };
  const parsed = parseBaseline('p', file(outputs, { inputs }));
  const baseline = baselineOfFile(parsed, signature, { createdAtMs: 9 });
  const { source, rows, columns, hash, createdAtMs } = baseline.inputs!;
  assert.deepEqual([source, rows, createdAtMs], ['validation', 2, 9]);
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.deepEqual(columns.map(({ name, at, nonFinite, atomShare }) => [name, at, nonFinite, atomShare]),
    [['x[0]', 0, 0, 1], ['x[1]', 1, 1, 1], ['x[2]', 2, 0, 0.5]]);
  for (const { bins, nonFinite } of columns) {
    assert.equal(bins.counts.reduce((sum, count) => sum + count, nonFinite), 2);
    assert.equal(bins.counts.length, bins.edges.length + 1);
  }
  const without = baselineOfFile(parseBaseline('p', file(outputs)), signature, { createdAtMs: 9 });
  assert.equal(without.inputs, undefined);
  assert.equal(without.hash, baseline.hash, 'the hash of the answers is theirs alone');
});

test('baselineOfFile refuses inputs that are not those of the model', () => {
  const outputs = { probabilities: { shape: [3], data: [[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]] } };
  const refused: [unknown, RegExp][] = [
    [{ y: { shape: [3], data: [[1, 2, 3], [1, 2, 3]] } }, /input "y"; the model has x/],
    [{ x: { shape: [2], data: [[1, 2], [1, 2]] } }, /input "x" has 2 values a row; wanted 3 as in the model/],
    [{ x: { shape: [3], data: [[1, 2, 3]] } }, /input "x" has 1 rows; wanted 2/],
    [{ x: { shape: [3], data: [[1, 2, 3], [1, 'a', 3]] } }, /"x" holds "a" in row 1; wanted finite numbers, or null/],
  ];
  for (const [inputs, text] of refused) {
    assert.throws(() => baselineOfFile(parseBaseline('p', file(outputs, { inputs })), signature, { createdAtMs: 1 }),
      invalid(text));
  }
});

test('baselineOfFile refuses outputs that are not as wide as those of the model, and takes any of an open width', () => {
  const of = (name: string, width: number): unknown =>
    ({ [name]: { shape: [width], data: Array.from({ length: 2 }, () => Array<number>(width).fill(1 / width)) } });
  const one: Signature = { inputs: [], outputs: [{ name: 'price', datatype: 'FP32', shape: [-1, 1] }] };
  const open: Signature = { inputs: [], outputs: [{ name: 'price', datatype: 'FP32', shape: [-1, -1] }] };
  const read = (outputs: unknown, model: Signature): unknown =>
    baselineOfFile(parseBaseline('p', file(outputs)), model, { createdAtMs: 1 });
  assert.throws(() => read(of('probabilities', 2), signature),
    invalid(/output "probabilities" has 2 values a row; wanted 3 as in the model/));
  assert.throws(() => read(of('price', 2), one), invalid(/output "price" has 2 values a row; wanted 1 as in the mod/));
  assert.throws(() => read({ ...of('label', 2) as object, ...of('probabilities', 3) as object }, signature),
    invalid(/output "label" has 2 values a row; wanted 1/), 'also one that is not judged');
  assert.ok(read(of('price', 2), open));
});

const tensor = (name: string, datatype: Signature['inputs'][number]['datatype'], shape: number[]) =>
  ({ name, datatype, shape });
const baselineOf = (content: Record<string, unknown>, model: Signature, declared: VersionRecord['declared'] = {}) =>
  baselineOfFile(parseBaseline('p', file(content['outputs'], content)), model, { createdAtMs: 1, declared });

test('a baseline file holds rows of any rank, flat or nested as their shape says', () => {
  const model: Signature = { inputs: [], outputs: [tensor('y', 'FP32', [-1, 2, 3])] };
  const flat = [[1, 2, 3, 4, 5, 6], [0, 0, 1, 0, 0, 1]];
  const nested = flat.map((row) => [row.slice(0, 3), row.slice(3)]);
  const of = (shape: number[], data: unknown): unknown => baselineOf({ outputs: { y: { shape, data } } }, model).hash;
  for (const shape of [[2, 2, 3], [-1, 2, 3], [2, 3], [-1, -1, 3]]) {
    assert.equal(of(shape, nested), of([2, 2, 3], flat), String(shape));
  }
  const refused: [unknown[], RegExp][] = [
    [[nested[0], [[1, 2], [3, 4, 5]]], /"y" is nested unevenly in row 1/],
    [[nested[0], [[1, 2], [3, 4], [5, 6]]], /"y" is nested as \[3,2\] in row 1; wanted \[2,3\], or one flat list/],
    [[nested[0], [[[1]]]], /"y" is nested as \[1,1,1\] in row 1/],
    [[nested[0], [1, 2, 3, 4, 5]], /"y" has 5 values in row 1; wanted 6/],
  ];
  for (const [data, text] of refused) assert.throws(() => of([2, 2, 3], data), invalid(text));
});

test('answers of several lengths are summarised by their steps and by the mean of these', () => {
  const model: Signature = { inputs: [], outputs: [tensor('y', 'FP32', [-1, -1, 2])] };
  const data = [[[1, 8], [5, 0]], [[3, 4]]];
  const baseline = baselineOf({ outputs: { y: { shape: [-1, -1, 2], data } } }, model);
  assert.deepEqual([baseline.kind, baseline.width, baseline.values], ['sequence', 2, [5, 5]]);
  // Two steps and one: two answers that are as frequent.
  assert.deepEqual(baseline.projections?.[0]!.counts.filter((count) => count > 0), [1, 1]);
  const declared = { kind: 'vector' } as const;
  assert.throws(() => baselineOf({ outputs: { y: { shape: [-1, 2], data } } }, model, declared),
    invalid(/its rows have 4 and 2 numbers; wanted a sequence/));
});

test('labels are read from texts, and from integers of any size', () => {
  const text: Signature = { inputs: [], outputs: [tensor('t', 'BYTES', [-1]), tensor('p', 'FP32', [-1, 1])] };
  const outputs = { t: { shape: [2], data: ['cat', 'dog'] }, p: { shape: [2], data: [0.5, 1] } };
  const { kind, labels } = baselineOf({ outputs }, text, { output: 't' });
  assert.equal(kind, 'labels');
  assert.deepEqual(labels?.map(({ name, share }) => [name, share]).sort(), [['cat', 0.5], ['dog', 0.5]]);
  assert.equal(baselineOf({ outputs }, text).kind, 'score');
  assert.throws(() => baselineOf({ outputs: { t: { shape: [2], data: ['cat', 3] } } }, text, { output: 't' }),
    invalid(/"t" holds 3 in row 1; wanted texts/));
  const whole: Signature = { inputs: [], outputs: [tensor('n', 'INT64', [-1])] };
  const n = { n: { shape: [2], data: [-1, '9007199254740993'] } };
  assert.deepEqual(baselineOf({ outputs: n }, whole, { kind: 'labels' }).labels?.map(({ name }) => name),
    ['-1', '9007199254740992']);
});

test('columns that cannot be watched are skipped, and each is told of', () => {
  const model: Signature = {
    inputs: [tensor('city', 'BYTES', [-1, 1]), tensor('age', 'FP32', [-1, 1]), tensor('gone', 'FP32', [-1, 1]),
      tensor('words', 'INT64', [-1, -1])],
    outputs: [tensor('y', 'FP32', [-1, 1])],
  };
  const content = {
    outputs: { y: { shape: [2], data: [0.5, 1] } },
    inputs: {
      city: { shape: [2, 1], data: ['Rome', 'Oslo'] }, age: { shape: [2, 1], data: [40, null] },
      gone: { shape: [2, 1], data: [null, null] }, words: { shape: [-1, -1], data: [[1, 2, 3], [4]] },
    },
  };
  const baseline = baselineOf(content, model);
  assert.deepEqual(baseline.inputs?.columns.map(({ name, nonFinite }) => [name, nonFinite]), [['age', 1]]);
  const parsed = parseBaseline('p', file(content.outputs, content));
  assert.deepEqual(unwatchedInputs(parsed, baseline, { signature: model }).map((one) => one.slice(0, 26)), [
    'input "city" is text, so w', 'rows of input "words" have', 'input column "gone" has no',
  ]);
});
