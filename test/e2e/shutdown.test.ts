// Invariants 1 and 5 at the end of a process: SIGTERM under load answers what was accepted, lets the workers leave by
// themselves and exits with 0; an abort inside the runtime would show as a signal.
import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { http } from '../support/http.ts';
import { housingBodies } from '../support/housing.ts';
import { actor, serveHousing } from '../support/served-housing.ts';
import { until, untilResolved } from '../support/poll.ts';
import { Server, lastgoodJson } from '../support/binary.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { held } from '../worker/onnx.ts';

const ROUNDS = 3;
const CLIENTS = 32;
const SIGKILL_CODE = 128 + 9;
const JSON_TYPE = { 'content-type': 'application/json' };
/** 2 n^3 operations, far longer than all limits together on any machine, and 650 MB. */
const HELD_SIZE = 9_000;

describe('lastgood serve', () => {
  test('on SIGTERM under load answers everything that it accepted and exits with 0, every time', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { server, admin } = await serveHousing(['1', '2'], ['--judge-mode', 'observe']);
      let accepted = 0;
      let refused = 0;
      let cut = 0;
      const client = async (first: number): Promise<void> => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        for (let index = first; ; index += 1) {
          const body = housingBodies[index % housingBodies.length]!;
          try {
            const headers = { 'content-type': 'application/json' };
            const { status, headers: got } = await http(server.port, '/predict', { body, agent, headers });
            if (status === 200) accepted += 1;
            else if (status === 503) refused += 1;
            else throw new Error(`status ${status}`);
            if (got.connection === 'close') break;
          } catch (error) {
            // Nobody listens any more, or the idle connection was closed under the request: it was never accepted.
            const { code = '' } = error as NodeJS.ErrnoException;
            if (!['ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code)) throw error;
            if (code !== 'ECONNREFUSED') cut += 1;
            break;
          }
        }
        agent.destroy();
      };
      const clients = Promise.all(Array.from({ length: CLIENTS }, (_, first) => client(first)));
      await until('the clients are answered', () => accepted > 500);
      // In the middle of a load, too.
      const promote = admin.promote({ model: 'housing', version: '2' }, actor).catch(() => undefined);
      assert.equal(await server.stop(), 0);
      await Promise.all([clients, promote]);
      assert.ok(accepted > 500);
      assert.ok(refused + cut <= CLIENTS, `${refused} were refused and ${cut} cut`);
      assert.equal(cut, 0, 'no connection was closed with a request on it');
    }
  });

  test('ends although a run does not come back: its request is answered, and the process killed after a limit', async () => {
    const dataDir = temporaryDirectory();
    const file = join(temporaryDirectory(), 'held.onnx');
    writeFileSync(file, held());
    await lastgoodJson(['register', 'm', file, '--version', '1', '--promote', '--data', dataDir]);
    const server = await Server.start(dataDir, ['--deadline-ms', '100', '--drain-ms', '200']);
    const body = JSON.stringify({ features: [HELD_SIZE, 0, 0] });
    const { status, json } = await http(server.port, '/predict', { body, headers: JSON_TYPE });
    assert.deepEqual([status, json['code']], [504, 'DEADLINE_EXCEEDED']);
    assert.equal(await server.stop(), SIGKILL_CODE, 'the run is still going on, so only a signal ends the engine');
    assert.match(server.log, /still inside a run/);
    const next = await Server.start(dataDir);
    assert.equal((await http(next.port, '/predict', { body: '{"features":[1,0,0]}', headers: JSON_TYPE })).status, 200);
    assert.equal(await next.stop(), 0);
  });

  test('ends at once at a second signal, whatever is still running', async () => {
    const dataDir = temporaryDirectory();
    const file = join(temporaryDirectory(), 'held.onnx');
    writeFileSync(file, held());
    await lastgoodJson(['register', 'm', file, '--version', '1', '--promote', '--data', dataDir]);
    for (const args of [['--no-supervisor'], []]) {
      const server = await Server.start(dataDir, ['--drain-ms', '3600000', '--deadline-ms', '3600000', ...args]);
      const body = JSON.stringify({ features: [HELD_SIZE, 0, 0] });
      const cut = http(server.port, '/predict', { body, headers: JSON_TYPE }).then(() => false, () => true);
      await untilResolved('it runs', async () => (await http(server.port, '/health')).json['pending'] === 1);
      server.process.kill('SIGTERM');
      await until('it drains', () => server.log.includes('stopping'));
      server.process.kill('SIGTERM');
      const code = await server.exit;
      assert.ok(code === SIGKILL_CODE || server.process.signalCode === 'SIGKILL', `${code}`);
      assert.equal(await cut, true);
    }
  });
});
