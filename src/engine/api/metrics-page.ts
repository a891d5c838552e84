// The text of GET /metrics, at most once a second. Main thread; the samples are counted by the monitor, which is asked
// when somebody scrapes and not before.
import { CHECKS } from '../../judge/checks/table.ts';
import { checksInForce } from '../../judge/checks/suite.ts';
import { exposition } from '../../metrics/exposition.ts';
import { writeTritonNames } from '../../metrics/triton-exposition.ts';
import type { CheckView, EngineView, ModelView } from '../../metrics/views.ts';
import { anonymousBytes } from '../../base/process-memory.ts';
import { packageVersion } from '../../base/package-root.ts';
import { PHASES } from '../../rollout/phases.ts';
import { reasonOf } from '../../base/errors.ts';
import type { EngineContext, EngineLife } from '../models/context.ts';
import type { ModelTable } from '../models/model-table.ts';
import { recordInForce } from '../models/model-views.ts';
import type { ServedModel } from '../models/served-model.ts';

/** So long a text is given out again, however many scrape. */
const FRESH_US = 1e6;

/** Gives the text of now, or of less than a second ago. */
export function createMetricsPage(context: EngineContext, table: ModelTable, life: EngineLife): () => Promise<string> {
  const { registry, meters, monitor, clock, log, options } = context;
  const version = packageVersion();
  let written: { readonly atUs: number; readonly text: string } | null = null;
  let writing: Promise<string> | null = null;

  const view = (): EngineView => {
    const { front, isDraining } = life;
    meters.retainOnly(new Set(registry.models().map(({ model }) => model)));
    const { user, system } = process.cpuUsage();
    return {
      models: [...table.all.values()].map((served) => modelView(served, context)),
      phases: PHASES,
      refusals: front?.refusals ?? new Map(),
      inFlight: front?.inFlight ?? 0,
      held: front?.held ?? { connections: 0, refusedConnections: 0, sockets: 0, unreadBytes: 0 },
      tls: front?.tls ?? null,
      isDraining,
      monitorRestarts: meters.monitorRestarts,
      ...context.inFlight?.starts ?? { restarts: 0, stalls: 0 },
      isDiskWritable: registry.isWritable,
      process: {
        version,
        node: process.versions.node,
        startSeconds: performance.timeOrigin / 1e3,
        cpuSeconds: (user + system) / 1e6,
        residentBytes: process.memoryUsage.rss(),
        memoryBytes: context.memory?.usedBytes ?? anonymousBytes(),
        memoryMax: context.memory?.limitBytes ?? null,
      },
    };
  };

  const write = async (atUs: number): Promise<string> => {
    // Without the monitor everything else is still worth knowing.
    await monitor.measure().catch((error: unknown) => {
      log.warn({ reason: reasonOf(error) }, 'the metrics lack the newest samples');
    });
    const shown = view();
    const page = exposition(shown);
    if (options.tritonMetrics) writeTritonNames(page, shown.models);
    const text = page.toString();
    written = { atUs, text };
    return text;
  };

  return () => {
    const nowUs = clock.monotonicUs();
    if (written !== null && nowUs - written.atUs < FRESH_US) return Promise.resolve(written.text);
    writing ??= write(nowUs).finally(() => (writing = null));
    return writing;
  };
}

function modelView(served: ServedModel, context: EngineContext): ModelView {
  const { model, rollout, health } = served;
  const active = rollout.activeVersion;
  const meter = context.meters.of(model);
  const loaded = new Set(rollout.deployments.map(({ version }) => version));
  meter.retainOnly((version) => loaded.has(version) || context.registry.hasVersion(model, version));
  return {
    model,
    meter,
    active: active === null ? null : { version: active.version, digest: active.sha256 },
    lastGood: recordInForce(served, context).lastGoodVersion,
    generation: rollout.active?.generation ?? 0,
    isSaved: rollout.isSaved,
    phase: rollout.phase,
    isHealthy: active !== null && (health?.violations.length ?? 0) === 0,
    pending: served.queues.reduce((sum, { pending }) => sum + pending, 0),
    loaded: rollout.deployments,
    checksInForce: checksInForce(served.options.judge),
    sources: served.sources.known,
    checks: (health?.checks ?? []).map(({ check, value, limit }): CheckView =>
      ({ check, unit: CHECKS[check].unit, value, limit })),
  };
}
