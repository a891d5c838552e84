// The operator's verbs on the running engine; the admin socket, the CLI and the library all end here. Main thread.
// A refused verb has changed nothing, and what a verb returns is on disk.
import { performance } from 'node:perf_hooks';
import { type EngineStatus, type ExplainedDecision, pauseViewOf, type Registration } from '../../admin/answers.ts';
import type { Actor, Answer, Arguments, ControlPlane } from '../../admin/commands.ts';
import { nowOf } from '../../base/moment.ts';
import { isLastgoodError, lastgoodError } from '../../base/errors.ts';
import { optionsOfModel, uiMode } from '../../options/options.ts';
import { mergedSession } from '../../options/session-options.ts';
import { anonymousBytes } from '../../base/process-memory.ts';
import { packageVersion } from '../../base/package-root.ts';
import { artifactPath } from '../../artifacts/directory.ts';
import type { EventRecord, ModelRecord, VersionRecord } from '../../domain/records.ts';
import { lastFallbackGone } from '../../rollout/last-fallback.ts';
import { baselineFromFile, keepingInputs, warningsWith } from '../../rollout/registration/baselines.ts';
import type { Outlook } from '../../rollout/outlook.ts';
import type { DoneRollback } from '../../rollout/decisions.ts';
import type { Rollback } from '../../rollout/events.ts';
import { registerVersion, removeVersions } from '../../rollout/registration/registration.ts';
import { assertHealthy, labelNamesIn, liveBaseline } from '../safety/capture.ts';
import type { EngineContext, EngineLife } from '../models/context.ts';
import { roomWarning } from '../../rollout/deployment/room.ts';
import type { ModelTable } from '../models/model-table.ts';
import { outlookNow, roomOf, statusOf } from '../models/model-views.ts';

export class OperatorApi implements ControlPlane {
  readonly #context: EngineContext;
  readonly #table: ModelTable;
  readonly #life: EngineLife;
  /** Registrations run one after the other: each one's trial may take a core and the memory of a whole model. */
  #lastRegistration: Promise<unknown> = Promise.resolve();

  constructor(context: EngineContext, table: ModelTable, life: EngineLife) {
    this.#context = context;
    this.#table = table;
    this.#life = life;
  }

