// The text of GET /metrics, at most once a second. Main thread; the samples are counted by the monitor, which is asked
// when somebody scrapes and not before.
import { exposition } from '../../metrics/exposition.ts';
import { writeTritonNames } from '../../metrics/triton-exposition.ts';
import type { CheckView, EngineView, ModelView } from '../../metrics/views.ts';
import { packageVersion } from '../../base/package-root.ts';
import { PHASES } from '../../rollout/events.ts';
import { reasonOf } from '../../base/errors.ts';
import type { EngineContext, EngineLife } from '../models/context.ts';
import type { ModelTable } from '../models/model-table.ts';
import type { ServedModel } from '../models/served-model.ts';

/** So long a text is given out again, however many scrape. */
const FRESH_US = 1e6;

export class MetricsPage {
  readonly #context: EngineContext;
  readonly #models: ModelTable;
  readonly #life: EngineLife;
  readonly #version = packageVersion();
  readonly #startSeconds = (performance.timeOrigin || Date.now()) / 1e3;
  #text: { readonly atUs: number; readonly text: string } | null = null;
  #writing: Promise<string> | null = null;

  constructor(context: EngineContext, models: ModelTable, life: EngineLife) {
    this.#context = context;
    this.#models = models;
    this.#life = life;
  }

  /** The text of now, or of less than a second ago. */
  text(): Promise<string> {
    const nowUs = this.#context.clock.monotonicUs();
    if (this.#text !== null && nowUs - this.#text.atUs < FRESH_US) return Promise.resolve(this.#text.text);
    this.#writing ??= this.#write(nowUs).finally(() => (this.#writing = null));
    return this.#writing;
  }

  async #write(atUs: number): Promise<string> {
    const { monitor, log, options } = this.#context;
    // Without the monitor everything else is still worth knowing.
    await monitor.measure().catch((error: unknown) => {
      log.warn({ reason: reasonOf(error) }, 'the metrics lack the newest samples');
    });
    const view = this.#view();
    const text = exposition(view);
    if (options.tritonMetrics) writeTritonNames(text, view.models);
    this.#text = { atUs, text: text.toString() };
    return this.#text.text;
  }

  #view(): EngineView {
    const { meters, registry } = this.#context;
    const { front, isDraining } = this.#life;
    meters.retainOnly(new Set(registry.models().map(({ model }) => model)));
    const { user, system } = process.cpuUsage();
    return {
      models: [...this.#models.all.values()].map((served) => modelView(served, this.#context)),
      phases: PHASES,
      refusals: front?.refusals ?? new Map(),
      inFlight: front?.inFlight ?? 0,
      held: front?.held ?? { connections: 0, refusedConnections: 0, sockets: 0, unreadBytes: 0 },
      tls: front?.tls ?? null,
      isDraining,
      monitorRestarts: meters.monitorRestarts,
      process: {
        version: this.#version,
        node: process.versions.node,
        startSeconds: this.#startSeconds,
        cpuSeconds: (user + system) / 1e6,
        residentBytes: process.memoryUsage.rss(),
      },
    };
  }
}

function modelView(served: ServedModel, { meters, registry }: EngineContext): ModelView {
  const { model, rollout, health } = served;
  const active = rollout.activeVersion;
  return {
    model,
    meter: meters.of(model),
    active: active === null ? null : { version: active.version, digest: active.sha256 },
    lastGood: registry.model(model).lastGoodVersion,
    generation: rollout.active?.generation ?? 0,
    phase: rollout.phase,
    isHealthy: active !== null && (health?.violations.length ?? 0) === 0,
    pending: served.queues.reduce((sum, { pending }) => sum + pending, 0),
    loaded: rollout.deployments,
    checks: (health?.checks ?? []).map(({ check, value, limit }): CheckView => ({ check, value, limit })),
  };
}
