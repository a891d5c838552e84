// The committed demo models are what their manifest says: they agree with their baselines and golden cases, the
// better version is better, and every failing version fails in its stated way on held-out rows.
import '../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import ort from 'onnxruntime-node';
import { distanceOf, qualityOf, type Distance, type Quality } from '../../scripts/train/metrics.ts';
import { train } from '../../scripts/train/mlp.ts';
import { exportNetwork } from '../../scripts/train/graphs.ts';
import { answer, openSession, type Answer } from '../../scripts/train/runner.ts';
import { INPUT_NAME } from '../../scripts/train/onnx-writer.ts';
import { packageRoot } from '../../src/base/package-root.ts';
import { readDemoModels, readModelFile, versionOf, type DemoModel, type DemoVersion } from './demo-models.ts';

const MODELS_BYTES_MAX = 1.5e6;
const EVERYWHERE = ['unscaled', 'slow', 'fragile', 'nonfinite', 'other-signature'];
const OWN: Readonly<Record<string, string>> = { 'breast-cancer': 'collapsed', housing: 'dollars', digits: 'inverted' };
/** Versions whose baseline does not come from their own file, and the version whose baseline theirs is. */
const BORROWED = new Map([['unscaled', '2'], ['dollars', '2'], ['collapsed', '2'], ['inverted', '2']]);

const live = (model: DemoModel, version: string): Promise<Answer[]> =>
  answer(versionOf(model, version).bytes, model.traffic.rows, model.recipe.output);

async function qualityOn(model: DemoModel, version: string): Promise<Quality> {
  return qualityOf(model.recipe.head, await live(model, version), model.traffic.labels);
}

async function distanceOn(model: DemoModel, version: string): Promise<Distance> {
  const { output, head } = model.recipe;
  return distanceOf(head, await live(model, version), versionOf(model, version).baseline.outputs[output.name]!.data);
}

function assertClose(got: readonly number[], wanted: readonly number[], rtol: number, atol: number): void {
  assert.equal(got.length, wanted.length);
  got.forEach((value, index) => {
    const limit = atol + rtol * Math.abs(wanted[index]!);
    assert.ok(Math.abs(value - wanted[index]!) <= limit, `${value} is not ${wanted[index]!} within ${limit}`);
  });
}

const goldenRows = ({ golden }: DemoVersion): number[][] =>
  golden.cases.map(({ inputs }) => [...inputs[INPUT_NAME]!.data]);

suite('demo models', () => {
  const models = readDemoModels();

  test('there are three, each with two good versions, one harmless and at least four failing ones', () => {
    assert.deepEqual(models.map(({ recipe }) => recipe.model).sort(), ['breast-cancer', 'digits', 'housing']);
    for (const model of models) {
      assert.equal(versionOf(model, model.active).entry.role, 'good');
      assert.equal(versionOf(model, '2').entry.role, 'better');
      assert.equal(versionOf(model, 'regraph').entry.role, 'harmless');
      const failing = [...model.versions.values()].filter(({ entry }) => entry.role === 'failing');
      assert.deepEqual(
        failing.map(({ entry }) => entry.version).sort(), [...EVERYWHERE, OWN[model.recipe.model]!].sort());
      for (const { entry } of failing) assert.ok((entry.failure ?? '').length > 0);
    }
  });

  test('artefacts have the SHA-256 the manifest and the README state', () => {
    const documented = readModelFile('README.md').toString('utf8');
    for (const model of models) {
      for (const { entry, bytes } of model.versions.values()) {
        assert.equal(createHash('sha256').update(bytes).digest('hex'), entry.sha256, entry.file);
        assert.ok(documented.includes(`${entry.sha256}  ${entry.file}`), entry.file);
      }
    }
  });

  test('the folder stays small', () => {
    const folder = join(packageRoot(), 'models');
    const sizes = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => statSync(join(folder, name))).filter((stat) => stat.isFile()).map((stat) => stat.size);
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= MODELS_BYTES_MAX);
  });

  test('training twice with one seed gives the same bytes, and another seed gives others', () => {
    for (const { recipe, traffic } of models) {
      const bytesOf = (seed: number): Uint8Array => {
        const plan = { ...recipe.better, steps: 20, seed };
        return exportNetwork(recipe.model, train(traffic, recipe.scaler(traffic), plan).final, recipe.output);
      };
      assert.deepEqual(bytesOf(7), bytesOf(7));
      assert.notDeepEqual(bytesOf(7), bytesOf(8));
    }
  });

  for (const model of models) describeModel(model);
});

