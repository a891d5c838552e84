// A model that mixes rows and was stacked all the same, under load on the real executable: it is seen in service, told,
// and holds after a restart; a model that keeps rows apart is left alone.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { EngineStatus } from '../../src/admin/answers.ts';
import type { EventRecord, VersionRecord } from '../../src/domain/records.ts';
import { lastgood, lastgoodJson, Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { untilResolved } from '../support/poll.ts';
import { parseMetrics } from '../support/prometheus.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { runningSum } from '../worker/mixers.ts';
import { linear } from '../worker/onnx.ts';

const CLIENTS = 64;
const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });

const ask = (port: number, model: string, features: readonly number[]): Promise<unknown> =>
  http(port, `/models/${model}/predict`, { agent, body: JSON.stringify({ features }) })
    .then(({ json }) => json['prediction']);
const askAll = (port: number, model: string, features: readonly number[]): Promise<unknown[]> =>
  Promise.all(Array.from({ length: CLIENTS }, () => ask(port, model, features)));

describe('stacking, watched in service', () => {
  test('ends for good where rows are mixed, and rolls nothing back', async () => {
    const dataDir = temporaryDirectory();
    const data = ['--data', dataDir];
    const fileOf = (bytes: Uint8Array): string => {
      const path = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(path, bytes);
      return path;
    };
    const stackingOf = async (model: string): Promise<VersionRecord['stacking']> => {
      const { models } = await lastgoodJson<EngineStatus>(['status', ...data]);
      return models.find((one) => one.model.model === model)?.versions[0]?.stacking;
    };
    const metricOf = async (port: number, name: string, model: string): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
      const { samples } = parseMetrics(await answer.text()).get(name)!;
      return samples.find(({ labels }) => labels['model'] === model)!.value;
    };
    const args = ['--workers', '1', '--stack-check-share', '1'];
    let server = await Server.start(dataDir, args);
    try {
      await lastgoodJson(['register', 'mixing', fileOf(runningSum()), '--stacking', 'rows!', '--promote', ...data]);
      await lastgoodJson(['register', 'keeping', fileOf(linear()), '--promote', ...data]);
      await untilResolved('it is seen', async () => {
        await askAll(server.port, 'mixing', [1, 1]);
        await askAll(server.port, 'keeping', [1, 2, 3]);
        return (await metricOf(server.port, 'lastgood_stack_mismatches_total', 'mixing')) >= 2;
      });
      assert.deepEqual(new Set((await askAll(server.port, 'mixing', [1, 1])).map(String)), new Set(['1,1']));
      await untilResolved('it is written', async () => (await stackingOf('mixing'))?.by === 'service');
      const events = await lastgoodJson<EventRecord[]>(['history', 'mixing', ...data]);
      assert.deepEqual(events.map(({ kind }) => kind).sort(), ['promote', 'register', 'stacking']);
      const { stdout } = await lastgood(['status', 'mixing', ...data]);
      assert.match(stdout, /stacking +none, because in service \d+ of \d+ rows that were run again alone had another/);
      assert.ok((await metricOf(server.port, 'lastgood_stack_checks_total', 'keeping')) > 0);
      assert.equal(await metricOf(server.port, 'lastgood_stack_mismatches_total', 'keeping'), 0);
      assert.equal((await stackingOf('keeping'))?.mode, 'rows');

      await server.stop();
      server = await Server.start(dataDir, args);
      assert.equal((await stackingOf('mixing'))?.mode, 'none');
      for (let round = 0; round < 3; round += 1) {
        assert.deepEqual(new Set((await askAll(server.port, 'mixing', [1, 1])).map(String)), new Set(['1,1']));
      }
    } finally {
      agent.destroy();
      await server.stop();
    }
  });
});
