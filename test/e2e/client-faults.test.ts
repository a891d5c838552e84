// Invariant 7 on the real executable: what the clients do wrong never speaks against a model.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { http } from '../support/http.ts';
import { housingBodies, housingRows } from '../support/housing.ts';
import { until } from '../support/poll.ts';
import { actor, serveHousing } from '../support/served-housing.ts';

const headers = { 'content-type': 'application/json' };

describe('lastgood serve', () => {
  test('counts a thousand bad requests as the clients\' faults and stays on a version on probation', async () => {
    const { server, admin } = await serveHousing(['1', '2'], ['--look-ms', '50', '--cooldown-ms', '0']);
    await admin.promote({ model: 'housing', version: '2' }, actor);
    const bad = ['{', '{"features":[1,2]}', '{"features":["a",1,1,1,1,1,1,1]}', '{"rows":[]}', '[]'];
    for (let round = 0; round < 20; round += 1) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          http(server.port, '/predict', { body: bad[index % bad.length]!, headers })),
      );
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [400]);
    }
    for (const body of housingBodies.slice(0, 100)) await http(server.port, '/predict', { body, headers });
    const totals = async (): Promise<Record<string, number>> => {
      const [status] = (await admin.status({ model: 'housing' })).models;
      return { ...status?.health?.totals };
    };
    let seen = await totals();
    await until('the monitor has seen all of them', () => {
      void totals().then((now) => (seen = now));
      return seen['ok'] === 100;
    });
    assert.equal(seen['clientFaults'], 1_000);
    assert.equal(seen['modelFailures'], 0);
    const { json } = await http(server.port, '/health');
    assert.deepEqual([json['active_model'], json['healthy'], json['error_rate']], ['2', true, 0]);
    assert.equal(await server.stop(), 0);
  });

  test('fails a bad row alone: its neighbours in the same batch are answered', async () => {
    const { server } = await serveHousing(['1']);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => {
        const features = index % 10 === 0 ? [1, 2, 3] : housingRows[index]!;
        return http(server.port, '/predict', { body: JSON.stringify({ features }), headers });
      }),
    );
    for (const [index, { status, json }] of answers.entries()) {
      assert.equal(status, index % 10 === 0 ? 400 : 200);
      if (index % 10 === 0) assert.match(String(json['error']), /the row has 3 values; wanted 8/);
    }
    assert.equal(await server.stop(), 0);
  });
});
