// An engine whose event loop stands still is killed by its supervisor and started again; one that somebody stopped by
// hand is not.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAdmin } from '../../src/admin/client.ts';
import { Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { parseMetrics } from '../support/prometheus.ts';
import { actor } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { linear } from '../worker/onnx.ts';

const STALLED_MS = 2_000;
/** Loaded into the engine by Node itself, not by the engine: at SIGUSR2 its main thread waits for ever. */
const STANDS_STILL = `
  if (process.argv.includes('--no-supervisor')) {
    process.on('SIGUSR2', () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  }`;

async function serve(): Promise<{ dataDir: string; server: Server }> {
  const preload = join(temporaryDirectory(), 'stands-still.mjs');
  writeFileSync(preload, STANDS_STILL);
  const dataDir = temporaryDirectory();
  const args = ['--stalled-ms', String(STALLED_MS)];
  const server = await Server.start(dataDir, args, ['env', `NODE_OPTIONS=--import ${preload}`]);
  after(() => server.process.kill('SIGKILL'));
  const file = join(temporaryDirectory(), 'one.onnx');
  writeFileSync(file, linear());
  await (await connectAdmin(dataDir))!.register({ model: 'm', version: '1', file, promote: true }, actor);
  return { dataDir, server };
}

const isAnswered = async (port: number): Promise<boolean> => {
  const headers = { 'content-type': 'application/json' };
  return (await http(port, '/predict', { body: '{"features":[1,2,3]}', headers })).status === 200;
};

async function counted(port: number): Promise<{ restarts: number; stalls: number }> {
  const families = parseMetrics(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
  const of = (name: string): number => families.get(name)?.samples[0]?.value ?? NaN;
  return { restarts: of('lastgood_engine_restarts_total'), stalls: of('lastgood_engine_stalls_total') };
}

describe('an engine that stands still', () => {
  test('is killed and started again, and the log says what it was doing', async () => {
    const { dataDir, server } = await serve();
    const admin = await connectAdmin(dataDir);
    // Its trial takes much longer than the signal takes.
    const file = join(temporaryDirectory(), 'two.onnx');
    writeFileSync(file, linear(1));
    const register = assert.rejects(admin!.register({ model: 'm', version: '2', file }, actor));
    const children = `/proc/${server.pid}/task/${server.pid}/children`;
    await until('the trial has begun', () => readFileSync(children, 'utf8').trim() !== '');
    process.kill(server.pid, 'SIGUSR2');
    await until('another engine is ready', () => server.starts.length === 2, 60_000);
    await register;
    assert.match(server.log, /the engine stands still and is killed/);
    const [line = '{}'] = server.log.split('\n').filter((text) => text.includes('stands still'));
    const { doing } = JSON.parse(line) as { doing: string[] };
    assert.deepEqual(doing, ['register m']);
    assert.equal(await isAnswered(server.port), true);
    assert.deepEqual(await counted(server.port), { restarts: 1, stalls: 1 });
    process.kill(server.pid, 'SIGKILL');
    await until('a third engine is ready', () => server.starts.length === 3, 60_000);
    assert.deepEqual(await counted(server.port), { restarts: 2, stalls: 1 }, 'it had not stood still');
    assert.equal(await server.stop(), 0);
  });

  test('because it was stopped by hand is left alone, and goes on when it is let go', async () => {
    const { server } = await serve();
    const { pid } = server;
    process.kill(pid, 'SIGSTOP');
    // Nothing is to happen in this time.
    await sleep(3 * STALLED_MS);
    process.kill(pid, 'SIGCONT');
    assert.equal(await isAnswered(server.port), true);
    assert.deepEqual([server.pid, server.starts.length], [pid, 1]);
    assert.doesNotMatch(server.log, /stands still/);
    assert.equal(await server.stop(), 0);
  });
});
