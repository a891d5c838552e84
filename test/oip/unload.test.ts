// A model that was unloaded stays so, whoever serves the directory next, until somebody loads it.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { http } from '../support/http.ts';
import { untilResolved } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { linear } from '../worker/onnx.ts';

test('unload holds over a restart and for followers, and load brings back what was active', async () => {
  const dataDir = temporaryDirectory();
  const file = join(temporaryDirectory(), 'm.onnx');
  writeFileSync(file, linear());
  const serve = async (follow = false): Promise<[Engine, number]> => {
    const engine = await createEngine({
      dataDir, follow, workers: 1, modelControl: 'explicit', judge: { mode: 'observe' },
    });
    return [engine, (await engine.listen({ port: 0 })).port];
  };
  const change = async (port: number, verb: 'load' | 'unload'): Promise<void> => {
    assert.equal((await http(port, `/v2/repository/models/m/${verb}`, { body: '{}' })).status, 200);
  };
  const ask = async (port: number): Promise<unknown> => {
    const { json } = await http(port, '/models/m/predict', { body: '{"features":[1,0,0]}' });
    return json['code'] ?? json['prediction'];
  };

  const [first, port] = await serve();
  await first.register('m', file, { version: '1', promote: true });
  const [follower, followerPort] = await serve(true);
  await change(port, 'unload');
  await untilResolved('the follower lets it go', async () => (await ask(followerPort)) === 'MODEL_UNLOADED');
  await follower.close();
  await first.close();

  const [second, secondPort] = await serve();
  assert.equal(await ask(secondPort), 'MODEL_UNLOADED');
  await change(secondPort, 'load');
  assert.equal(await ask(secondPort), 1.5);
  await second.close();

  const [third, thirdPort] = await serve();
  assert.equal(await ask(thirdPort), 1.5);
  const told = third.context.registry.history('m').map(({ kind, by }) => `${kind} by ${by}`);
  assert.deepEqual(told.slice(0, 2), ['load by http', 'unload by http']);
  await third.close();
});
