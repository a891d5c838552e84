// The operator's verbs on a data directory that no engine serves: the same registry, the same refusals, without
// anything loaded. An engine that starts later, or follows the directory, finds what was written here.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { momentOf, type Now, nowOf } from '../base/moment.ts';
import { isLastgoodError, lastgoodError } from '../base/errors.ts';
import type { ResolvedOptions } from '../options/options.ts';
import { packageVersion } from '../base/package-root.ts';
import { artifactPath } from '../artifacts/directory.ts';
import { verifyArtifact } from '../artifacts/verify.ts';
import type { ModelRecord, VersionRecord } from '../domain/records.ts';
import { Registry } from '../registry/registry.ts';
import { openStore, type StoreOptions } from '../registry/opening/open-store.ts';
import { lastFallbackGone } from '../rollout/last-fallback.ts';
import { baselineFromFile } from '../rollout/registration/baselines.ts';
import { DECISIONS_LOOKED_AT, justRolledBack, operatorDecision } from '../rollout/decisions.ts';
import type { DoneRollback } from '../rollout/decisions.ts';
import type { Rollback } from '../rollout/events.ts';
import { checkPromotable } from '../rollout/registration/promotable.ts';
import { declaring } from '../rollout/registration/expected-change.ts';
import { Preparation } from '../rollout/preparation/preparation.ts';
import { registerVersion, removeVersions } from '../rollout/registration/registration.ts';
import { pauseViewOf } from './answers.ts';
import type { ModelStatus, Promotion, Registration } from './answers.ts';
import { controlPlane, refuseWithoutEngine } from './commands.ts';
import type { Actor, Answer, Arguments, ControlPlane, OfflineVerb, Verb } from './commands.ts';

const DECISIONS_SHOWN = 5;

/** What a directory without an engine needs to know. */
export type OfflineOptions =
  Pick<ResolvedOptions, 'dataDir' | 'trialMs' | 'intraOpThreads'> &
  Partial<Pick<ResolvedOptions, 'trialMemoryBytes' | 'runMemoryMax' | 'preparedBytesMax'>>;

interface Directory extends OfflineOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly preparation: Preparation;
}

type Handler<V extends OfflineVerb> =
  (directory: Directory, args: Arguments<V>, actor: Actor) => Answer<V> | Promise<Answer<V>>;

const HANDLERS: { readonly [V in OfflineVerb]: Handler<V> } = {
  register,
  promote,
  rollback,
  confirm: ({ registry }, { model }, { by }) => registry.confirm({ model, by }),
  pin: ({ registry }, { model, reason = '' }, { by }) => registry.setPin(model, { by, reason }, by),
  unpin: ({ registry }, { model }, { by }) => registry.setPin(model, null, by),
  observe: ({ registry, clock }, { model, forMs, reason = '' }, { by }) => {
    const record = registry.setPause(model, forMs === undefined ? null : { by, reason, forMs }, by);
    return { model, pause: pauseViewOf(record, nowOf(clock)) };
  },
  quarantine: ({ registry }, args, { by }) => {
    const after = registry.quarantine({ reason: 'by an operator', ...args, by });
    return { ...after, warning: lastFallbackGone(registry, after) };
  },
  release: ({ registry }, args, { by }) => registry.release({ ...args, by }),
  baseline: ({ registry, clock }, { from = '', ...named }, { by }) =>
    baselineFromFile(registry, { ...named, from }, by, clock),
  remove: (directory, args, { by }) => removeVersions(directory, args, by),
  status: ({ registry, dataDir, clock }, { model }) => ({
    engine: 'offline', version: packageVersion(), dataDir, listen: null, tls: null, ui: 'off', pid: null,
    uptimeMs: null, residentBytes: null, memoryBytes: null, memoryMax: null, defaultModel: registry.firstActiveModel(),
    start: null,
    models: (model === undefined ? registry.models() : [registry.model(model)])
      .map((one) => statusOf(registry, one, nowOf(clock))),
  }),
  history: ({ registry }, { model, limit }) => registry.history(model, limit),
  explain: ({ registry }, { decision }) => ({ ...registry.findDecision(decision), saved: true }),
};

interface OfflineAccess extends Pick<StoreOptions, 'onUpgrade' | 'onOlder'> {
  /** Makes a directory that is not there. */
  readonly create?: boolean;
  /** False for verbs that only look: nothing is written, and a registry of an older format stays as it is. */
  readonly changes?: boolean;
}

