// A model in two files, on every way into the engine: refused in the same words, and nothing of it stays.
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { isLastgoodError } from '../../src/base/errors.ts';
import { createEngine } from '../../src/index.ts';
import { lastgood, Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { outsideInitialiser, torchExport } from '../worker/external-data.ts';
import { linear } from '../worker/onnx.ts';

const TOKEN = 'a-token-of-the-test';
const REFUSAL = /its weights lie outside of it \(external data in "[a-z.]+"\).*wanted one with its weights inside/;
const folder = temporaryDirectory();
const dataDir = join(folder, 'data');
const artifacts = join(dataDir, 'artifacts');
const write = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};
const good = write('good.onnx', linear());
const cases = [torchExport(), outsideInitialiser()].map((one, index) => {
  write(one.name, one.data);
  return { ...one, file: write(`${index}.onnx`, one.model) };
});

/** Asks with the other file beside the model, then where a session on the artefact would find it. */
async function refusesAll(register: (file: string, bytes: Uint8Array) => Promise<string>): Promise<void> {
  for (const { model, name, data, file } of cases) {
    const before = readdirSync(artifacts);
    assert.match(await register(file, model), REFUSAL);
    assert.deepEqual(readdirSync(artifacts), before, 'nothing stays');
    writeFileSync(join(artifacts, name), data);
    assert.match(await register(file, model), REFUSAL);
  }
}

async function overVerb(file: string): Promise<string> {
  const { code, stderr } = await lastgood(['register', 'm', file, '--promote', '--data', dataDir]);
  assert.equal(code, 1);
  return stderr;
}

suite('a model in two files', () => {
  test('is refused by the verb without an engine', async () => {
    const { code, stderr } = await lastgood(['register', 'm', good, '--promote', '--data', dataDir]);
    assert.equal(code, 0, stderr);
    await refusesAll(overVerb);
  });

  test('is refused by the verb with an engine, and as bytes over HTTP, while the engine answers', async () => {
    const options = ['--no-supervisor', '--admin-token', TOKEN, '--model-control', 'explicit'];
    const server = await Server.start(dataDir, options);
    const headers = { authorization: `Bearer ${TOKEN}` };
    await refusesAll(overVerb);
    await refusesAll(async (_, bytes) => {
      const body = JSON.stringify({ parameters: { 'file:2/model.onnx': Buffer.from(bytes).toString('base64') } });
      const { status, json } = await http(server.port, '/v2/repository/models/m/load', { body, headers });
      assert.deepEqual([status, json['code']], [422, 'TRIAL_FAILED']);
      return String(json['error']);
    });
    const { json } = await http(server.port, '/predict', { body: '{"features":[1,0,0]}' });
    assert.deepEqual([json['prediction'], json['model_version']], [1.5, '1']);
    assert.equal(await server.stop(), 0);
  });

  test('is refused by the library', async () => {
    const engine = await createEngine({ dataDir });
    await refusesAll((file) => engine.register('m', file).then(() => 'registered', (error: unknown) => {
      assert.ok(isLastgoodError(error) && error.code === 'TRIAL_FAILED');
      return error.message;
    }));
    await engine.close();
  });
});
