// Every change of the registry, each in one transaction together with the event that tells of it. Main thread, or a CLI
// without an engine. Invariants: a generation only grows; a version is unhealthy before another is active in its
// place; a refused change leaves every byte as it was.
import type { Clock } from '../base/clock.ts';
import { lastgoodError } from '../base/errors.ts';
import { NO_CRASHES } from './boot-guard.ts';
import { type Commit, commitAtOnce } from './commit/commits.ts';
import { forgetModel, forgetVersions, pruneEvents, storeDecision } from './retention.ts';
import { bootKey, eventKey, modelKey, versionKey } from './store/keys.ts';
import { activeMs, emptyModel, hasServedLong, nextFreeVersion, numberAfter, speaksAgainst, trustOf } from './rules.ts';
import { leftMs, momentOf, nowOf, type Pause } from '../base/moment.ts';
import { spanText } from '../base/span.ts';
import { checkName } from '../base/names.ts';
import type { ExpectedChange } from '../domain/known-answers.ts';
import { RegistryReader } from './reader.ts';
import type {
  Attachments, Baseline, DecisionRecord, EventKind, EventRecord, ModelRecord, Trust, VersionHealth, VersionRecord,
} from '../domain/records.ts';
import type { RegistryStore } from './store/store.ts';
import { attach, lastGoodOf, putVersion, summaryOfBaseline, summaryOfGolden } from './versions.ts';

/** Who acts without being asked. */
const MACHINE: readonly string[] = ['monitor', 'engine'];

type NewVersion = Omit<
  VersionRecord,
  | 'version' | 'health' | 'earned' | 'quarantine' | 'lastGeneration' | 'registeredAtMs' | 'registeredBy'
  | keyof Attachments
> & { readonly version?: string } & Pick<Partial<Attachments>, 'validation'>
  & { readonly expectedPairs?: Attachments['expected'] }
  & { readonly [K in 'baseline' | 'golden']: Attachments[K] | null };
type NewEvent = Pick<EventRecord, 'kind' | 'by' | 'reason' | 'from' | 'to' | 'decision'>;

const isPaused = ({ pause }: ModelRecord, clock: Clock): boolean =>
  !!pause && leftMs(pause.since, pause.forMs, nowOf(clock)) > 0;

export class Registry extends RegistryReader {
  readonly #clock: Clock;
  readonly commit: Commit;

  constructor(store: RegistryStore, clock: Clock, commit = commitAtOnce) {
    super(store);
    this.#clock = clock;
    // What spans are measured by across a start of the host is the date as it is now.
    nowOf(clock);
    this.commit = commit;
  }

  /** Resolves when all changes so far would survive a power loss; await it before acknowledging one. */
  flushed(): Promise<void> {
    return this.store.flushed();
  }

