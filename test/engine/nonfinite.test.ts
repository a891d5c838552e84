// An answer that is not finite to an input that is not finite counts against no version, whatever way it came in: on a
// real engine whose version has no finite answer to NaN, nor to -1, which is its own fault.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { floatFrame, readFloatAnswer } from '../support/float-frames.ts';
import { http } from '../support/http.ts';
import { oipFrame, readOipFrame } from '../support/oip-frames.ts';
import { postPacked } from '../support/packed-post.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { Type, identity, linear, logarithm } from '../worker/onnx.ts';

const NAN_BYTES = { FP32: 4, FP64: 8, FP16: 2 } as const;
const MODELS = { FP32: 'm', FP64: 'double', FP16: 'half' } as const;
type Float = keyof typeof NAN_BYTES;

function nanOf(datatype: Float): Buffer {
  if (datatype === 'FP64') return Buffer.from(Float64Array.of(NaN).buffer);
  return Buffer.from(datatype === 'FP32' ? Float32Array.of(NaN).buffer : Uint16Array.of(0x7e00).buffer);
}

const tensorOf = (datatype: Float): object =>
  ({ name: 'x', datatype, shape: [1, 1], parameters: { binary_data_size: NAN_BYTES[datatype] } });

describe('An input that is not finite', () => {
  let engine: Engine;
  let port = 0;
  const totals = (model: string) => engine.models.served(model).health!.totals;

  before(async () => {
    engine = await createEngine({ dataDir: temporaryDirectory(), judge: { mode: 'observe', lookMs: 20 } });
    const models = {
      m: logarithm(), sum: linear(),
      double: identity(Type.DOUBLE, ['N', 1]), half: identity(Type.FLOAT16, ['N', 1]),
    };
    for (const [model, bytes] of Object.entries(models)) {
      const path = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(path, bytes);
      await engine.register(model, path, { version: '1', promote: true });
    }
    ({ port } = await engine.listen({ port: 0 }));
  });
  after(() => engine.close());

  /** Asks, and tells how the judge took it: answers that count against the version, and such that do not. */
  async function counted(model: string, requests: number, ask: () => Promise<unknown>): Promise<[number, number]> {
    await until('a first look', () => engine.models.served(model).health !== null);
    const { requests: seen, nonFinite, nonFiniteInputs } = totals(model);
    await ask();
    await until('the judge has seen it', () => totals(model).requests === seen + requests);
    return [totals(model).nonFinite - nonFinite, totals(model).nonFiniteInputs - nonFiniteInputs];
  }

  const json = (path: string, body: string) => async (): Promise<void> => {
    // What is answered may hold tokens that are no JSON.
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body, headers });
    assert.equal(answer.status, 200, await answer.text());
  };
  const oipJson = (...data: string[]) => json('/v2/models/m/infer',
    `{"inputs":[{"name":"x","datatype":"FP32","shape":[${data.length},1],"data":[${data.join(',')}]}]}`);
  const binary = (datatype: Float) => async (): Promise<void> => {
    const header = Buffer.from(JSON.stringify({
      inputs: [tensorOf(datatype)], parameters: { binary_data_output: true },
    }));
    const { status } = await postPacked(port, `/v2/models/${MODELS[datatype]}/infer`,
      Buffer.concat([header, nanOf(datatype)]), { 'inference-header-content-length': String(header.length) });
    assert.equal(status, 200);
  };

  test('and its answer are counted apart, for JSON, raw tensors, frames and TensorFlow Serving', async () => {
    for (const token of ['NaN', 'Infinity', '-Infinity']) {
      // The logarithm of infinity is infinity, that of what lies below 0 no number.
      assert.deepEqual(await counted('m', 1, oipJson(token)), [0, 1], token);
    }
    for (const datatype of ['FP32', 'FP64', 'FP16'] as const) {
      assert.deepEqual(await counted(MODELS[datatype], 1, binary(datatype)), [0, 1], datatype);
    }
    const frame = async (): Promise<void> => {
      const socket = await WebSocketClient.connect(port, { path: '/ws', protocols: 'oip.v2' });
      const asked = { id: 'a', model_name: 'm', inputs: [tensorOf('FP32')], parameters: { binary_data_output: true } };
      socket.send(oipFrame(asked, nanOf('FP32')));
      assert.equal(readOipFrame(await socket.nextBinary()).json['model_version'], '1');
      socket.destroy();
    };
    assert.deepEqual(await counted('m', 1, frame), [0, 1]);
    const floats = async (): Promise<void> => {
      const socket = await WebSocketClient.connect(port, { path: '/ws?model=m', protocols: 'lastgood.f32' });
      socket.send(floatFrame(1, [1, NaN]), floatFrame(2, [1]));
      const answers = [readFloatAnswer(await socket.nextBinary()), readFloatAnswer(await socket.nextBinary())];
      assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
      socket.destroy();
    };
    assert.deepEqual(await counted('m', 2, floats), [0, 1]);
    assert.deepEqual(await counted('m', 1, json('/v1/models/m:predict', '{"instances":[[NaN]]}')), [0, 1]);
  });

  test('so are numbers whose square no float32 holds, where it is chance which version overflows', async () => {
    for (const huge of ['3e38', '-3e38']) {
      const oip = `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[0,0,${huge}]}]}`;
      assert.deepEqual(await counted('sum', 1, json('/v2/models/sum/infer', oip)), [0, 1]);
      assert.deepEqual(await counted('sum', 1, json('/models/sum/predict', `{"features":[0,0,${huge}]}`)), [0, 1]);
      assert.deepEqual(await counted('sum', 1, json('/v1/models/sum:predict', `{"instances":[[0,0,${huge}]]}`)),
        [0, 1]);
      assert.deepEqual(await counted('sum', 1, () => engine.predict('sum', [0, 0, Number(huge)])), [0, 1]);
    }
    const floats = async (): Promise<void> => {
      const socket = await WebSocketClient.connect(port, { path: '/ws?model=sum', protocols: 'lastgood.f32' });
      socket.send(floatFrame(1, [0, 0, 3e38]));
      assert.equal(readFloatAnswer(await socket.nextBinary()).status, 200);
      socket.destroy();
    };
    assert.deepEqual(await counted('sum', 1, floats), [0, 1]);
    const finite = json('/models/sum/predict', '{"features":[3e38,0,0]}');
    assert.deepEqual(await counted('sum', 1, finite), [0, 0], 'a finite answer is one as ever');
  });

  test('spoils no other request: what is finite counts as before', async () => {
    assert.deepEqual(await counted('m', 1, oipJson('-1')), [1, 0]);
    assert.deepEqual(await counted('m', 1, json('/models/m/predict', '{"features":[-1]}')), [1, 0]);
    const together = (): Promise<unknown> => Promise.all([oipJson('-1')(), oipJson('NaN')(), oipJson('1')()]);
    assert.deepEqual(await counted('m', 3, together), [1, 1]);
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const { nonFinite, nonFiniteInputs } = totals('m');
    const countOf = (name: string): number =>
      Number(new RegExp(`^lastgood_${name}_total\\{model="m".*\\} (\\d+)$`, 'm').exec(page)?.[1]);
    assert.deepEqual([countOf('nonfinite_inputs'), countOf('nonfinite_outputs')], [nonFiniteInputs, nonFinite]);
  });

  test('is no JSON that /predict and lastgood.json take; to the library it is a missing value', async () => {
    assert.deepEqual(await counted('m', 1, () => engine.predict('m', [NaN])), [0, 1]);
    assert.deepEqual(await counted('m', 1, () => engine.predictMany('m', [[1], [NaN]])), [0, 1]);
    const { status } = await http(port, '/models/m/predict', { body: '{"features":[NaN]}' });
    assert.equal(status, 400);
    const socket = await WebSocketClient.connect(port, { path: '/ws?model=m' });
    socket.send('{"id":"a","model":"m","features":[NaN]}');
    assert.equal(typeof (await socket.nextJson())['code'], 'string');
    socket.destroy();
  });
});
