// A model in several files, on every way into the engine: it answers as its weights say, goes back to the weights of
// the version before, and is found damaged when anything of it is changed; what nobody registered is never read.
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { VersionRecord } from '../../src/domain/records.ts';
import { createEngine } from '../../src/index.ts';
import { tarOf } from '../artifacts/tar.ts';
import { lastgood, Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { outsideInitialiser } from '../worker/external-data.ts';

const TOKEN = 'a-token-of-the-test';
const BODY = '{"features":[1,2,3]}';
const { model, name } = outsideInitialiser();
/** The model answers the row 1, 2, 3 with these weights as `scale` * 321 + 0.5. */
const weights = (scale: number): Buffer => Buffer.from(Float32Array.of(scale, 10 * scale, 100 * scale).buffer);
const wanted = (scale: number): number => 321 * scale + 0.5;

/** The model beside weights of its own, as people have it on their disk. */
function folderOf(scale: number): string {
  const folder = join(temporaryDirectory(), 'exported');
  mkdirSync(folder);
  writeFileSync(join(folder, 'm.onnx'), model);
  writeFileSync(join(folder, name), weights(scale));
  return folder;
}

function tarFile(scale: number): string {
  const path = join(temporaryDirectory(), 'm.tar');
  writeFileSync(path, tarOf([{ name: 'm/m.onnx', content: model }, { name: `m/${name}`, content: weights(scale) }]));
  return path;
}

async function run(args: readonly string[], dataDir: string): Promise<string> {
  const { code, stdout, stderr } = await lastgood([...args, '--data', dataDir]);
  assert.equal(code, 0, stderr);
  return stdout;
}

async function answer(server: Server): Promise<unknown[]> {
  const { json } = await http(server.port, '/predict', { body: BODY });
  return [json['prediction'], json['model_version']];
}

const artifactOf = (dataDir: string, { sha256 }: VersionRecord): string => join(dataDir, 'artifacts', sha256);
async function versionsOf(dataDir: string): Promise<readonly VersionRecord[]> {
  const status = JSON.parse(await run(['status', '--json'], dataDir)) as {
    readonly models: readonly [{ readonly versions: readonly VersionRecord[] }];
  };
  return status.models[0].versions;
}

suite('a model in several files', () => {
  test('is served from every form of it, goes back to its own weights, and reads nothing that was put beside it', async () => {
    const dataDir = join(temporaryDirectory(), 'data');
    await run(['register', 'm', join(folderOf(1), 'm.onnx'), '--promote'], dataDir);
    const options = ['--no-supervisor', '--admin-token', TOKEN, '--model-control', 'explicit'];
    let server = await Server.start(dataDir, options);
    assert.deepEqual(await answer(server), [wanted(1), '1']);
    await run(['confirm', 'm'], dataDir);
    await run(['register', 'm', folderOf(2), '--promote'], dataDir);
    assert.deepEqual(await answer(server), [wanted(2), '2']);
    await run(['register', 'm', tarFile(3), '--promote'], dataDir);
    assert.deepEqual(await answer(server), [wanted(3), '3']);
    const file = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
    const parameters = { 'file:4/m.onnx': file(model), [`file:4/${name}`]: file(weights(4)) };
    const headers = { authorization: `Bearer ${TOKEN}` };
    const body = JSON.stringify({ parameters });
    const loaded = await http(server.port, '/v2/repository/models/m/load', { body, headers });
    assert.equal(loaded.status, 200, loaded.text);
    assert.deepEqual(await answer(server), [wanted(4), '4']);

    // Weights in every place where a session, or a person in a hurry, might look for them.
    const artifacts = join(dataDir, 'artifacts');
    for (const folder of [dataDir, artifacts]) writeFileSync(join(folder, name), weights(99));
    for (const version of await versionsOf(dataDir)) {
      writeFileSync(`${artifactOf(dataDir, version)}.${name}`, weights(99));
    }
    await run(['rollback', 'm', '--to', '1'], dataDir);
    assert.deepEqual(await answer(server), [wanted(1), '1']);
    assert.equal(await server.stop(), 0);
    server = await Server.start(dataDir, options);
    assert.deepEqual(await answer(server), [wanted(1), '1']);
    assert.equal(await server.stop(), 0);
    const { stdout, code } = await lastgood(['doctor', '--data', dataDir]);
    assert.equal(code, 0, stdout);
    assert.equal(stdout.match(/no file of lastgood/g)?.length, 5, stdout);
  });

  test('of which anything was changed is found by doctor and by the next start, and registering it again heals it', async () => {
    const dataDir = join(temporaryDirectory(), 'data');
    for (const scale of [1, 2]) {
      await run(['register', 'm', folderOf(scale), '--promote'], dataDir);
      await run(['confirm', 'm'], dataDir);
    }
    const [first, second] = (await versionsOf(dataDir)) as [VersionRecord, VersionRecord];
    const [good, bad] = [first, second].map((version) => artifactOf(dataDir, version)) as [string, string];
    // As an attacker would, who has the hash of the model and changes its weights.
    copyFileSync(join(good, name), join(bad, name));
    const found = await lastgood(['doctor', '--data', dataDir]);
    assert.equal(found.code, 1);
    assert.match(found.stdout, /version 2 of m.*\n?.*its file "weights\.bin": its contents have SHA-256/);
    const server = await Server.start(dataDir, ['--no-supervisor']);
    assert.deepEqual(await answer(server), [wanted(1), '1']);
    assert.equal(await server.stop(), 0);
    rmSync(join(bad, name));
    await run(['register', 'm', tarFile(2), '--version', 'again'], dataDir);
    assert.equal((await lastgood(['doctor', '--data', dataDir])).code, 0);
    await run(['remove', 'm', 'again'], dataDir);
    assert.deepEqual(readdirSync(bad).sort(), ['model.onnx', name], 'version 2 still needs it');
    await run(['remove', 'm', '2'], dataDir);
    assert.deepEqual(readdirSync(join(dataDir, 'artifacts')), [first.sha256]);
  });

  test('is served by the library, and its data file is read at registration alone', async () => {
    const dataDir = temporaryDirectory();
    const engine = await createEngine({ dataDir });
    const folder = folderOf(5);
    const { sha256 } = await engine.register('m', folder, { promote: true });
    rmSync(folder, { recursive: true });
    assert.ok((await engine.status('m')).models[0]!.versions.some((version) => version.sha256 === sha256));
    await assert.rejects(engine.register('m', join(folder, 'm.onnx')), { code: 'FILE_UNREADABLE' });
    cpSync(folderOf(6), folder, { recursive: true });
    rmSync(join(folder, name));
    await assert.rejects(engine.register('m', folder), { code: 'FILE_UNREADABLE', message: /wanted it beside the mo/ });
    await engine.close();
  });
});
