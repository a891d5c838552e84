// What is loaded in place of a model: beside it, under a hash of its own, and made again from it when it is not there.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, suite, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProto_DataLocation, TensorProtoSchema } from 'onnx-buf';
import { addArtifact } from '../../src/artifacts/add.ts';
import { addDerived, loadableModel } from '../../src/artifacts/derived.ts';
import { artifactPath, derivedPath, removeArtifact } from '../../src/artifacts/directory.ts';
import type { ArtifactRecord } from '../../src/domain/records.ts';
import { exported } from '../onnx/exported.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { linear, Type } from '../worker/onnx.ts';

let dataDir: string;
beforeEach(() => (dataDir = temporaryDirectory()));

async function add(path: string, sizes?: Readonly<Record<string, number>>): Promise<ArtifactRecord> {
  const artifact = await addArtifact(dataDir, path);
  const made = await addDerived(dataDir, artifact, sizes);
  return made === null ? artifact : { ...artifact, derived: made.derived };
}
const names = (): string[] => readdirSync(join(dataDir, 'artifacts'), { recursive: true, encoding: 'utf8' }).sort();

/** The classifier with a weight that lies in another file. */
function inTwoFiles(): string {
  const folder = temporaryDirectory();
  const model = fromBinary(ModelProtoSchema, exported('sklearn-zipmap-int').bytes);
  model.graph!.initializer.push(create(TensorProtoSchema, {
    name: 'unused', dims: [1n], dataType: Type.FLOAT, dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [{ key: 'location', value: 'w.bin' }],
  }));
  writeFileSync(join(folder, 'm.onnx'), toBinary(ModelProtoSchema, model));
  writeFileSync(join(folder, 'w.bin'), new Uint8Array(4));
  return folder;
}

suite('what is derived of a model', () => {
  test('lies beside it, which stays as it was given, and is what a session is opened on', async () => {
    const { path: given, bytes } = exported('lightgbm-zipmap');
    const artifact = await add(given);
    const { sha256, derived } = artifact;
    assert.deepEqual(derived!.rules, ['open-zipmap/1', 'open-label/1']);
    assert.deepEqual(names(), [`${sha256}.onnx`, `${sha256}.open-zipmap-1+open-label-1.derived`]);
    assert.deepEqual(readFileSync(artifactPath(dataDir, artifact)), bytes);
    const { path } = await loadableModel(dataDir, artifact);
    assert.equal(path, derivedPath(dataDir, artifact, derived!));
    assert.equal(readFileSync(path).length, derived!.bytes);
    await removeArtifact(dataDir, sha256);
    assert.deepEqual(names(), []);
  });

  test('is nothing where no rule has anything to do', async () => {
    const path = join(temporaryDirectory(), 'm.onnx');
    writeFileSync(path, linear());
    const artifact = await add(path);
    assert.equal(artifact.derived, undefined);
    assert.equal((await loadableModel(dataDir, artifact)).path, artifactPath(dataDir, artifact));
    writeFileSync(path, 'no model at all');
    assert.equal((await add(path)).derived, undefined);
  });

  test('lies beside the data files of a model that has some', async () => {
    const artifact = await add(inTwoFiles());
    const { path, dataFiles } = await loadableModel(dataDir, artifact);
    assert.deepEqual(dataFiles, ['w.bin']);
    assert.equal(path, join(dataDir, 'artifacts', artifact.sha256, 'open-zipmap-1.derived'));
    assert.deepEqual(names().length, 4);
  });

  test('is made again, the same, when it is missing or damaged, by any number of threads at once', async () => {
    for (const source of [exported('catboost-zipmap').path, inTwoFiles()]) {
      const artifact = await add(source);
      const path = derivedPath(dataDir, artifact, artifact.derived!);
      const whole = readFileSync(path);
      for (const harm of [() => rmSync(path), () => writeFileSync(path, 'torn'), () => writeFileSync(path, linear())]) {
        const before = names().length;
        harm();
        await Promise.all([1, 2, 3].map(() => loadableModel(dataDir, artifact)));
        assert.deepEqual(readFileSync(path), whole);
        assert.equal(names().length, before, 'no copy stays');
      }
    }
  });

  test('is a file of its own for each size of an open dimension, and made again with it', async () => {
    const given = join(temporaryDirectory(), 'm.onnx');
    writeFileSync(given, linear());
    const [one, four] = [await add(given, { N: 1 }), await add(given, { N: 4 })];
    assert.equal(one.sha256, four.sha256);
    assert.notEqual(one.derived!.sha256, four.derived!.sha256);
    const paths = [one, four].map((artifact) => derivedPath(dataDir, artifact, artifact.derived!));
    assert.equal(new Set(paths).size, 2);
    const whole = paths.map((path) => readFileSync(path));
    for (const path of paths) rmSync(path);
    await Promise.all([one, four].map((artifact) => loadableModel(dataDir, artifact)));
    assert.deepEqual(paths.map((path) => readFileSync(path)), whole);
    await assert.rejects(add(given, { M: 1 }), {
      code: 'INVALID_OPTION', message: /"M": no input of the model has an open dimension of this name; wanted of "N"/,
    });
    await removeArtifact(dataDir, one.sha256);
    assert.deepEqual(names(), []);
  });

  test('is refused when it cannot be made again: the model is damaged, the rule unknown, or its file another one', async () => {
    const artifact = await add(exported('catboost-zipmap').path);
    const path = derivedPath(dataDir, artifact, artifact.derived!);
    const of = (derived: Partial<NonNullable<ArtifactRecord['derived']>>): ArtifactRecord =>
      ({ ...artifact, derived: { ...artifact.derived!, ...derived } });
    await assert.rejects(loadableModel(dataDir, of({ rules: ['open-zipmap/7'] })), /"open-zipmap\/7" is not known to/);
    await assert.rejects(loadableModel(dataDir, of({ sha256: 'a'.repeat(64) })), /of this build make another file/);
    rmSync(path);
    writeFileSync(artifactPath(dataDir, artifact), linear());
    await assert.rejects(loadableModel(dataDir, artifact), { code: 'ARTIFACT_DAMAGED' });
    assert.ok(!names().some((name) => name.endsWith('.derived') || name.endsWith('.part')));
  });
});
