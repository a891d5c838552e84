// Artefacts of several files: however they are handed over they become the same one, and what would leave the folder,
// is missing, is no file, or was changed later is refused.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, suite, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, StringStringEntryProtoSchema } from 'onnx-buf';
import { addArtifact, type AddedArtifact } from '../../src/artifacts/add.ts';
import { artifactPath, removeArtifact } from '../../src/artifacts/directory.ts';
import { verifyArtifact } from '../../src/artifacts/verify.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { outsideInitialiser, outsideNowhere, torchExport } from '../worker/external-data.ts';
import { linear } from '../worker/onnx.ts';
import { tarOf } from './tar.ts';

const { model, name, data } = torchExport();
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let dataDir: string;
let folder: string;
beforeEach(() => {
  dataDir = temporaryDirectory();
  folder = temporaryDirectory();
});

/** A folder with the model and its data. */
function put(files: Readonly<Record<string, Uint8Array | string>> = { 'cnn.onnx': model, [name]: data }): string {
  for (const [file, bytes] of Object.entries(files)) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), bytes);
  }
  return folder;
}

function tar(entries: Parameters<typeof tarOf>[0]): string {
  const path = join(temporaryDirectory(), 'm.tar');
  writeFileSync(path, tarOf(entries));
  return path;
}

const add = (source: string): Promise<AddedArtifact> => addArtifact(dataDir, source);
function stored(): string[] {
  const directory = join(dataDir, 'artifacts');
  return existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort() : [];
}
const refuses = async (source: string, pattern: RegExp): Promise<void> => {
  await assert.rejects(add(source), (error: Error & { code?: string }) =>
    error.code === 'FILE_UNREADABLE' && pattern.test(error.message) || assert.fail(error.message));
  assert.deepEqual(stored(), [], 'nothing stays of what was refused');
};
const damaged = (artifact: AddedArtifact, pattern: RegExp): Promise<void> =>
  assert.rejects(verifyArtifact(dataDir, artifact), { code: 'ARTIFACT_DAMAGED', message: pattern });

/** The model with another name for its data. */
function naming(...names: readonly string[]): Uint8Array {
  const whole = fromBinary(ModelProtoSchema, model);
  const outside = whole.graph!.initializer.filter(({ externalData }) => externalData.length > 0);
  outside.forEach(({ externalData }, index) => {
    externalData.find(({ key }) => key === 'location')!.value = names[index % names.length]!;
  });
  return toBinary(ModelProtoSchema, whole);
}

