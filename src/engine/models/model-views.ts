// What clients and operators are shown of one served model. Main thread; called when somebody asks.
import { type ModelStatus, pauseViewOf } from '../../admin/answers.ts';
import { isPrepared } from '../../artifacts/prepared.ts';
import { anonymousBytes } from '../../base/process-memory.ts';
import { type Room, roomFor } from '../../rollout/deployment/room.ts';
import { workersFor } from '../../options/options.ts';
import type { HealthAnswer } from '../../api/serving-api.ts';
import type { ModelRecord } from '../../domain/records.ts';
import { nowOf } from '../../base/moment.ts';
import type { Sights } from '../../judge/checks/detectability.ts';
import { keptPerSecond, sightsOf } from '../../judge/checks/detectability.ts';
import { limitsView } from '../../domain/run-limits.ts';
import { runLimits } from '../../rollout/deployment/run-limits.ts';
import { activeMs, trustOf, whyNoTarget } from '../../registry/rules.ts';
import { type Outlook, outlookOf } from '../../rollout/outlook.ts';
import type { EngineContext } from './context.ts';
import type { ServedModel } from './served-model.ts';

const DECISIONS_SHOWN = 5;

/** Memory for `version`, or else for the newest that is not loaded, or one like the active; null when there is none. */
export function roomOf(served: ServedModel, context: EngineContext, version?: string): Room | null {
  const { registry, preparation, memory, options: { dataDir } } = context;
  const { model, rollout, options } = served;
  const loaded = rollout.deployments.map((one) => one.version);
  const newest = [...registry.versions(model)].sort((a, b) => b.registeredAtMs - a.registeredAtMs);
  const named = newest.find((one) => one.version === version);
  const next = newest.find((one) => !loaded.includes(one.version)) ?? rollout.activeVersion;
  const candidate = version === undefined ? next : named;
  if (!candidate) return null;
  const key = preparation.keyOf(candidate);
  return roomFor(candidate, {
    workers: rollout.deployments[0]?.workers || workersFor(options, registry.models().length),
    isPrepared: key !== null && isPrepared(dataDir, key),
    usedBytes: memory?.usedBytes ?? anonymousBytes(), limitBytes: memory?.limitBytes ?? null,
  });
}

/** The model's record as what answers has it, also while the disk refuses the rollback that brought that up. */
export function recordInForce({ model, rollout }: ServedModel, { registry }: EngineContext): ModelRecord {
  const record = rollout.inForce(() => registry.model(model));
  const { unsaved } = rollout;
  if (unsaved === null) return record;
  return { ...record, activatedAtMs: unsaved.atMs, ...(unsaved.at && { activated: unsaved.at }) };
}

/** The answer of GET /health. */
export function healthAnswerOf(served: ServedModel, context: EngineContext): HealthAnswer {
  const { model, rollout, health, batcher, counts } = served;
  const record = recordInForce(served, context);
  const { stuckWorkers } = served;
  const violations = [...(health?.violations ?? []), ...stuckText(served)];
  return {
    healthy: rollout.active !== null && violations.length === 0,
    violations: rollout.active === null ? ['no version is active'] : violations,
    model,
    active_model: rollout.activeVersion?.version ?? null,
    last_good: record.lastGoodVersion,
    last_good_trust: record.lastGoodTrust ?? null,
    generation: rollout.active?.generation ?? record.generation,
    saved: rollout.isSaved,
    phase: rollout.phase,
    p95_latency_ms: health?.p95LatencyMs ?? null,
    error_rate: health?.errorRate ?? null,
    prediction_drift: health?.predictionDrift ?? null,
    samples: health?.windowSamples ?? 0,
    lapped_samples: health?.totals.lapped ?? 0,
    pending: batcher.pending,
    shielded: counts.shielded,
    stuck_workers: stuckWorkers,
    pinned: record.pin !== null,
  };
}

function stuckText({ stuckWorkers, rollout }: ServedModel): string[] {
  const workers = rollout.active?.deployment.workers ?? 0;
  return stuckWorkers === 0 ? [] : [`${stuckWorkers} of ${workers} workers are stuck in a run past its deadline`];
}

/** One model of `lastgood status`. */
export function statusOf(served: ServedModel, context: EngineContext): ModelStatus {
  const { registry } = context;
  const { model, rollout, health, batcher, counts } = served;
  const active = rollout.activeVersion;
  const record = recordInForce(served, context);
  return {
    model: record,
    saved: rollout.isSaved,
    phase: rollout.phase,
    pause: pauseViewOf(record, nowOf(context.clock)),
    versions: rollout.inForce(() => registry.versions(model)),
    deployments: rollout.deployments,
    limits: active === null
      ? null : limitsView(runLimits(served.options, active), active),
    room: roomOf(served, context),
    health,
    pending: batcher.pending,
    shielded: counts.shielded,
    stuckWorkers: served.stuckWorkers,
    refused: context.refused.of(model),
    pairs: served.pairs.standing,
    sources: served.sources.view(),
    sights: sightsNow(served, context),
    recentDecisions: rollout.inForce(() => registry.decisions(model, DECISIONS_SHOWN)),
  };
}

/** What would be done about it now; `uptimeMs` of the engine, which has gathered pairs for no longer. */
export function outlookNow(served: ServedModel, context: EngineContext, uptimeMs: number): Outlook {
  const { registry, clock } = context;
  const { model, rollout, health, options } = served;
  const now = nowOf(clock);
  const record = recordInForce(served, context);
  const servedMs = activeMs(record, now) ?? uptimeMs;
  const target = rollout.inForce(() => registry.rollbackTarget(model));
  return outlookOf({
    record, options, phase: rollout.phase, health, now,
    version: rollout.activeVersion?.version ?? null,
    generation: rollout.active?.generation ?? record.generation,
    pairs: served.pairs.standing,
    sources: served.sources.view(),
    pairingMs: Math.min(uptimeMs, servedMs),
    servedMs,
    target: target === undefined ? null : {
      version: target.version, trust: trustOf(target), isLoaded: served.loadedVersions.includes(target.version),
    },
    noTargetBecause: target === undefined
      ? whyNoTarget(rollout.inForce(() => registry.versions(model)), record.activeVersion) : [],
  });
}

// By what came in during the short window, or else by what is expected.
function sightsNow(served: ServedModel, context: EngineContext): Sights | null {
  const { model, rollout, health, options } = served;
  const { registry, clock } = context;
  const { judge, samples } = options;
  const active = rollout.activeVersion;
  if (active === null || samples === 'off' || judge.mode === 'compat') return null;
  const servedMs = activeMs(recordInForce(served, context), nowOf(clock)) ?? judge.windowMs;
  const ageMs = Math.max(1, Math.min(judge.windowMs, servedMs));
  const observed = ((health?.windowSamples ?? 0) * 1_000) / ageMs;
  const perSecond = observed > 0 ? observed : (judge.expectedPerSecond ?? 0);
  const { requests = 0, predictions = 0 } = health?.totals ?? {};
  const predicted = perSecond * (requests > 0 ? predictions / requests : 1);
  const traffic = { requests: perSecond, predictions: predicted, inputs: keptPerSecond(predicted) };
  const baseline = registry.baselineOf(model, active.version);
  return {
    perSecond,
    traffic: observed > 0 ? 'observed' : perSecond > 0 ? 'expected' : 'none',
    checks: sightsOf(judge, baseline, traffic, health?.checks ?? []),
  };
}
