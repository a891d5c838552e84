// A real engine with two small models, a well-behaved client that is answered all the while, and what is left of
// hostile ones when they are gone: nothing.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Front } from '../../src/api/serving-api.ts';
import type { EngineOptions } from '../../src/options/options.ts';
import { Crowd } from '../support/load.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { Type, identity, linear } from '../worker/onnx.ts';

/** A machine may be slow and busy; what is waited for comes long before. */
export const PATIENCE_MS = 60_000;
const BYSTANDERS = 2;
export const GOOD_BODY = '{"features":[1,2,3]}';
/** What `linear` makes of it. */
export const GOOD_ANSWER = 321.5;

export class Stage {
  readonly engine: Engine;
  readonly front: Front;
  readonly #bystanders: Crowd;

  private constructor(engine: Engine, front: Front) {
    this.engine = engine;
    this.front = front;
    this.#bystanders = new Crowd(front.port, '/models/m/predict', [GOOD_BODY], BYSTANDERS);
  }

  /** Serves `m`, three numbers to one, and `id`, which gives numbers of any shape [N, M] back. */
  static async open(options: EngineOptions = {}): Promise<Stage> {
    const engine = await createEngine({
      dataDir: temporaryDirectory(), workers: 1, defaultModel: 'm', judge: { mode: 'observe' }, ...options,
    });
    const models = { m: linear(), id: identity(Type.FLOAT, ['N', 'M']) };
    for (const [model, bytes] of Object.entries(models)) {
      const file = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(file, bytes);
      await engine.register(model, file, { version: '1', promote: true });
    }
    return new Stage(engine, await engine.listen({ port: 0 }));
  }

  get port(): number {
    return this.front.port;
  }

  /** Waits until the well-behaved clients were answered again: what came before has not kept them from it. */
  async bystandersAnswered(): Promise<void> {
    const { answers, failures } = this.#bystanders;
    const wanted = answers.length + 2 * BYSTANDERS;
    await until('the bystanders are answered', () => answers.length >= wanted || failures.length > 0, PATIENCE_MS);
    assert.deepEqual(failures, []);
  }

  /** Waits until nothing is left of the hostile clients, and the others are answered. */
  async quiet(): Promise<void> {
    const { front } = this;
    const isQuiet = (): boolean => {
      const { connections, sockets, receivingBytes, unreadBytes } = front.held;
      const isMine = connections <= BYSTANDERS && front.inFlight <= BYSTANDERS;
      return isMine && sockets === 0 && receivingBytes === 0 && unreadBytes === 0 && this.#pending <= BYSTANDERS;
    };
    await until('nothing is left of the clients', isQuiet, PATIENCE_MS).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify({ ...front.held, inFlight: front.inFlight })}`);
    });
    await this.bystandersAnswered();
  }

  get #pending(): number {
    return [...this.engine.models.all.values()].reduce((sum, { batcher }) => sum + batcher.pending, 0);
  }

  async close(): Promise<void> {
    await this.#bystanders.stop();
    assert.deepEqual(this.#bystanders.failures, []);
    const statuses = new Set(this.#bystanders.answers.map(({ status }) => status));
    assert.deepEqual([...statuses], [200]);
    assert.equal(this.front.inFlight, 0);
    await this.engine.close();
  }
}
