// A disk that takes its time: every flush of the registry stands still, as strace makes it, and the engine goes on.
// Where strace is not at hand, or may not trace, the tests say so and are skipped.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { until, untilResolved } from '../support/poll.ts';
import { http } from '../support/http.ts';
import { housingBodies } from '../support/housing.ts';
import { actor, serveHousing } from '../support/served-housing.ts';

/** Longer than any test runs: the flushes stand still until the tracer lets go. */
const DELAY_US = 600e6;
const FLUSHES = 'fdatasync,fsync,msync,sync_file_range';
const ANSWERS = 20;

function whyNot(): string | false {
  const { error, status } = spawnSync('strace', ['-f', '-o', '/dev/null', process.execPath, '-e', '0']);
  if (error !== undefined) return 'strace is not at hand';
  return status === 0 ? false : 'strace may not trace here';
}

/** Lets every flush of the process stand still; returns what lets them go on. */
async function slowDown(pid: number): Promise<() => Promise<void>> {
  const tracer = spawn('strace', [
    '-f', '-p', String(pid), '-e', `trace=${FLUSHES}`, '-e', `inject=${FLUSHES}:delay_enter=${DELAY_US}`,
  ], { stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  tracer.stderr.setEncoding('utf8').on('data', (text: string) => (told += text));
  await until('strace has attached itself', () => /attached/.test(told), 30_000);
  return async () => {
    // Its end detaches it, and every call goes on.
    tracer.kill('SIGKILL');
    await once(tracer, 'exit');
  };
}

async function answersBy(port: number, count: number): Promise<Set<unknown>> {
  const versions = new Set<unknown>();
  for (let request = 0; request < count; request += 1) {
    const { status, json } = await http(port, '/predict', { body: housingBodies[request]! });
    assert.equal(status, 200);
    versions.add(json['model_version']);
  }
  return versions;
}

describe('lastgood serve on a slow disk', { skip: whyNot() }, () => {
  test('answers while a promote waits for the disk, and acknowledges it only when the disk has it', async () => {
    const { server, admin } = await serveHousing(['1', '2'], ['--judge-mode', 'observe']);
    const goOn = await slowDown(server.pid);
    let isPromoted = false;
    const promoted = admin.promote({ model: 'housing', version: '2' }, actor).then(() => (isPromoted = true));
    // Long enough for the version to be loaded, several times over.
    await untilResolved('version 2 is loaded', async () => {
      await answersBy(server.port, ANSWERS);
      const { models: [model] } = await admin.status({ model: 'housing' });
      return model?.deployments.some(({ version, state }) => version === '2' && state === 'ready') === true;
    });
    assert.deepEqual([...(await answersBy(server.port, ANSWERS))], ['1']);
    assert.equal(isPromoted, false);
    await goOn();
    await promoted;
    assert.deepEqual([...(await answersBy(server.port, ANSWERS))], ['2']);
    assert.equal(await server.stop(), 0);
  });

  test('rolls back in memory without waiting, and writes it when the disk takes it', async () => {
    const { server, admin } = await serveHousing(['1', '2'], ['--judge-mode', 'observe']);
    await admin.confirm({ model: 'housing' }, actor);
    await admin.promote({ model: 'housing', version: '2' }, actor);
    const goOn = await slowDown(server.pid);
    const { stored, rolledBackTo } = await admin.rollback({ model: 'housing' }, actor);
    assert.deepEqual([stored, rolledBackTo], [false, '1']);
    assert.deepEqual([...(await answersBy(server.port, ANSWERS))], ['1']);
    await assert.rejects(admin.confirm({ model: 'housing' }, actor), /the disk still refuses it/);
    await goOn();
    // Nothing may build on the rollback before the disk has it, and everything after that.
    await untilResolved('the rollback is written', () => admin.confirm({ model: 'housing' }, actor).then(
      () => true,
      (error: unknown) => {
        assert.match(String(error), /the disk still refuses it/);
        return false;
      },
    ));
    const [confirmed, rolledBack] = await admin.history({ model: 'housing', limit: 2 });
    assert.deepEqual([confirmed?.kind, rolledBack?.kind, rolledBack?.to], ['confirm', 'rollback', '1']);
    assert.equal(await server.stop(), 0);
  });
});
