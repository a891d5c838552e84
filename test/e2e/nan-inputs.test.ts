// Missing values, NaN and in JSON null: what the trial learns of them, and what becomes of a request that has one, by
// every protocol.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { NanInputs } from '../../src/domain/records.ts';
import { isLastgoodError } from '../../src/base/errors.ts';
import { floatFrame, readFloatAnswer } from '../support/float-frames.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { Type, floats, lookup, model, node } from '../worker/onnx.ts';

const ENDS = { inputs: [['x', Type.FLOAT, ['N', 1]]], outputs: [['y', Type.FLOAT, ['N', 1]]] } as const;
const MODELS = {
  /** 5 for what is missing. */
  fills: model({
    ...ENDS, constants: [floats('five', [1], [5])],
    nodes: [node('IsNaN', ['x'], 'missing'), node('Where', ['missing', 'five', 'x'], 'y')],
  }),
  spreads: model({ ...ENDS, nodes: [node('Neg', ['x'], 'y')] }),
  /** What is no number is looked up where nothing is. */
  fails: lookup(),
} as const;
type Name = keyof typeof MODELS;

const NAN_BYTES = Buffer.from(Float32Array.of(NaN).buffer);

describe('Missing values', () => {
  let engine: Engine;
  let port = 0;
  before(async () => {
    const options = { workers: 1, standby: 'cold', judge: { mode: 'observe' } } as const;
    engine = await createEngine({ dataDir: temporaryDirectory(), ...options });
    ({ port } = await engine.listen({ port: 0 }));
    for (const name of Object.keys(MODELS) as Name[]) await register(name, name);
  });
  after(() => engine.close());

  const register = async (model: string, name: Name, nanInputs?: NanInputs): ReturnType<Engine['register']> => {
    const file = join(temporaryDirectory(), 'm.onnx');
    writeFileSync(file, MODELS[name]);
    return engine.register(model, file, { promote: true, ...(nanInputs !== undefined && { nanInputs }) });
  };

  /** What comes of one missing value, by each way in which a client can send it: a number's text or an error's code. */
  const waysOf = (model: string): Readonly<Record<string, () => Promise<string>>> => {
    const post = async (path: string, body: string | Uint8Array, headers = {}): Promise<string> => {
      const url = `http://127.0.0.1:${port}${path}`;
      const json = { 'content-type': 'application/json', ...headers };
      return told(await (await fetch(url, { method: 'POST', body, headers: json })).text());
    };
    const told = (text: string): string =>
      /"code":"(\w+)"/.exec(text)?.[1] ??
      /"(?:predictions?|outputs|data)":[[{"y:]*([^\]},]+)/.exec(text.replace(/^.*"shape"/, ''))![1]!;
    const over = async (protocol: string, frame: string | Buffer): Promise<string> => {
      const socket = await WebSocketClient.connect(port, { path: `/ws?model=${model}`, protocols: protocol });
      socket.send(frame);
      const answer = typeof frame === 'string' ? told(await socket.next()) : readFloatAnswer(await socket.nextBinary());
      socket.destroy();
      return typeof answer === 'string' ? answer : answer.code ?? String(answer.values[0]);
    };
    const oip = (data: string): string => `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,1]${data}}]}`;
    const library = async (value: number | null): Promise<string> => {
      try {
        return JSON.stringify((await engine.predict(model, [value])).prediction);
      } catch (error) {
        assert.ok(isLastgoodError(error), String(error));
        return error.code;
      }
    };
    const head = oip('');
    return {
      'null in features': () => post(`/models/${model}/predict`, '{"features":[null]}'),
      'null in instances': () => post(`/models/${model}/predict`, '{"instances":[[[null]]]}'),
      'null by name': () => post(`/models/${model}/predict`, '{"other":{},"features":{"x":null}}'),
      'null in lastgood.json': () => over('lastgood.json', '{"id":1,"features":[null]}'),
      'null in rows of TFS': () => post(`/v1/models/${model}:predict`, '{"instances":[[null]]}'),
      'null in columns of TFS': () => post(`/v1/models/${model}:predict`, '{"inputs":[[null]]}'),
      'NaN in TFS': () => post(`/v1/models/${model}:predict`, '{"inputs":[[NaN]]}'),
      'null in OIP': () => post(`/v2/models/${model}/infer`, oip(',"data":[null]')),
      'null in OIP, nested': () => post(`/v2/models/${model}/infer`, oip(',"data":[[null]]')),
      'NaN in OIP': () => post(`/v2/models/${model}/infer`, oip(',"data":[NaN]')),
      'NaN as bytes in OIP': () => post(`/v2/models/${model}/infer`, Buffer.concat([Buffer.from(head), NAN_BYTES]),
        { 'inference-header-content-length': String(head.length) }),
      'NaN in lastgood.f32': () => over('lastgood.f32', floatFrame(1, [NaN])),
      'null in the library': () => library(null),
      'NaN in the library': () => library(NaN),
    };
  };

  const allAre = async (model: string, isRight: (answer: string) => boolean): Promise<void> => {
    for (const [way, ask] of Object.entries(waysOf(model))) {
      const answer = await ask();
      assert.ok(isRight(answer), `${model}, ${way}: ${answer}`);
    }
  };
  const isNothing = (answer: string): boolean => answer === 'null' || answer === 'NaN';
  const isRefused = (answer: string): boolean => answer === 'NON_FINITE_INPUT';

  test('are asked about in the trial, which tells what came of them', async () => {
    const { models } = await engine.status();
    const told = models.map(({ model, versions }) => [model.model, versions[0]!.trial.nanAnswers]);
    assert.deepEqual(new Map(told as [string, string][]),
      new Map([['fills', 'finite'], ['spreads', 'not finite'], ['fails', 'failure']]));
  });

  test('are NaN to the model, whatever way they come', async () => {
    await allAre('fills', (answer) => answer === '5');
    await allAre('spreads', isNothing);
    const { counts } = engine.models.served('spreads').batcher;
    assert.ok(counts.answered >= 14);
  });

  test('are refused of a version that failed at them in its trial, so that none makes it look broken', async () => {
    await allAre('fails', isRefused);
    assert.equal((await engine.predict('fails', [1])).prediction, 0.5);
    await register('trusted', 'fails', 'allow');
    await allAre('trusted', (answer) => answer === 'MODEL_FAILED');
  });

  test('are refused of any version by an operator\'s word, infinities too, and others are answered', async () => {
    await register('strict', 'fills', 'refuse');
    await allAre('strict', isRefused);
    const { models: [strict] } = await engine.status('strict');
    assert.deepEqual(strict!.versions[0]!.declared, { nanInputs: 'refuse' });
    const headers = { 'content-type': 'application/json' };
    const infinite = { method: 'POST', body: '{"inputs":[[-Infinity]]}', headers };
    const refused = await fetch(`http://127.0.0.1:${port}/v1/models/strict:predict`, infinite);
    assert.equal(refused.status, 400);
    assert.match(await refused.text(), /input \\"x\\": it holds NaN, null or an infinity.*--nan-inputs allow/);
    const values = Array.from({ length: 64 }, (_, at) => (at % 2 === 0 ? at : NaN));
    const answers = await Promise.allSettled(values.map((value) => engine.predict('strict', [value])));
    for (const [at, answer] of answers.entries()) {
      if (at % 2 === 1) assert.equal((answer as PromiseRejectedResult).status, 'rejected');
      else assert.equal((answer as PromiseFulfilledResult<{ prediction: unknown }>).value.prediction, at);
    }
  });
});