  async register(args: Arguments<'register'>, { by }: Actor): Promise<Registration> {
    const { registry, clock, log, options, preparation } = this.#context;
    const { dataDir, trialMs, trialMemoryBytes, intraOpThreads } = options;
    this.#life.assertOpen();
    const { promote, allowSignatureChange, force, ...request } = args;
    const ofModel = optionsOfModel(options, request.model);
    const session = mergedSession(ofModel.session, request.session);
    const registration = this.#lastRegistration.then(() =>
      registerVersion({
        dataDir, registry, clock, trialMs, trialMemoryBytes, intraOpThreads, preparation,
        runMemoryMax: ofModel.runMemoryMax, p95LimitMs: ofModel.judge.p95LimitMs,
      }, { ...request, ...(session === undefined ? {} : { session }), force: force ?? false }, by),
    );
    this.#lastRegistration = registration.catch(() => undefined);
    const version = await registration;
    log.info({ model: version.model, version: version.version, by, warnings: version.warnings }, 'registered');
    this.#table.followModels();
    if (promote !== true) return { version, activation: null };
    const target = { model: version.model, version: version.version };
    const leave = { allowSignatureChange: allowSignatureChange ?? false, force: force ?? false };
    const activation = await this.promote({ ...target, ...leave }, { by });
    return { version: registry.version(version.model, version.version), activation };
  }

  async promote(args: Arguments<'promote'>, { by }: Actor): Promise<Answer<'promote'>> {
    this.#life.assertOpen();
    // Who promotes a version of an unloaded model wants the model back; it has to be up before it can change.
    const wasUnloaded = await this.#table.setUnloaded(args.model, false, by);
    this.#table.followModels();
    const { rollout } = this.#table.served(args.model);
    // Brought back is what was active before, and that may be all that was asked for.
    if (wasUnloaded && rollout.active !== null && rollout.activeVersion?.version === args.version) {
      const { generation } = rollout.active;
      return { model: args.model, version: args.version, from: null, generation, warning: null };
    }
    const warning = this.#warnOfRoom(args);
    const activation = await rollout.promote(args.version, {
      allowSignatureChange: args.allowSignatureChange ?? false,
      force: args.force ?? false,
      reason: args.reason ?? '',
      expect: args.expect,
      by,
    });
    return { ...activation, warning };
  }

  // An estimate is no reason to refuse what an operator wants: large work is refused before memory runs out.
  #warnOfRoom({ model, version }: Arguments<'promote'>): string | null {
    const served = this.#table.served(model);
    const isLoaded = served.rollout.deployments.some((one) => one.version === version);
    const room = isLoaded ? null : roomOf(served, this.#context, version);
    const warning = room === null ? null : roomWarning(room);
    if (room === null || warning === null) return null;
    const { bytes, usedBytes, limitBytes } = room;
    this.#context.log.warn({ model, version, bytes, usedBytes, limitBytes },
      'promoted with less memory than its trial says that it takes; see lastgood status');
    return warning;
  }

  async rollback(args: Arguments<'rollback'>, { by }: Actor): Promise<Rollback> {
    this.#life.assertOpen();
    const { registry, options } = this.#context;
    const served = this.#table.served(args.model);
    const { newGeneration, rolledBackTo, targetTrust = 'unproven', version, id } = await this.#rolledBack(args, by);
    const target = rolledBackTo ?? '';
    const path = artifactPath(options.dataDir, registry.version(served.model, target));
    return {
      model: served.model, rolledBackTo: target, trust: targetTrust, from: version, generation: newGeneration, path,
      decision: id, stored: served.rollout.isSaved,
    };
  }

  // Without a named version, what was done just now is the answer, also when it was done while this one went ahead.
  async #rolledBack(args: Arguments<'rollback'>, by: string): Promise<DoneRollback> {
    const { rollout, health } = this.#table.served(args.model);
    const { reason = 'requested by an operator', to, generation } = args;
    const just = (): DoneRollback | null => (to === undefined ? rollout.justRolledBack(generation) : null);
    const before = just();
    if (before !== null) return before;
    try {
      return await rollout.rollback({
        by, reason, health, ...(to !== undefined && { to }), ...(generation !== undefined && { generation }),
      });
    } catch (error) {
      const meanwhile = isLastgoodError(error) ? just() : null;
      if (meanwhile === null) throw error;
      return meanwhile;
    }
  }

  async confirm({ model }: Arguments<'confirm'>, { by }: Actor): Promise<ModelRecord> {
    await this.#table.served(model).rollout.confirm(by);
    return this.#context.registry.model(model);
  }

  async pin({ model, reason }: Arguments<'pin'>, { by }: Actor): Promise<ModelRecord> {
    const { registry } = this.#context;
    return registry.commit(() => registry.setPin(model, { by, reason: reason ?? '' }, by));
  }

  async unpin({ model }: Arguments<'unpin'>, { by }: Actor): Promise<ModelRecord> {
    const { registry } = this.#context;
    return registry.commit(() => registry.setPin(model, null, by));
  }

  async observe({ model, forMs, reason = '' }: Arguments<'observe'>, { by }: Actor): Promise<Answer<'observe'>> {
    const { registry, clock, log } = this.#context;
    const record = await registry.commit(() =>
      registry.setPause(model, forMs === undefined ? null : { by, reason, forMs }, by));
    const what = forMs === undefined ? 'the judge may act' : 'the judge watches only';
    log.warn({ model, by, forMs: forMs ?? 0, reason }, what);
    return { model, pause: pauseViewOf(record, nowOf(clock)) };
  }

  async quarantine(args: Arguments<'quarantine'>, { by }: Actor): Promise<Answer<'quarantine'>> {
    const { registry, emit } = this.#context;
    const { model } = args;
    const after = await registry.commit(() => registry.quarantine({ reason: 'by an operator', ...args, by }));
    this.#table.served(model).rollout.reconsider();
    const warning = lastFallbackGone(registry, after);
    const what = 'the last version to go back to is gone';
    if (warning !== null) emit({ kind: 'problem', model, what, reason: warning });
    return { ...after, warning };
  }

  async release(args: Arguments<'release'>, { by }: Actor): Promise<VersionRecord> {
    const { registry } = this.#context;
    const after = await registry.commit(() => registry.release({ ...args, by }));
    this.#table.served(args.model).rollout.reconsider();
    return after;
  }

  async baseline(args: Arguments<'baseline'>, { by }: Actor): Promise<VersionRecord> {
    const { registry, clock } = this.#context;
    const { model, version, from } = args;
    const served = this.#table.served(model);
    const named = version === undefined ? { model } : { model, version };
    const after = from === undefined
      ? await this.#capture(named, args.acceptNewDistribution === true, by)
      : await baselineFromFile(registry, { ...named, from }, by, clock);
    served.baselineChanged(after);
    return after;
  }

  async #capture(
    { model, version }: { model: string; version?: string }, acceptsNew: boolean, by: string,
  ): Promise<VersionRecord> {
    const { registry, monitor, clock } = this.#context;
    const served = this.#table.served(model);
    const active = served.rollout.activeVersion;
    if (active === null) throw lastgoodError('NO_ACTIVE_VERSION', { model });
    if (version !== undefined && version !== active.version) {
      throw lastgoodError('INVALID_REQUEST', {
        reason: `version "${version}" does not answer now; only the active version "${active.version}" can be captured`,
      });
    }
    assertHealthy(model, served.health?.checks ?? [], acceptsNew);
    const others = registry.versions(model);
    const captured = liveBaseline(await monitor.capture(model), {
      version: active, generation: served.rollout.active?.generation ?? null, others,
      labelNames: () => labelNamesIn(others.map(({ version: name }) => registry.baselineOf(model, name))),
      options: served.options.judge, acceptsNew, nowMs: clock.wallMs(),
    });
    const before = registry.version(model, active.version);
    const baseline = keepingInputs(captured, registry.baselineOf(model, active.version));
    const warnings = warningsWith(before, baseline);
    return registry.commit(() => registry.setBaseline({ model, version: active.version, baseline, warnings, by }));
  }

  async remove(args: Arguments<'remove'>, { by }: Actor): Promise<Answer<'remove'>> {
    const { dataDir } = this.#context.options;
    const result = await removeVersions({ ...this.#context, dataDir }, args, by);
    this.#table.followModels();
    return result;
  }

  status({ model }: Arguments<'status'>): Promise<EngineStatus> {
    const { options } = this.#context;
    const { front, isDraining, startedMs } = this.#life;
    const table = this.#table;
    return inTurn(() => ({
      engine: isDraining ? 'draining' : 'running',
      version: packageVersion(),
      dataDir: options.dataDir,
      listen: front === null ? null : `${front.host}:${front.port}`,
      tls: front?.tls ?? null,
      ui: front === null ? 'off' : uiMode(options, front.host),
      pid: process.pid,
      uptimeMs: Math.round(performance.now() - startedMs),
      residentBytes: process.memoryUsage.rss(),
      memoryBytes: this.#context.memory?.usedBytes ?? anonymousBytes(),
      memoryMax: this.#context.memory?.limitBytes ?? null,
      defaultModel: table.defaultModel,
      start: table.progress,
      models: (model === undefined ? [...table.all.values()] : [table.served(model)])
        .map((served) => statusOf(served, this.#context)),
    }));
  }

  history({ model, limit }: Arguments<'history'>): Promise<EventRecord[]> {
    return inTurn(() => this.#context.registry.history(model, limit));
  }

  // Those that the disk refuses are in force, and so come before what is stored.
  explain({ decision }: Arguments<'explain'>): Promise<ExplainedDecision> {
    return inTurn(() => {
      const unsaved = [...this.#table.all.values()].map(({ rollout }) => rollout.unsaved).filter((one) => one !== null)
        .sort((a, b) => b.atMs - a.atMs).find(({ id }) => decision === undefined || id === decision);
      return unsaved === undefined
        ? { ...this.#context.registry.findDecision(decision), saved: true } : { ...unsaved, saved: false };
    });
  }

  outlook({ model }: Arguments<'outlook'>): Promise<Outlook> {
    const uptimeMs = performance.now() - this.#life.startedMs;
    return inTurn(() => outlookNow(this.#table.served(model), this.#context, uptimeMs));
  }

  async drain(_args: Arguments<'drain'>, { by }: Actor): Promise<Answer<'drain'>> {
    this.#context.log.info({ by }, 'draining');
    const { answered } = await this.#life.drain();
    return { answered };
  }
}

// What throws becomes a rejection, as in every other verb.
function inTurn<T>(read: () => T): Promise<T> {
  return Promise.resolve().then(read);
}
