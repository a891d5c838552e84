// Which model answers where none is named: one that others take nothing from, whatever is registered, promoted or
// started again.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import type { EngineOptions } from '../../../src/options/options.ts';
import { http } from '../../support/http.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { WebSocketClient } from '../../support/websocket-client.ts';
import { linear } from '../../worker/onnx.ts';

const file = join(temporaryDirectory(), 'model.onnx');
writeFileSync(file, linear());

/** What each unnamed route says: the status of a prediction, the model of the health, the code of a socket's answer. */
async function unnamed(engine: Engine): Promise<readonly unknown[]> {
  const { port } = engine.front ?? await engine.listen({ port: 0 });
  const answer = await http(port, '/predict', { body: '{"features":[1,2,3]}' });
  const health = await http(port, '/health');
  const socket = await WebSocketClient.connect(port, { path: '/ws' });
  socket.send('{"id":1,"features":[1,2,3]}');
  const frame = await socket.nextJson();
  socket.destroy();
  return [answer.status, health.json['model'] ?? health.json['code'], frame['code'] ?? 'answered'];
}

const open = (dataDir: string, options: EngineOptions = {}): Promise<Engine> =>
  createEngine({ dataDir, workers: 1, standby: 'cold', judge: { mode: 'observe' }, ...options });

suite('The default model', () => {
  test('is the one that had an active version first, whatever comes later, also after a restart', async () => {
    const dataDir = temporaryDirectory();
    let engine = await open(dataDir);
    await engine.register('older', file, { version: '1' });
    await engine.register('b', file, { version: '1' });
    assert.equal((await engine.status()).defaultModel, null);
    assert.deepEqual(await unnamed(engine), [404, 'NO_DEFAULT_MODEL', 'NO_DEFAULT_MODEL']);
    await engine.promote('b', '1');
    assert.deepEqual(await unnamed(engine), [200, 'b', 'answered'], 'models without an active version do not count');
    await engine.register('a', file, { version: '1' });
    assert.deepEqual(await unnamed(engine), [200, 'b', 'answered']);
    await engine.promote('older', '1');
    await engine.register('a', file, { version: '2', promote: true });
    assert.deepEqual(await unnamed(engine), [200, 'b', 'answered']);
    await engine.register('b', file, { version: '2', promote: true });
    await engine.close();
    engine = await open(dataDir);
    assert.deepEqual(await unnamed(engine), [200, 'b', 'answered'], 'after a restart and a promote of its own');
    assert.equal((await engine.status()).defaultModel, 'b');
    await engine.close();
    engine = await open(dataDir, { defaultModel: 'a' });
    assert.deepEqual(await unnamed(engine), [200, 'a', 'answered'], 'the option wins');
    await engine.close();
  });
});
