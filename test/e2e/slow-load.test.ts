// A candidate that takes long to load does not stop the active version from answering.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Crowd } from '../support/load.ts';
import { until } from '../support/poll.ts';
import { actor, serveHousing } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { heavy, linear } from '../worker/onnx.ts';

/** 5,120 x 5,120 float32 weights: 100 MiB. */
const WIDTH = 5_120;
const PARTS = 5;

describe('lastgood promote', () => {
  test('of a 100 MB model lets the active version answer all the while', async () => {
    const { server, admin } = await serveHousing([], ['--judge-mode', 'observe']);
    const folder = temporaryDirectory();
    const files = { small: join(folder, 'small.onnx'), large: join(folder, 'large.onnx') };
    writeFileSync(files.small, linear());
    writeFileSync(files.large, heavy(WIDTH));
    const model = 'growing';
    await admin.register({ model, file: files.small, version: 'small', promote: true }, actor);
    const crowd = new Crowd(server.port, '/predict', [JSON.stringify({ features: [1, 2, 3] })], 4);
    await until('the small version answers', () => crowd.countOf('small') > 50);
    const fromMs = performance.now();
    await admin.register({ model, file: files.large, version: 'large' }, actor);
    await admin.promote({ model, version: 'large' }, actor);
    const toMs = performance.now();
    await until('the large version answers', () => crowd.countOf('large') > 0);
    await crowd.stop();
    assert.deepEqual(crowd.failures, []);
    assert.equal(crowd.answers.filter(({ status }) => status === 200).length, crowd.sent);
    // Answers came in every part of the load, so at no time did it hold the serving threads up.
    const partMs = (toMs - fromMs) / PARTS;
    for (let part = 0; part < PARTS; part += 1) {
      const sinceMs = fromMs + part * partMs;
      const count = crowd.answers.filter(
        ({ version, answeredMs }) => version === 'small' && answeredMs >= sinceMs && answeredMs < sinceMs + partMs,
      ).length;
      assert.ok(count > 0, `no answer in part ${part + 1} of ${PARTS} of a load of ${Math.round(toMs - fromMs)} ms`);
    }
    assert.equal(await server.stop(), 0);
  });
});
