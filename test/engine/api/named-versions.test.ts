// --named-versions off: nobody chooses the version that answers, on any route and over any protocol, so that nobody can
// search for inputs at which two of them differ. What names no version is answered as always.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { http } from '../../support/http.ts';
import { oipFrame } from '../../support/oip-frames.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { WebSocketClient } from '../../support/websocket-client.ts';
import { linear } from '../../worker/onnx.ts';

const INPUT = { name: 'x', shape: [1, 3], datatype: 'FP32', data: [1, 2, 3] };

suite('--named-versions off', () => {
  let engine: Engine;
  let port = 0;

  before(async () => {
    engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1, namedVersions: 'off' });
    for (const [version, bias] of [['1', 0], ['2', 1]] as const) {
      const file = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(file, linear(bias));
      await engine.register('m', file, { version, promote: true });
    }
    ({ port } = await engine.listen({ port: 0 }));
  });
  after(() => engine.close());

  const code = async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await http(port, path, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
    return answer.json['code'] ?? answer.status;
  };

  test('refuses every route that names one, the active one and one that is not there too', async () => {
    for (const version of ['1', '9']) {
      const [oip, tfs] = [`/v2/models/m/versions/${version}`, `/v1/models/m/versions/${version}`];
      for (const path of [oip, `${oip}/config`, `${oip}/stats`, `${oip}/ready`, tfs, `${tfs}/metadata`]) {
        assert.equal(await code('GET', path), 'NAMED_VERSIONS_OFF', path);
      }
      assert.equal(await code('POST', `${oip}/infer`, { inputs: [INPUT] }), 'NAMED_VERSIONS_OFF');
      assert.equal(await code('POST', `${tfs}:predict`, { instances: [[1, 2, 3]] }), 'NAMED_VERSIONS_OFF');
      for (const protocols of ['lastgood.json', 'lastgood.f32', 'oip.v2']) {
        const client = await WebSocketClient.connect(port, { path: `/ws?model=m&version=${version}`, protocols });
        assert.equal(client.status, 403, protocols);
        client.destroy();
      }
    }
  });

  test('refuses a frame that names one', async () => {
    const client = await WebSocketClient.connect(port, { protocols: 'oip.v2' });
    client.send(oipFrame({ model_name: 'm', model_version: '1', id: 'a', inputs: [INPUT] }));
    assert.match((await client.nextBinary()).toString(), /NAMED_VERSIONS_OFF/);
    client.destroy();
  });

  test('refuses labels of versions that do not answer', async () => {
    const path = '/v1/models/m/labels/lastgood';
    assert.equal(await code('POST', `${path}:predict`, { instances: [[1, 2, 3]] }), 'NAMED_VERSIONS_OFF');
    assert.equal(await code('GET', path), 'NAMED_VERSIONS_OFF');
  });

  test('answers what names none', async () => {
    assert.equal(await code('POST', '/v2/models/m/infer', { inputs: [INPUT] }), 200);
    assert.equal(await code('POST', '/v1/models/m/labels/active:predict', { instances: [[1, 2, 3]] }), 200);
    assert.equal(await code('GET', '/v2/models/m/ready'), 200);
    assert.equal(await code('GET', '/v1/models/m'), 200);
  });
});