/** Opens the data directory. Throws DATA_UNUSABLE, or DISK_REFUSED when there is no room for an upgrade. */
export function openOffline(
  options: OfflineOptions,
  clock: Clock,
  { create = false, changes = true, ...tell }: OfflineAccess = {},
): ControlPlane & { close(): Promise<void> } {
  const { dataDir } = options;
  if (!create && !existsSync(join(dataDir, 'registry'))) {
    const reason = 'there is no registry in it; wanted the --data of an engine, or register a first version';
    throw lastgoodError('DATA_UNUSABLE', { path: dataDir, reason });
  }
  const store = openStore({ dataDir, readOnly: !changes, ...tell });
  const registry = new Registry(store, clock);
  const preparation = new Preparation({ preparedBytesMax: 0, ...options, registry, clock });
  const directory = { ...options, registry, clock, preparation };
  const handlers: Readonly<Partial<Record<Verb, (...given: never[]) => unknown>>> = HANDLERS;
  const control = controlPlane(async (verb, args, actor) => {
    refuseWithoutEngine(verb, args, dataDir);
    const answer = await handlers[verb]?.(...[directory, args, actor] as never[]);
    await directory.registry.flushed();
    return answer;
  });
  return { ...control, close: () => store.close() };
}

async function register(
  directory: Directory,
  { promote: promotes, allowSignatureChange = false, force = false, ...request }: Arguments<'register'>,
  actor: Actor,
): Promise<Registration> {
  const version = await registerVersion(directory, { ...request, force }, actor.by);
  if (promotes !== true) return { version, activation: null };
  const target = { model: version.model, version: version.version };
  const activation = await promote(directory, { ...target, allowSignatureChange, force }, actor);
  return { version: directory.registry.version(target.model, target.version), activation };
}

async function promote(
  { registry, dataDir }: Directory,
  { model, version, allowSignatureChange = false, force = false, reason = '', expect }: Arguments<'promote'>,
  { by }: Actor,
): Promise<Promotion> {
  const { generation: expectedGeneration, activeVersion } = registry.model(model);
  const candidate = registry.version(model, version);
  checkPromotable(registry, candidate, { allowSignatureChange, force });
  await verifyArtifact(dataDir, candidate);
  const { generation } = registry.activate({
    model, version, expectedGeneration, by, reason, force, expectations: declaring(candidate, expect),
  });
  // Nothing is loaded here.
  return { model, version, from: activeVersion, generation, warning: null };
}

// Without a named version, what was done just now is the answer, also when another process does it meanwhile.
async function rollback(directory: Directory, args: Arguments<'rollback'>, actor: Actor): Promise<Rollback> {
  const { model, to, generation } = args;
  const just = (): DoneRollback | null => (to === undefined ? newestRollback(directory, model, generation) : null);
  const before = just();
  if (before !== null) return rollbackOf(directory, before);
  try {
    return rollbackOf(directory, await rollBack(directory, args, actor));
  } catch (error) {
    const meanwhile = isLastgoodError(error) ? just() : null;
    if (meanwhile === null) throw error;
    return rollbackOf(directory, meanwhile);
  }
}

function newestRollback({ registry, clock }: Directory, model: string, meant?: number): DoneRollback | null {
  const decisions = registry.decisions(model, DECISIONS_LOOKED_AT);
  return justRolledBack(decisions, registry.model(model).generation, nowOf(clock), meant);
}

async function rollBack(
  directory: Directory,
  { model, to, reason = 'requested by an operator', generation: meant }: Arguments<'rollback'>,
  { by }: Actor,
): Promise<DoneRollback> {
  const { registry, clock } = directory;
  const { generation, activeVersion } = registry.model(model);
  if (activeVersion === null) throw lastgoodError('NO_ACTIVE_VERSION', { model });
  const { version } = await intactTarget(directory, model, to);
  const context = { version: activeVersion, generation, at: momentOf(clock) };
  const { model: after, decision } = registry.rollback({
    model, expectedGeneration: meant ?? generation, to: version, by, reason,
    decide: (target) => operatorDecision(model, context, target, reason, { by, health: null }),
  });
  return { ...decision, newGeneration: after.generation };
}

function rollbackOf(
  { registry, dataDir }: Directory,
  { model, version, rolledBackTo, targetTrust = 'unproven', newGeneration, id }: DoneRollback,
): Rollback {
  const target = registry.version(model, rolledBackTo ?? '');
  return {
    model, rolledBackTo: target.version, trust: targetTrust, from: version, generation: newGeneration,
    path: artifactPath(dataDir, target), decision: id, stored: true,
  };
}

// Nothing can be loaded here, but a file that is gone or damaged must not become the active version.
async function intactTarget(
  { registry, dataDir }: Directory, model: string, to: string | undefined,
): Promise<VersionRecord> {
  const except = new Set<string>();
  for (;;) {
    const candidate = registry.rollbackTarget(model, { to, except });
    if (candidate === undefined) throw registry.noRollbackTarget(model, to);
    const intact = await verifyArtifact(dataDir, candidate).catch(() => null);
    if (intact !== null) return candidate;
    except.add(candidate.version);
  }
}

function statusOf(registry: Registry, model: ModelRecord, now: Now): ModelStatus {
  return {
    model,
    saved: true,
    phase: 'offline',
    pause: pauseViewOf(model, now),
    versions: registry.versions(model.model),
    deployments: [],
    limits: null, room: null, health: null,
    pending: 0,
    shielded: 0,
    stuckWorkers: 0,
    refused: [],
    pairs: null, sources: null, sights: null,
    recentDecisions: registry.decisions(model.model, DECISIONS_SHOWN),
  };
}