function describeModel(model: DemoModel): void {
  const { recipe, traffic, versions } = model;
  const { output, model: name } = recipe;
  const isRegression = recipe.head === 'number';

  test(`${name}: every artefact answers its golden cases`, async () => {
    for (const { bytes, golden, entry } of versions.values()) {
      assert.equal(golden.format, 'lastgood.golden/1');
      assert.ok(golden.cases.length >= 3, entry.file);
      const session = await openSession(bytes);
      for (const { inputs, outputs } of golden.cases) {
        const { shape, data } = inputs[INPUT_NAME]!;
        const wanted = outputs[output.name]!;
        assert.deepEqual(Object.keys(inputs), session.inputNames);
        assert.deepEqual(Object.keys(outputs), session.outputNames);
        const feed = new ort.Tensor('float32', Float32Array.from(data), shape);
        const result = (await session.run({ [INPUT_NAME]: feed }))[output.name]!;
        assert.deepEqual(result.dims, wanted.shape);
        assertClose(Array.from(result.data as Float32Array), wanted.data, golden.rtol, golden.atol);
      }
      await session.release();
    }
  });

  test(`${name}: a baseline holds the answers of the artefact, or of the run meant to be exported`, async () => {
    for (const version of versions.values()) {
      const { baseline, entry, golden } = version;
      const { shape, data } = baseline.outputs[output.name]!;
      assert.equal(baseline.format, 'lastgood.baseline/1');
      assert.deepEqual(shape, [output.width]);
      assert.equal(data.length, baseline.rows);
      assert.ok(data.every((row) => row.length === output.width && row.every(Number.isFinite)), entry.baseline);
      const owner = BORROWED.get(entry.version);
      if (owner !== undefined) assert.deepEqual(baseline, versionOf(model, owner).baseline);
      // Golden cases are the first validation rows the file answers, so they stand in the baseline in that order.
      const meant = owner === undefined ? version.bytes : versionOf(model, owner).bytes;
      const rows = owner === undefined ? goldenRows(version) : goldenRows(versionOf(model, owner));
      let next = 0;
      for (const values of await answer(meant, rows, output)) {
        const near = (row: readonly number[]): boolean => row.every((x, i) => Math.abs(x - values![i]!) <= 2e-5);
        const found = data.findIndex((row, index) => index >= next && near(row));
        assert.ok(found >= next && found < 32, `${entry.baseline} has no row ${values!.join(' ')}`);
        next = found + 1;
      }
      assert.ok(golden.cases.length <= baseline.rows);
    }
  });

  test(`${name}: golden rows are no traffic rows`, () => {
    const seen = new Set(traffic.rows.map((row) => row.join(' ')));
    for (const version of versions.values()) {
      if (version.entry.version === 'other-signature') continue;
      for (const row of goldenRows(version)) assert.ok(!seen.has(row.join(' ')));
    }
  });

  test(`${name}: version 2 is better than version 1 on held-out rows`, async () => {
    const [first, better] = [await qualityOn(model, '1'), await qualityOn(model, '2')];
    if (isRegression) assert.ok(better.score < first.score * 0.8, `${better.score} against ${first.score}`);
    else assert.ok(better.score > first.score + 0.03, `${better.score} against ${first.score}`);
  });

  test(`${name}: held-out answers of healthy versions resemble their baselines`, async () => {
    for (const version of ['1', '2', 'regraph', 'slow']) {
      const { meanShift, spread, psi, classShift } = await distanceOn(model, version);
      assert.ok(meanShift < 0.2, `${version}: mean moved by ${meanShift}`);
      assert.ok(spread > 0.8 && spread < 1.25, `${version}: spread changed by ${spread}`);
      assert.ok(psi < 0.2, `${version}: PSI is ${psi}`);
      assert.ok((classShift ?? 0) < 0.05, `${version}: a class share moved by ${classShift ?? 0}`);
    }
  });

  test(`${name}: regraph and slow answer what version 1 answers, from other files`, async () => {
    const wanted = await live(model, '1');
    for (const [version, tolerance] of [['regraph', 1e-5], ['slow', 1e-6]] as const) {
      const got = await live(model, version);
      got.forEach((values, row) => assertClose(values!, wanted[row]!, 0, tolerance));
      assert.notEqual(versionOf(model, version).entry.sha256, versionOf(model, '1').entry.sha256);
    }
  });

  test(`${name}: fragile fails alone on some rows, and takes its whole batch with it`, async () => {
    const { failed, nonFinite } = await qualityOn(model, 'fragile');
    assert.ok(failed >= 0.1 && failed <= 0.25, `${failed} of the rows fail`);
    assert.equal(nonFinite, 0);
    const session = await openSession(versionOf(model, 'fragile').bytes);
    const features = (rows: readonly (readonly number[])[]): ort.Tensor =>
      new ort.Tensor('float32', Float32Array.from(rows.flat()), [rows.length, traffic.columns.length]);
    await assert.rejects(session.run({ [INPUT_NAME]: features(traffic.rows) }), /out of data bounds|indices element/);
    const zeros = traffic.columns.map(() => 0);
    await session.run({ [INPUT_NAME]: features([zeros]) });
    await session.release();
  });

  test(`${name}: nonfinite answers NaN or Infinity on some rows, and leaves their neighbours alone`, async () => {
    const { failed, nonFinite } = await qualityOn(model, 'nonfinite');
    assert.equal(failed, 0);
    assert.ok(nonFinite >= 0.1 && nonFinite <= 0.3, `${nonFinite} of the rows are not finite`);
    const [zeros] = await answer(versionOf(model, 'nonfinite').bytes, [traffic.columns.map(() => 0)], output);
    assert.ok(zeros!.every(Number.isFinite));
  });

  test(`${name}: other-signature refuses live rows`, async () => {
    assert.equal((await qualityOn(model, 'other-signature')).failed, 1);
    assert.equal(goldenRows(versionOf(model, 'other-signature'))[0]!.length, traffic.columns.length - 1);
  });

  test(`${name}: unscaled and ${OWN[name]!} drift away from their baselines without an error`, async () => {
    for (const version of ['unscaled', OWN[name]!]) {
      const { failed, nonFinite } = await qualityOn(model, version);
      assert.deepEqual([failed, nonFinite], [0, 0]);
      const { meanShift, spread, psi, classShift } = await distanceOn(model, version);
      assert.ok(psi > 1, `${version}: PSI is ${psi}`);
      assert.ok(spread < 0.5 || spread > 2, `${version}: spread changed by ${spread}`);
      if (isRegression) assert.ok(meanShift > 2, `${version}: mean moved by ${meanShift}`);
      if (version === 'collapsed') assert.ok(meanShift < 0.2, `${version}: mean moved by ${meanShift}`);
      if (version === 'inverted') assert.ok(classShift! > 0.3, `${version}: a class share moved by ${classShift!}`);
    }
  });
}
