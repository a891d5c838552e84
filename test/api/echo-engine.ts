// An engine as the front sees it, in memory: it keeps every accepted request until the test lets it be answered, and
// answers with what it was given. An answer's bytes lie in shared memory that is overwritten at once, as in a slab.
import { startFront } from '../../src/api/server.ts';
import type {
  Front, FrontOptions, HealthAnswer, OipApi, PageApi, ServingApi, TfsApi,
} from '../../src/api/serving-api.ts';
import { lastgoodError } from '../../src/base/errors.ts';
import type { ReplySink, Submitter, Ticket } from '../../src/batch/submit.ts';
import { resolveOptions } from '../../src/options/options.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { until } from '../support/poll.ts';

export class HeldRequest implements Ticket {
  readonly model: string;
  readonly kind: EntryKind;
  readonly body: string;
  readonly receivedUs: number;
  cancelled = false;
  readonly #sink: ReplySink;

  constructor(model: string, kind: EntryKind, body: Uint8Array, sink: ReplySink, receivedUs: number) {
    this.model = model;
    this.kind = kind;
    this.body = Buffer.from(body).toString();
    this.receivedUs = receivedUs;
    this.#sink = sink;
  }

  cancel(): void {
    this.cancelled = true;
  }

  answer(status = 200, value: unknown = this.#echo()): void {
    const bytes = Buffer.from(JSON.stringify(value));
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 8), 8);
    shared.set(bytes);
    this.#sink.answer(status, shared, 0);
    shared.fill(0x21);
  }

  #echo(): unknown {
    if (this.kind === EntryKind.predictJson) return { model: this.model, bytes: this.body.length, body: this.body };
    const { id } = JSON.parse(this.body) as { id: unknown };
    return { id, model: this.model };
  }
}

export class EchoEngine implements ServingApi {
  /** An Open Inference Protocol of one model; the real one is tested on the real engine. */
  readonly oip: OipApi = {
    needsToken: true,
    server: () => ({ name: 'echo', version: '0', extensions: [] }),
    isReady: () => true,
    assertReady: (model) => void this.#named(model),
    metadata: (model) => ({ name: this.#named(model) }),
    config: (model) => ({ name: this.#named(model) }),
    statistics: () => Promise.resolve({ model_stats: [] }),
    index: () => this.#models.map((name) => ({ name, state: 'READY', reason: '' })),
    load: () => Promise.resolve(),
    unload: () => Promise.resolve(),
  };
  readonly metrics = (): Promise<string> => Promise.resolve('# HELP echo Nothing.\n# TYPE echo gauge\necho 1\n');
  readonly tfs: TfsApi = {
    models: () => this.#models,
    versionOf: () => undefined,
    status: (model) => ({ name: this.#named(model) }),
    metadata: (model) => ({ name: this.#named(model) }),
  };
  page: PageApi | null = null;
  readonly held: HeldRequest[] = [];
  /** Requests accepted so far. */
  submitted = 0;
  readonly rollbacks: unknown[] = [];
  /** Answer every request by itself, on a later turn of the event loop. */
  answering = true;
  /** Thrown by the next submit calls. */
  refusal: Error | undefined;
  readonly #models: readonly string[];

  constructor(models: readonly string[] = ['digits', 'größe/1']) {
    this.#models = models;
  }

  readonly models = {
    served: (model: string | undefined): { batcher: Submitter; queueOf: () => Submitter } => {
      const batcher = this.#queueOf(model);
      return { batcher, queueOf: () => batcher };
    },
  };

  #queueOf(model: string | undefined): Submitter {
    const name = this.#named(model);
    return {
      assertRoom: () => {
        if (this.refusal !== undefined) throw this.refusal;
      },
      submit: (kind, body, sink, receivedUs) => {
        if (this.refusal !== undefined) throw this.refusal;
        this.submitted += 1;
        const request = new HeldRequest(name, kind, body, sink, receivedUs);
        if (this.answering) setImmediate(() => request.answer());
        else this.held.push(request);
        return request;
      },
    };
  }

  assertFloats(model: string | undefined): void {
    this.#named(model);
  }

  healthOf(model: string | undefined): HealthAnswer {
    return {
      healthy: true,
      violations: [],
      model: this.#named(model),
      active_model: '3',
      last_good_trust: 'confirmed',
      last_good: '2',
      generation: 5,
      saved: true,
      phase: 'serving',
      p95_latency_ms: null,
      error_rate: null,
      prediction_drift: null,
      samples: 0,
      lapped_samples: 0,
      pending: 0,
      shielded: 0,
    stuck_workers: 0,
      pinned: false,
    };
  }

  async rollbackFromFront(
    model: string | undefined,
    { reason }: Parameters<ServingApi['rollbackFromFront']>[1],
  ): ReturnType<ServingApi['rollbackFromFront']> {
    await new Promise((resolve) => setImmediate(resolve));
    if (model === 'größe/1') {
      throw lastgoodError('NO_ROLLBACK_TARGET', { model, to: null, versions: [{ version: '1', reason: 'is active' }] });
    }
    this.rollbacks.push([model, reason]);
    return { rolled_back_to: '2', path: 'artifacts/2', generation: 6, trust: 'confirmed', saved: true };
  }

  /** Waits until `count` requests are held. */
  async holds(count: number): Promise<void> {
    await until(`${count} requests are held`, () => this.held.length === count);
  }

  #named(model: string | undefined): string {
    const name = model ?? this.#models[0];
    if (name !== undefined && this.#models.includes(name)) return name;
    throw lastgoodError('MODEL_NOT_FOUND', { model: name ?? '', known: this.#models.join(', ') });
  }
}

/** Starts a front before `engine` on a free port; the caller closes it. */
export function frontBefore(engine: EchoEngine, options: Partial<FrontOptions> = {}): Promise<Front> {
  return startFront(engine, {
    host: '127.0.0.1',
    port: 0,
    memory: null,
    bodyBytesMax: 100_000,
    adminToken: undefined,
    limits: resolveOptions({}).limits,
    ...options,
  });
}