  /** Writes down a decision after which its version stayed; one that speaks against it marks it as failed. */
  storeDecision(decision: DecisionRecord): void {
    const { id, model, version, atMs, at } = decision;
    this.store.transaction(() => {
      storeDecision(this.store, decision, nowOf(this.#clock));
      if (!speaksAgainst(decision)) return;
      putVersion(this.store, { ...this.version(model, version), failed: { decision: id, atMs, ...(at && { at }) } });
      const record = this.model(model);
      this.store.put(modelKey(model), { ...record, ...lastGoodOf(this.store, record) });
    });
  }

  /**
   * The version that serves as `generation` fails no more, so that the machine may act again; with `isProven`,
   * over the time of a probation, earns its trust anew. Throws GENERATION_CONFLICT.
   */
  recover(change: {
    readonly model: string; readonly generation: number; readonly reason: string; readonly isProven: boolean;
  }): void {
    const { model, generation, reason, isProven } = change;
    this.store.transaction(() => {
      const active = this.#expectActive(model, generation);
      if (isProven) this.#earn(this.version(model, active), 'probation ended');
      const event = { by: 'monitor', reason, from: active, to: active, decision: null };
      this.#recordAbout(model, { kind: 'recovered', ...event }, { stoppedGeneration: 0 });
    });
  }

  /** Adds a version, and its model with the first one; throws VERSION_EXISTS. Returns the stored record. */
  createVersion(fresh: NewVersion, by: string): VersionRecord {
    checkName('the model name', fresh.model);
    if (fresh.version !== undefined) checkName('the version', fresh.version);
    const { baseline, golden, validation = [], expectedPairs = null, ...about } = fresh;
    return this.store.transaction(() => {
      this.store.assertMayGrow();
      const model = this.store.get(modelKey(fresh.model)) ?? emptyModel(fresh.model, this.#clock.wallMs());
      const isTaken = (name: string): boolean => this.store.get(versionKey(fresh.model, name)) !== undefined;
      const version = fresh.version ?? nextFreeVersion(model.nextVersion, isTaken);
      if (isTaken(version)) throw lastgoodError('VERSION_EXISTS', { model: fresh.model, version });
      const record: VersionRecord = {
        ...about, baseline: summaryOfBaseline(baseline), golden: summaryOfGolden(golden),
        version, health: 'new', earned: null, quarantine: null, lastGeneration: 0,
        registeredAtMs: this.#clock.wallMs(), registeredBy: by,
      };
      putVersion(this.store, record);
      attach(this.store, record, 'baseline', baseline);
      attach(this.store, record, 'golden', golden);
      if (validation.length > 0) attach(this.store, record, 'validation', validation);
      attach(this.store, record, 'expected', expectedPairs);
      this.#write({ ...model, nextVersion: numberAfter(version, model.nextVersion) }, {
        kind: 'register', by, reason: fresh.sha256, from: null, to: version, decision: null,
      });
      return record;
    });
  }

  /**
   * Makes `version` the active one, if `expectedGeneration` still is. Throws GENERATION_CONFLICT, PINNED, QUARANTINED,
   * ALREADY_ACTIVE or, unless by `force`, FILE_QUARANTINED.
   */
  activate(change: {
    readonly model: string;
    readonly version: string;
    readonly expectedGeneration: number;
    readonly by: string;
    readonly reason: string;
    readonly force?: boolean;
    /** What is new in the version's record by it. */
    readonly expectations?: Pick<VersionRecord, 'expect' | 'warnings'> | undefined;
  }): ModelRecord {
    const { model, version, by, force = false, expectations } = change;
    return this.store.transaction(() => {
      const record = this.#expect(model, change.expectedGeneration);
      const target = this.version(model, version);
      this.assertPromotable(record, target, force);
      const twin = this.twinOf(target);
      const forced = `forced by ${by}, although its file is in quarantine as version "${twin?.version ?? ''}"`;
      const reasons = [change.reason, twin === null ? '' : forced].filter((text) => text !== '');
      this.#earnByTime(record);
      return this.#makeActive(record, { ...target, ...expectations }, null, {
        kind: 'promote', by, reason: reasons.join('; '), from: record.activeVersion, to: version, decision: null,
      });
    });
  }

  // What has served for long is trusted from when another takes its place.
  #earnByTime(record: ModelRecord): void {
    if (record.activeVersion === null) return;
    const active = this.version(record.model, record.activeVersion);
    if (hasServedLong(active, activeMs(record, nowOf(this.#clock)) ?? 0)) this.#earn(active, 'served 7 days');
  }

  /**
   * Marks the active version unhealthy and makes `to` (by default the last good one) active, if `expectedGeneration`
   * still is; a named one may have failed. Throws NO_ROLLBACK_TARGET, GENERATION_CONFLICT or, for the
   * monitor, PINNED or JUDGE_PAUSED; then nothing has changed.
   */
  rollback(change: {
    readonly model: string; readonly expectedGeneration: number;
    readonly to?: string;
    readonly by: string; readonly reason: string;
    readonly decide: (target: string) => DecisionRecord;
  }): { readonly model: ModelRecord; readonly decision: DecisionRecord } {
    const { model, by, reason } = change;
    return this.store.transaction(() => {
      const record = this.#expect(model, change.expectedGeneration);
      const failing = record.activeVersion;
      // Set while the machine was making up its mind: a person's word counts.
      if (by === 'monitor' && record.pin !== null) throw lastgoodError('PINNED', { model, version: failing ?? '' });
      if (by === 'monitor' && isPaused(record, this.#clock)) throw lastgoodError('JUDGE_PAUSED', { model });
      const target = this.rollbackTarget(model, { to: change.to });
      if (failing === null || target === undefined) throw this.noRollbackTarget(model, change.to);
      this.#setHealth(this.version(model, failing), 'unhealthy', reason, by);
      const targetTrust = trustOf(target);
      const decision = { ...change.decide(target.version), targetTrust };
      storeDecision(this.store, decision, nowOf(this.#clock));
      const at = momentOf(this.#clock);
      const changed = MACHINE.includes(by) ? {
        ...record, lastAutomaticRollbackAtMs: at.wallMs, lastAutomaticRollback: at,
        restoredGeneration: record.generation + 1,
      } : record;
      const after = this.#makeActive(changed, target, targetTrust === 'unproven' ? null : at.wallMs, {
        kind: 'rollback', by, reason, from: failing, to: target.version, decision: decision.id,
      });
      return { model: after, decision };
    });
  }

  #expect(model: string, expected: number): ModelRecord {
    const record = this.model(model);
    if (record.generation === expected) return record;
    throw lastgoodError('GENERATION_CONFLICT', { model, expected, found: record.generation });
  }

  #expectActive(model: string, generation: number): string {
    const { activeVersion } = this.#expect(model, generation);
    if (activeVersion === null) throw lastgoodError('NO_ACTIVE_VERSION', { model });
    return activeVersion;
  }

  #makeActive(
    record: ModelRecord, target: VersionRecord, probationEndedAtMs: number | null, event: NewEvent,
  ): ModelRecord {
    const generation = record.generation + 1;
    const boot = this.store.get(bootKey(record.model));
    if (boot !== undefined) this.store.put(bootKey(record.model), { ...NO_CRASHES, state: boot.state, generation });
    putVersion(this.store, { ...target, lastGeneration: generation });
    const activated = momentOf(this.#clock);
    return this.#write(
      {
        ...record, generation, probationEndedAtMs,
        activeVersion: target.version,
        ...lastGoodOf(this.store, { model: record.model, activeVersion: target.version }),
        activatedAtMs: activated.wallMs, activated,
        ...(record.activeVersion === null ? { activationOrder: this.#activeModels() } : {}),
      },
      event,
    );
  }

  #activeModels(): number {
    return this.models().filter(({ activeVersion }) => activeVersion !== null).length;
  }

  /** Ends the probation of `generation`, if it still is the active one: its version is known good now. */
  endProbation(change: { readonly model: string; readonly generation: number }): ModelRecord {
    return this.#markGood(change.model, change.generation, 'probation_ended', 'monitor');
  }

  /** An operator vouches for the active version; throws NO_ACTIVE_VERSION. */
  confirm(change: { readonly model: string; readonly by: string }): ModelRecord {
    return this.#markGood(change.model, this.generationOf(change.model), 'confirm', change.by);
  }

  #markGood(model: string, generation: number, kind: EventKind, by: string): ModelRecord {
    return this.store.transaction(() => {
      const active = this.#expectActive(model, generation);
      this.#earn(this.version(model, active), kind === 'confirm' ? 'confirmed' : 'probation ended');
      return this.#write(
        { ...this.model(model), probationEndedAtMs: this.#clock.wallMs(), stoppedGeneration: 0 },
        { kind, by, reason: '', from: active, to: active, decision: null },
      );
    });
  }

  setPin(model: string, pin: { readonly by: string; readonly reason: string } | null, by: string): ModelRecord {
    return this.store.transaction(() => {
      const version = this.#expectActive(model, this.generationOf(model));
      const stored = pin === null ? null : { ...pin, atMs: this.#clock.wallMs() };
      return this.#write({ ...this.model(model), pin: stored }, {
        kind: pin === null ? 'unpin' : 'pin', by, reason: pin?.reason ?? '', from: version, to: version, decision: null,
      });
    });
  }

  /** Lets the judge watch only, for so long from now on; null lets it act again. */
  setPause(model: string, pause: Omit<Pause, 'since'> | null, by: string): ModelRecord {
    return this.store.transaction(() => {
      const { activeVersion: version } = this.model(model);
      const kind = pause === null ? 'observe_off' : 'observe';
      const stored = pause === null ? null : { ...pause, since: momentOf(this.#clock) };
      const reason = pause === null ? '' : [`for ${spanText(pause.forMs)}`, pause.reason].filter(Boolean).join(': ');
      return this.#write({ ...this.model(model), pause: stored }, {
        kind, by, reason, from: version, to: version, decision: null,
      });
    });
  }

  /** Keeps the machine and promotes away from a version that is not active; throws VERSION_IN_USE for the active. */
  quarantine(change: {
    readonly model: string; readonly version: string; readonly by: string; readonly reason: string;
  }): VersionRecord {
    const { model, version, by, reason } = change;
    return this.store.transaction(() => {
      if (this.model(model).activeVersion === version) {
        throw lastgoodError('VERSION_IN_USE', { doing: 'quarantine', model, version, role: 'active' });
      }
      const after = this.#setHealth(this.version(model, version), 'unhealthy', reason, by);
      this.#recordAbout(model, { kind: 'quarantine', by, reason, from: version, to: null, decision: null });
      return after;
    });
  }

  /**
   * Lets a version that is in quarantine, or was found failing, be chosen again, as one that has yet to earn its trust;
   * of others nothing changes.
   */
  release(change: { readonly model: string; readonly version: string; readonly by: string }): VersionRecord {
    const { model, version, by } = change;
    return this.store.transaction(() => {
      const before = this.version(model, version);
      const { health, failed } = before;
      if (health !== 'unhealthy' && !failed) return before;
      const after = this.#setHealth({ ...before, failed: null }, 'new', '', by);
      this.#recordAbout(model, { kind: 'release', by, reason: '', from: null, to: version, decision: null });
      return after;
    });
  }

  /** Replaces the baseline of a version. */
  setBaseline(change: Pick<VersionRecord, 'model' | 'version' | 'warnings'> & {
    readonly baseline: Baseline; readonly by: string;
  }): VersionRecord {
    const { model, version, baseline, warnings, by } = change;
    return this.store.transaction(() => {
      this.store.assertMayGrow();
      const after = { ...this.version(model, version), baseline: summaryOfBaseline(baseline), warnings };
      putVersion(this.store, after);
      attach(this.store, after, 'baseline', baseline);
      const event = { kind: 'baseline', by, reason: baseline.source, from: null, to: version, decision: null } as const;
      this.#recordAbout(model, event);
      return after;
    });
  }

  /** Stores what was measured of a version beside the one that it serves with. */
  setExpected({ model, version, expected, warnings, pairs }: Pick<VersionRecord, 'model' | 'version' | 'warnings'> & {
    readonly expected: ExpectedChange; readonly pairs: Attachments['expected'];
  }): void {
    this.store.transaction(() => {
      const record = { ...this.version(model, version), expected, warnings };
      putVersion(this.store, record);
      attach(this.store, record, 'expected', pairs);
      const reason = `beside version "${expected.against}": ${expected.differing} of ${expected.compared} differ`;
      this.#recordAbout(model, { kind: 'expected', by: 'engine', reason, from: null, to: version, decision: null });
    });
  }

  /** Lets rows of a version share no run any more: in service some were answered otherwise in company. */
  stopStacking({ model, version, reason, by }: Pick<VersionRecord, 'model' | 'version'> & {
    readonly reason: string; readonly by: string;
  }): void {
    this.store.transaction(() => {
      const before = this.version(model, version);
      if (before.stacking?.mode === 'none') return;
      putVersion(this.store, { ...before, stacking: { ...before.stacking, mode: 'none', by: 'service', reason } });
      this.#recordAbout(model, { kind: 'stacking', by, reason, from: null, to: version, decision: null });
    });
  }

  /** Writes an event that changes no version: at most when the machine acts no more, or whether the model is served. */
  recordEvent(model: string, event: NewEvent, more: Pick<ModelRecord, 'stoppedGeneration' | 'isUnloaded'> = {}): void {
    this.store.transaction(() => this.#recordAbout(model, event, more));
  }

  /**
   * Forgets `version`, or the whole model when none is named; throws VERSION_IN_USE for what serves or stands by.
   * Returns the artefacts that no version uses any more: the caller deletes the files.
   */
  remove(change: { readonly model: string; readonly version?: string; readonly by: string }): {
    readonly removed: string[];
    readonly orphans: string[];
  } {
    const { model, by } = change;
    return this.store.transaction(() => {
      const record = this.model(model);
      const versions = change.version === undefined ? this.versions(model) : [this.version(model, change.version)];
      const orphans = forgetVersions(this.store, record, versions);
      if (change.version === undefined) forgetModel(this.store, model);
      else this.#recordAbout(model, { kind: 'remove', by, reason: '', from: change.version, to: null, decision: null });
      return { removed: versions.map(({ version }) => version), orphans };
    });
  }

  // Health decides who is lastGood, so the model's record follows in the same transaction.
  #setHealth(
    record: VersionRecord, health: Exclude<VersionHealth, 'good'>, reason: string, by: string,
  ): VersionRecord {
    const about = { atMs: this.#clock.wallMs(), event: this.model(record.model).nextEvent };
    const quarantine = health === 'unhealthy' ? { reason, by, ...about } : null;
    const after = { ...record, health, earned: null, quarantine };
    putVersion(this.store, after);
    return after;
  }

  // A trust that is earned makes up for what failed before.
  #earn(record: VersionRecord, how: Exclude<Trust, 'unproven'>): void {
    const earned = { how, atMs: this.#clock.wallMs(), event: this.model(record.model).nextEvent };
    const after = { ...record, health: 'good' as const, earned, failed: null, quarantine: null };
    putVersion(this.store, after);
  }

  #recordAbout(model: string, event: NewEvent, change: Partial<ModelRecord> = {}): void {
    const record = this.model(model);
    this.#write({ ...record, ...lastGoodOf(this.store, record), ...change }, event);
  }

  #write(record: ModelRecord, event: NewEvent): ModelRecord {
    const { model, generation, nextEvent: sequence, lastGoodVersion: version, lastGoodTrust: trust } = record;
    const lastGood = version === null || !trust ? null : { version, trust };
    const stored = { ...event, model, sequence, generation, atMs: this.#clock.wallMs(), lastGood };
    this.store.put(eventKey(model, sequence), stored);
    pruneEvents(this.store, model, sequence, nowOf(this.#clock));
    const after = { ...record, nextEvent: sequence + 1 };
    this.store.put(modelKey(model), after);
    return after;
  }
}