suite('an artefact of several files', () => {
  test('is the same one from the model beside its data, from a folder and from a .tar, whatever the model is called', async () => {
    put({ 'cnn.onnx': model, [name]: data, 'README.md': 'read me', 'other/x.onnx': linear() });
    const added = await add(join(folder, 'cnn.onnx'));
    const files = [
      { name: 'model.onnx', sha256: sha256(model), bytes: model.length },
      { name, sha256: sha256(data), bytes: data.length },
    ];
    assert.deepEqual(added.manifest, { kind: 'onnx', files });
    assert.deepEqual([added.bytes, added.created], [model.length + data.length, true]);
    assert.deepEqual(stored(), [added.sha256, `${added.sha256}/${name}`, `${added.sha256}/model.onnx`].sort());
    const path = artifactPath(dataDir, added);
    assert.deepEqual(await verifyArtifact(dataDir, added), { path, kind: 'onnx', dataFiles: [name] });
    assert.equal(path, join(dataDir, 'artifacts', added.sha256, 'model.onnx'));
    renameSync(join(folder, 'cnn.onnx'), join(folder, 'another.ONNX'));
    const others = [
      folder, tar([{ name: 'c.onnx', content: model }, { name, content: data }, { name: 'LICENSE', content: '' }]),
      tar([{ name: './m', type: '5' }, { name: `m/${name}`, content: data }, { name: './m/c.onnx', content: model }]),
    ];
    for (const source of others) assert.deepEqual(await add(source), { ...added, created: false });
    assert.equal(stored().length, 3);
  });

  test('is another one when a byte of its data is, or the name of it', async () => {
    const digests = [(await add(put())).sha256];
    const changed = Buffer.from(data);
    changed[0]! ^= 1;
    digests.push((await add(put({ 'cnn.onnx': model, [name]: changed }))).sha256);
    digests.push((await add(put({ 'cnn.onnx': naming('w/a.bin'), 'w/a.bin': data }))).sha256);
    assert.equal(new Set([...digests, sha256(model)]).size, 4);
  });

  test('keeps data in folders below, and data that two names lead to', async () => {
    const cases = [[['w/a.bin', 'b.bin'], ['b.bin', 'w/a.bin']], [['w/a.bin', './w//a.bin'], ['w/a.bin']]] as const;
    for (const [names, wanted] of cases) {
      const added = await add(put({ 'cnn.onnx': naming(...names), 'w/a.bin': data, 'b.bin': data }));
      assert.deepEqual(added.manifest!.files.map((file) => file.name), ['model.onnx', ...wanted]);
      assert.deepEqual((await verifyArtifact(dataDir, added)).dataFiles, wanted);
    }
  });

  test('is one of one file where the weights are inside, as it always was, and where it is of the runtime\'s own format', async () => {
    const added = await add(put({ 'm.onnx': linear(), 'm.onnx.data': data }));
    assert.deepEqual([added.sha256, added.manifest], [sha256(linear()), undefined]);
    const ort = Buffer.from('\x20\0\0\0ORTM and the rest');
    const other = await add(tar([{ name: 'm.ort', content: ort }]));
    const manifest = { kind: 'ort', files: [{ name: 'model.onnx', sha256: sha256(ort), bytes: ort.length }] };
    assert.deepEqual([other.sha256, other.manifest], [sha256(ort), manifest]);
    assert.deepEqual(stored(), [`${added.sha256}.onnx`, `${other.sha256}.ort`].sort());
    assert.equal((await verifyArtifact(dataDir, other)).kind, 'ort');
  });

  test('refuses data that is missing, no regular file, a link, or behind one', async () => {
    const file = join(put({ 'cnn.onnx': model }), 'cnn.onnx');
    const missing = /cnn\.onnx\.data": weights of "cnn\.onnx" lie in it: it is not there; wanted it beside the model/;
    await refuses(file, missing);
    await refuses(folder, missing);
    await refuses(tar([{ name: 'a/cnn.onnx', content: model }, { name, content: data }]),
      /its file "a\/cnn\.onnx\.data" is not there, and the model "a\/cnn\.onnx" names it/);
    const elsewhere = temporaryDirectory();
    writeFileSync(join(elsewhere, 'd'), data);
    symlinkSync(join(elsewhere, 'd'), join(folder, name));
    await refuses(file, /lie in it: it is a symbolic link; wanted the file itself/);
    rmSync(join(folder, name));
    mkdirSync(join(folder, name));
    await refuses(file, /lie in it: it is a directory; wanted a regular file/);
    rmSync(join(folder, name), { recursive: true });
    assert.equal(spawnSync('mkfifo', [join(folder, name)]).status, 0);
    await refuses(file, /lie in it: it is a named pipe/);
    symlinkSync(elsewhere, join(folder, 'w'));
    await refuses(join(put({ 'cnn.onnx': naming('w/d') }), 'cnn.onnx'), /lie in it: it is a symbolic link/);
  });

  test('refuses names that lead out of the folder, are no names, or stand for something else', async () => {
    for (const [bad, pattern] of [
      ['../cnn.onnx.data', /leads out of its folder/], ['a/../../b', /leads out of its folder/],
      [`${folder}/${name}`, /an absolute path/], ['a\0b', /characters that no name/], ['a\u001b[2J', /\\u001b\[2J/],
      ['*/_ORT_MEM_ADDR_/*', /characters that no name/], ['.', /no name of a file/], ['a/', /no name of a file/],
      ['x'.repeat(256), /at most 1024 bytes, and 255 between/], ['x/'.repeat(600), /no name|at most 1024/],
      ['model.onnx', /its data file is called model\.onnx/],
    ] as const) {
      const source = tar([{ name: 'c.onnx', content: naming(bad) }, { name, content: data }]);
      await refuses(source, pattern);
    }
    await refuses(tar([{ name: 'c.onnx', content: naming('a', 'a/b') }]), /"a" as a file and as a folder/);
    await refuses(tar([{ name: 'c.onnx', content: outsideNowhere() }]), /outside of it, and it does not name the file/);
  });

  test('refuses a folder or an archive with no model or several, and what is packed another way', async () => {
    await refuses(put({ 'a.txt': 'x' }), /no file whose name ends in \.onnx or \.ort/);
    await refuses(put({ 'b.onnx': linear(), 'c.onnx': linear() }), /holds 2 models \("b\.onnx", "c\.onnx"\)/);
    await refuses(tar([{ name: 'a', content: model }]), /no file whose name ends in/);
    await refuses(tar([{ name: '../c.onnx', content: model }]), /leads out of its folder/);
    for (const [head, what] of [['1f8b08', 'a .gz'], ['504b0304', 'a .zip']] as const) {
      const path = join(put({ packed: Buffer.from(`${head}00000000`, 'hex') }), 'packed');
      await refuses(path, new RegExp(`it is ${what}; wanted the model, its folder or a plain \\.tar`));
    }
  });

  test('refuses more data files than an artefact may have', async () => {
    const whole = fromBinary(ModelProtoSchema, outsideInitialiser().model);
    const [tensor] = whole.graph!.initializer.filter(({ externalData }) => externalData.length > 0);
    for (let index = 0; index < 1_024; index += 1) {
      const externalData = [create(StringStringEntryProtoSchema, { key: 'location', value: `w${index}` })];
      whole.graph!.initializer.push({ ...tensor!, externalData });
    }
    await refuses(tar([{ name: 'c.onnx', content: toBinary(ModelProtoSchema, whole) }]), /wanted fewer than 1024/);
  });

  test('finds whatever is changed or missing of it later, and registering it again puts back just that', async () => {
    const added = await add(put());
    const directory = join(dataDir, 'artifacts', added.sha256);
    const inode = statSync(join(directory, 'model.onnx')).ino;
    for (const [harm, pattern] of [
      [() => rmSync(join(directory, name)), /its file "cnn\.onnx\.data": ENOENT/],
      [() => writeFileSync(join(directory, name), Buffer.concat([data, Buffer.of(0)])), /"cnn\.onnx\.data": its cont/],
      [() => writeFileSync(join(directory, name), data.subarray(0, 9)), /its contents have SHA-256/],
    ] as const) {
      harm();
      await damaged(added, pattern);
      assert.deepEqual(await add(folder), { ...added, created: false });
      await verifyArtifact(dataDir, added);
      assert.equal(statSync(join(directory, 'model.onnx')).ino, inode, 'what was whole is not written again');
    }
    rmSync(directory, { recursive: true });
    writeFileSync(directory, '');
    await assert.rejects(add(folder), { code: 'DISK_REFUSED', message: /is no directory; move it away first/ });
  });

  test('is deleted with all that belongs to it, and nothing else is', async () => {
    const [several, one] = [await add(put()), await add(put({ 'cnn.onnx': linear() }))];
    cpSync(join(dataDir, 'artifacts', `${one.sha256}.onnx`), join(dataDir, 'artifacts', 'kept.onnx'));
    await removeArtifact(dataDir, several.sha256);
    assert.deepEqual(stored(), ['kept.onnx', `${one.sha256}.onnx`].sort());
    await removeArtifact(dataDir, one.sha256);
    assert.deepEqual(stored(), ['kept.onnx']);
    assert.deepEqual(readFileSync(join(dataDir, 'artifacts', 'kept.onnx')), Buffer.from(linear()));
  });
});
