// Classifiers as their libraries export them, through the whole engine: each answers what onnxruntime answers in Python
// over every protocol, with the names of its classes, and after a restart in which what is derived of it was lost.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createEngine } from '../../src/index.ts';
import { EXPORTED } from '../onnx/exported.ts';
import type { Exported } from '../onnx/exported.ts';
import { lastgood, Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const dataDir = join(temporaryDirectory(), 'data');

/** Equal to the last bits of float32. */
function assertNear(got: readonly unknown[], wanted: readonly unknown[], about: string): void {
  assert.equal(got.length, wanted.length, about);
  wanted.forEach((value, at) => {
    const found = got[at];
    if (typeof value === 'number') assert.ok(Math.abs((found as number) - value) <= 1e-6, `${about}: ${String(found)}`);
    else assert.equal(found, value, about);
  });
}

interface OipOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
  readonly parameters?: { readonly labels?: readonly unknown[] };
}

async function oip(server: Server, { name, input, rows, outputs, labels }: Exported): Promise<void> {
  const inputs = [{ name: input, datatype: 'FP32', shape: [rows.length, 4], data: rows.flat() }];
  const body = JSON.stringify({ inputs });
  const { status, json, text } = await http(server.port, `/v2/models/${name}/infer`, { body });
  assert.equal(status, 200, text);
  const answered = json['outputs'] as readonly OipOutput[];
  assert.deepEqual(answered.map((output) => output.name), Object.keys(outputs), name);
  for (const output of answered) {
    const wanted = outputs[output.name]!;
    assert.deepEqual(output.shape, wanted.shape, name);
    assertNear(output.data, wanted.data, `${name} ${output.name}`);
    assert.deepEqual(output.parameters?.labels, labels[output.name], name);
  }
  const { json: metadata } = await http(server.port, `/v2/models/${name}`, {});
  const described = (metadata['outputs'] as readonly OipOutput[]).map(({ name: output, parameters }) =>
    [output, parameters?.labels]);
  assert.deepEqual(described, Object.keys(outputs).map((output) => [output, labels[output]]));
}

async function predict(server: Server, { name, rows, outputs, labels }: Exported): Promise<void> {
  for (const [index, row] of rows.entries()) {
    const { json } = await http(server.port, `/models/${name}/predict`, { body: JSON.stringify({ features: row }) });
    const prediction = json['prediction'] as Readonly<Record<string, unknown>>;
    for (const [output, { shape, data }] of Object.entries(outputs)) {
      const width = shape[1] ?? 1;
      const wanted = data.slice(index * width, (index + 1) * width);
      assertNear([prediction[output]].flat(), wanted, `${name} ${output}`);
    }
    assert.deepEqual(json['labels'], Object.keys(labels).length === 0 ? undefined : labels);
  }
}

suite('a classifier as its library exports it', () => {
  test('is registered as it was given, says what is loaded of it, and answers as it does in Python', async () => {
    for (const { name, path } of EXPORTED) {
      const { code, stdout, stderr } = await lastgood(['register', name, path, '--promote', '--data', dataDir]);
      assert.equal(code, 0, stderr);
      assert.equal(/loaded: what open-(zipmap\/1|sequence\/2)/.test(stdout), /zipmap|multioutput/.test(name), stdout);
    }
    const artifacts = join(dataDir, 'artifacts');
    const given = readdirSync(artifacts).filter((name) => name.endsWith('.onnx')).map((name) =>
      readFileSync(join(artifacts, name)).toString('base64')).sort();
    assert.deepEqual(given, EXPORTED.map(({ bytes }) => Buffer.from(bytes).toString('base64')).sort());
    for (const wasLost of [false, true]) {
      if (wasLost) {
        const derived = readdirSync(artifacts).filter((name) => name.endsWith('.derived'));
        assert.equal(derived.length, 10);
        for (const name of derived) rmSync(join(artifacts, name));
        const { code, stdout } = await lastgood(['doctor', '--data', dataDir]);
        assert.equal(code, 0, stdout);
        assert.equal(stdout.match(/open-zipmap\/1.* is missing or damaged/g)?.length, 8, stdout);
      }
      const server = await Server.start(dataDir, ['--no-supervisor', '--workers', '1']);
      for (const one of EXPORTED) {
        await oip(server, one);
        await predict(server, one);
      }
      assert.equal(await server.stop(), 0);
    }
    assert.equal((await lastgood(['doctor', '--data', dataDir])).stdout.match(/missing or damaged/), null);
  });

  test('with other names for its classes is another signature', async () => {
    const engine = await createEngine({ dataDir: temporaryDirectory() });
    const [integers, texts] = ['catboost-zipmap', 'catboost-text-zipmap'].map((name) =>
      EXPORTED.find((one) => one.name === name)!.path) as [string, string];
    await engine.register('m', integers, { promote: true });
    const { warnings } = await engine.register('m', texts);
    assert.match(warnings.join(), /its signature differs/);
    await engine.close();
  });
});
