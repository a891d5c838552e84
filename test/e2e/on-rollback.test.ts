// --on-rollback with the real binary: somebody is told of what the machine and a person did, also when the engine ended
// in between, and what is secret in the setting is written nowhere.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { RollbackMessage } from '../../src/engine/notices/rollback-message.ts';
import { connectAdmin } from '../../src/admin/client.ts';
import { lastgood, lastgoodJson, Server } from '../support/binary.ts';
import { housingBodies } from '../support/housing.ts';
import { Crowd } from '../support/load.ts';
import { until, untilResolved } from '../support/poll.ts';
import { parseMetrics, total } from '../support/prometheus.ts';
import { actor, serveHousing } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Line {
  readonly kind: string;
  readonly decision: string | null;
  readonly reason: string;
}

const eventOf = (dataDir: string, kind: string): Promise<Line | undefined> =>
  lastgoodJson<Line[]>(['history', 'housing', '--data', dataDir]).then((all) => all.find((one) => one.kind === kind));

describe('lastgood serve --on-rollback', () => {
  test('an address is told of what the machine did, again when it fails, and no request waits for that', async () => {
    const got: RollbackMessage[] = [];
    const listener = createServer((request, response) => {
      let body = '';
      request.on('data', (bytes: Buffer) => (body += bytes.toString()));
      request.on('end', () => {
        got.push(JSON.parse(body) as RollbackMessage);
        response.writeHead(got.length === 1 ? 500 : 200).end();
      });
    }).listen(0, '127.0.0.1');
    await until('it listens', () => listener.listening);
    const address = `http://u:pass-word@127.0.0.1:${(listener.address() as AddressInfo).port}/hook?token=t0ken`;
    const { dataDir, server, admin } = await serveHousing(['1', 'dollars'], ['--on-rollback', address]);
    await admin.confirm({ model: 'housing' }, actor);
    const crowd = new Crowd(server.port, '/predict', housingBodies, 4);
    await admin.promote({ model: 'housing', version: 'dollars' }, actor);
    await untilResolved('it was told', async () => (await eventOf(dataDir, 'rollback_told')) !== undefined, 120_000);
    await crowd.stop();
    assert.deepEqual(crowd.failures, []);
    const [first, second] = got;
    assert.deepEqual(
      [second?.by, second?.actor, second?.trigger, second?.from, second?.to, second?.generation, second?.attempt],
      ['machine', 'monitor', 'mean_drift', 'dollars', '1', 3, 2]);
    assert.equal(first?.id, second?.id);
    const metrics = parseMetrics(await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text());
    const count = (result: string): number =>
      total(metrics, 'lastgood_rollback_notices_total', { model: 'housing', result });
    assert.deepEqual([count('retried'), count('told'), count('given_up')], [1, 1, 0]);
    const shown = [server.log, (await lastgood(['status', '--data', dataDir, '--json'])).stdout,
      (await lastgood(['history', 'housing', '--data', dataDir])).stdout].join('\n');
    assert.doesNotMatch(shown, /pass-word|t0ken/);
    await server.stop();
    await new Promise((resolve) => listener.close(resolve));
  });

  test('a command that hangs holds up neither the rollback nor the end; the next engine tells it', async () => {
    const file = join(temporaryDirectory(), 'told');
    const hangs = `touch ${file}.runs; sleep 600`;
    const { dataDir, server } = await serveHousing(['1', '2'], ['--on-rollback', hangs]);
    const admin = await connectAdmin(dataDir);
    await admin!.promote({ model: 'housing', version: '2' }, actor);
    const back = await lastgood(['rollback', 'housing', '--data', dataDir, '--reason', '"; touch evil #']);
    assert.equal(back.code, 0, back.stderr);
    await until('the command runs', () => existsSync(`${file}.runs`));
    assert.equal(await server.stop(), 0);
    assert.equal(await eventOf(dataDir, 'rollback_told'), undefined);
    const config = join(temporaryDirectory(), 'config.json');
    const models = { housing: { onRollback: `cat > ${file}` } };
    writeFileSync(config, JSON.stringify({ onRollback: 'false', models }));
    const next = await Server.start(dataDir, ['--config', config]);
    await untilResolved('it was told', async () => (await eventOf(dataDir, 'rollback_told')) !== undefined);
    const { by, actor: who, reason, from, to } = JSON.parse(readFileSync(file, 'utf8')) as RollbackMessage;
    assert.deepEqual([by, reason, from, to], ['person', '"; touch evil #', '2', '1']);
    assert.match(who, /^cli/);
    await next.stop();
  });
});
