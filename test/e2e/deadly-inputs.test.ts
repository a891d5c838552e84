// Requests that make the runtime kill the process: whoever does it again when it is asked alone is to blame, the
// version or the request; nobody else pays, and however many there are, the service goes on.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { AdminClient } from '../../src/admin/client.ts';
import { connectAdmin } from '../../src/admin/client.ts';
import type { ModelStatus } from '../../src/admin/answers.ts';
import { RESTARTS_MAX } from '../../src/cli/serve/restart-policy.ts';
import { Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { until, untilResolved } from '../support/poll.ts';
import { actor } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { fatal } from '../worker/hostile-onnx.ts';
import { linear } from '../worker/onnx.ts';

const headers = { 'content-type': 'application/json' };
const DEADLINE_MS = 60_000;

interface Files {
  readonly [model: string]: Readonly<Record<string, Uint8Array>>;
}
interface Served {
  readonly dataDir: string;
  readonly server: Server;
}

/** Serves versions of models, in order, the last one of each active and on probation. */
async function serve(files: Files): Promise<Served> {
  const dataDir = temporaryDirectory();
  const server = await Server.start(dataDir, ['--judge-mode', 'observe', '--workers', '1']);
  after(() => server.process.kill('SIGKILL'));
  const admin = await adminOf(dataDir);
  for (const [model, versions] of Object.entries(files)) {
    for (const [version, bytes] of Object.entries(versions)) {
      const file = join(temporaryDirectory(), `${version}.onnx`);
      writeFileSync(file, bytes);
      await admin.register({ model, version, file, promote: true }, actor);
      if (version !== Object.keys(versions).at(-1)) await admin.confirm({ model }, actor);
    }
  }
  return { dataDir, server };
}

async function adminOf(dataDir: string): Promise<AdminClient> {
  const admin = await connectAdmin(dataDir);
  assert.ok(admin);
  return admin;
}

async function statusOf(dataDir: string, model: string): Promise<ModelStatus> {
  const { models: [one] } = await (await adminOf(dataDir)).status({ model });
  assert.ok(one);
  return one;
}

const ask = (port: number, model: string, features: readonly number[]): ReturnType<typeof http> =>
  http(port, `/models/${model}/predict`, { body: JSON.stringify({ features }), headers });

async function kill({ server }: Served, model: string, features: readonly number[]): Promise<void> {
  const { length } = server.starts;
  await assert.rejects(ask(server.port, model, features), `${features.join()} ends the process`);
  await until('another engine is ready', () => server.starts.length === length + 1, DEADLINE_MS);
}

const answers = (port: number, model: string): Promise<void> => untilResolved('it answers', async () =>
  (await ask(port, model, [1, 2, 3])).status === 200, DEADLINE_MS);

describe('a request that ends the process', () => {
  test('on the active version only takes that out at once, and nobody on probation beside it', async () => {
    const served = await serve({ m: { good: linear(), bad: fatal() }, other: { one: linear(), two: linear(1) } });
    const { dataDir, server } = served;
    await kill(served, 'm', [-1, 0, 0]);
    await untilResolved('the version before serves', async () =>
      (await statusOf(dataDir, 'm')).model.activeVersion === 'good', DEADLINE_MS);
    const { versions, recentDecisions: [decision], refused } = await statusOf(dataDir, 'm');
    assert.equal(versions.find(({ version }) => version === 'bad')?.health, 'unhealthy');
    assert.match(String(decision?.reason), /"bad": a request ended the process \(SIGFPE\).*version "good" answers it/);
    assert.deepEqual(refused, []);
    assert.equal((await ask(server.port, 'm', [-1, 0, 0])).status, 200);
    const other = await statusOf(dataDir, 'other');
    assert.deepEqual([other.model.activeVersion, other.phase], ['two', 'probation']);
    assert.match(server.log, /"running":\["m bad"\]/);
    assert.equal(await server.stop(), 0);
  });

  test('on the version before as well is refused for a while, and a stop of the process forgets it', async () => {
    const served = await serve({ m: { one: fatal(), two: fatal(1) }, other: { one: linear() } });
    const { dataDir, server } = served;
    await kill(served, 'm', [-1, 0, 0]);
    await untilResolved('the request is known', async () =>
      (await statusOf(dataDir, 'm')).refused.length === 1, DEADLINE_MS);
    const refused = await ask(server.port, 'm', [-1, 0, 0]);
    assert.deepEqual([refused.status, refused.json['code']], [422, 'INPUT_REFUSED']);
    assert.ok(Number(refused.headers['retry-after']) > 500, 'it says when it may come again');
    await answers(server.port, 'm');
    const { model, versions, refused: [one] } = await statusOf(dataDir, 'm');
    assert.equal(model.activeVersion, 'two');
    assert.deepEqual(versions.map(({ health }) => health).includes('unhealthy'), false);
    assert.match(String(one?.why), /ended the process \(SIGFPE\) when it was asked again, and version "one" too/);
    // The next engine knows it as well.
    process.kill(server.pid, 'SIGKILL');
    await until('a third engine is ready', () => server.starts.length === 3, DEADLINE_MS);
    await answers(server.port, 'm');
    assert.equal((await ask(server.port, 'm', [-1, 0, 0])).status, 422);
    assert.equal(server.starts.length, 3);
    assert.equal(await server.stop(), 0);
  });

  test('may come in as many shapes as it likes: others are answered, and the supervisor stays', async () => {
    const served = await serve({ m: { only: fatal() }, other: { one: linear() } });
    const { dataDir, server } = served;
    for (let seed = 1; seed <= RESTARTS_MAX + 1; seed += 1) {
      await kill(served, 'm', [-seed, 0, 0]);
      await answers(server.port, 'other');
      await answers(server.port, 'm');
    }
    assert.equal((await statusOf(dataDir, 'other')).model.activeVersion, 'one');
    assert.equal((await statusOf(dataDir, 'm')).model.activeVersion, 'only');
    await untilResolved('the last of them is known', async () =>
      (await statusOf(dataDir, 'm')).refused.length > 0, DEADLINE_MS);
    assert.equal(await server.stop(), 0);
  });
});
