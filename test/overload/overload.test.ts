// More load than the engine can bear, on a real engine whose worker is held up: the queue fills and no further, the
// rest is refused at once, clients that went away are not run, deadlines hold, and afterwards all is as before.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { RawConnection, http } from '../support/http.ts';
import type { Answer } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { held } from '../worker/onnx.ts';

const PENDING_MAX = 40;
const OFFERED = 120;
const BATCH_SIZE_MAX = 8;
const PATIENCE_MS = 60_000;
/** 2 n^3 operations: a run of about a second, so that all that is offered meanwhile finds the worker busy, on a host
 * that is fast or held up too; no threshold of anything. */
const HOLD = '{"features":[3000,0,0]}';
const QUICK = '{"features":[1,0,0]}';

describe('Twice the load that can be borne', () => {
  let engine: Engine;
  let port = 0;

  before(async () => {
    engine = await createEngine({
      dataDir: temporaryDirectory(), workers: 1, pendingMax: PENDING_MAX, batchSizeMax: BATCH_SIZE_MAX,
      judge: { mode: 'observe' },
    });
    const file = join(temporaryDirectory(), 'held.onnx');
    writeFileSync(file, held());
    await engine.register('m', file, { version: '1', promote: true });
    ({ port } = await engine.listen({ port: 0 }));
  });
  after(() => engine.close());

  const ask = (body = QUICK): Promise<Answer> => http(port, '/predict', { body });

  /** Keeps the only worker busy, for the time of a long run. */
  async function holdWorker(): Promise<{ readonly answer: Promise<Answer> }> {
    const { counts } = engine.models.served('m').batcher;
    const { batches } = counts;
    const answer = ask(HOLD);
    await until('the worker is busy', () => counts.batches > batches, PATIENCE_MS);
    return { answer };
  }

  test('is answered as far as the queue goes and refused with 429 and Retry-After beyond, then all is as before',
    async () => {
      const { batcher } = engine.models.served('m');
      const { answer } = await holdWorker();
      let pendingMost = 0;
      const watch = setInterval(() => (pendingMost = Math.max(pendingMost, batcher.pending)), 1);
      const answers = await Promise.all(Array.from({ length: OFFERED }, () => ask()));
      clearInterval(watch);
      const refused = answers.filter(({ status }) => status === 429);
      for (const { headers, json } of refused) {
        assert.equal(headers['retry-after'], '1');
        assert.equal(json['code'], 'QUEUE_FULL');
      }
      assert.equal(answers.filter(({ status }) => status === 200).length + refused.length, OFFERED);
      assert.ok(refused.length > 0 && refused.length <= OFFERED - (PENDING_MAX - 1), String(refused.length));
      assert.ok(pendingMost <= PENDING_MAX, String(pendingMost));
      assert.equal(batcher.counts.refusedQueueFull, refused.length);
      assert.equal((await answer).status, 200);
      await until('nothing is pending', () => batcher.pending === 0, PATIENCE_MS);
      const again = await Promise.all(Array.from({ length: PENDING_MAX }, () => ask()));
      assert.deepEqual([...new Set(again.map(({ status }) => status))], [200]);
    });

  test('a refusal does not wait for the body', async () => {
    const { answer } = await holdWorker();
    const waiting = Array.from({ length: PENDING_MAX }, () => ask());
    await until('the queue is full', () => engine.models.served('m').batcher.pending === PENDING_MAX, PATIENCE_MS);
    const connection = await RawConnection.open(port);
    connection.write(['POST /predict HTTP/1.1', 'Host: x', 'Content-Length: 1000000'], '{');
    await until('it is refused', () => connection.statuses.length > 0, PATIENCE_MS);
    assert.deepEqual(connection.statuses, [429]);
    connection.socket.destroy();
    await Promise.all([answer, ...waiting]);
  });

  test('what clients gave up is not run, and its place is free for others', async () => {
    const { batcher } = engine.models.served('m');
    const { answer } = await holdWorker();
    const { batches } = batcher.counts;
    const leaving = new AbortController();
    const gone = Array.from({ length: PENDING_MAX - 1 }, () =>
      http(port, '/predict', { body: QUICK, signal: leaving.signal }).catch(() => null));
    await until('the queue is full', () => batcher.pending === PENDING_MAX, PATIENCE_MS);
    leaving.abort();
    await until('only the run is left', () => batcher.pending === 1, PATIENCE_MS);
    const stays = ask();
    await Promise.all([...gone, answer]);
    assert.equal((await stays).status, 200);
    assert.equal(batcher.counts.batches - batches, 1, 'one batch, of the one that stayed');
  });

  test('readiness turns false before intake stops, and what was accepted is answered', async () => {
    const { answer } = await holdWorker();
    const waiting = Array.from({ length: 10 }, () => ask());
    await until('they wait', () => engine.models.served('m').batcher.pending > 10, PATIENCE_MS);
    const ready = await RawConnection.open(port);
    const GET = ['GET /v2/health/ready HTTP/1.1', 'Host: x'];
    ready.write(GET);
    await until('it is ready', () => ready.statuses.length === 1, PATIENCE_MS);
    const drained = engine.drain();
    ready.write(GET);
    await until('it is not ready', () => ready.statuses.length === 2, PATIENCE_MS);
    assert.deepEqual(ready.statuses, [200, 503]);
    for (const { status } of await Promise.all([answer, ...waiting])) assert.equal(status, 200);
    assert.equal((await drained).left, 0);
  });
});
