// Small requests are answered while a large one of the same model is, on an engine with one worker.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { createEngine } from '../../src/engine/engine.ts';
import { untilResolved } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { slow } from '../worker/onnx.ts';

/** How long a run takes, and rows that take many. */
const PRODUCTS = 10;
const ROWS = 20_000;
const ROUNDS = 2;

interface Answer {
  readonly predictions?: readonly number[];
  readonly prediction?: number;
}

suite('A large request', () => {
  test('is answered, and small ones that came after it are answered before it', async () => {
    const options = { dataDir: temporaryDirectory(), workers: 1, rowsMax: ROWS, judge: { mode: 'observe' } } as const;
    const engine = await createEngine(options);
    try {
      const path = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(path, slow(PRODUCTS));
      await engine.register('m', path, { version: '1', promote: true });
      const { port } = await engine.listen({ port: 0 });
      const order: string[] = [];
      const ask = async (name: string, body: object): Promise<Answer> => {
        const headers = { 'content-type': 'application/json' };
        const url = `http://127.0.0.1:${port}/predict`;
        const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
        order.push(name);
        assert.equal(answer.status, 200);
        return await answer.json() as Answer;
      };
      const pending = async (): Promise<number> => (await engine.status()).models[0]!.pending;
      for (let round = 0; round < ROUNDS; round += 1) {
        assert.equal(await pending(), 0);
        const large = ask('large', { instances: Array.from({ length: ROWS }, (_, row) => [row]) });
        await untilResolved('the large one is accepted', async () => await pending() > 0);
        assert.equal((await ask('small', { features: [7] })).prediction, 7);
        assert.equal((await large).predictions!.length, ROWS);
        assert.deepEqual(order.splice(0), ['small', 'large']);
      }
    } finally {
      await engine.close();
    }
  });
});
