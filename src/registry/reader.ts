// The registry as everybody may read it, in any thread: every call sees the newest commit.
import { type LastgoodError, lastgoodError } from '../base/errors.ts';
import { inNaturalOrder } from '../base/names.ts';
import { listDecisions } from './retention.ts';
import { ALL_MODELS, attachmentKey, decisionKey, eventsOf, modelKey, versionKey, versionsOf } from './store/keys.ts';
import { whyNoTarget } from './rules.ts';
import type {
  Baseline, DecisionRecord, EventRecord, Golden, ModelRecord, VersionRecord,
} from '../domain/records.ts';
import type { KnownPair, ValidationRow } from '../domain/known-answers.ts';
import { stage } from './store/staging.ts';
import type { RegistryStore } from './store/store.ts';
import { bestTarget, isTarget, twinOf } from './versions.ts';

const quote = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ') || 'none';

export class RegistryReader {
  protected readonly store: RegistryStore;

  constructor(store: RegistryStore) {
    this.store = store;
  }

  /** Changes with every change of anything; cheap enough to poll. */
  revision(): number {
    return this.store.revision();
  }

  models(): ModelRecord[] {
    return this.store.read(() => this.store.list(ALL_MODELS));
  }

  /** The model that had an active version before all others, which no later change alters; null while none has one. */
  firstActiveModel(): string | null {
    const active = this.models().filter(({ activeVersion }) => activeVersion !== null);
    const [first] = active.sort((a, b) =>
      (a.activationOrder ?? -1) - (b.activationOrder ?? -1) || a.createdAtMs - b.createdAtMs);
    return first?.model ?? null;
  }

  /** Throws MODEL_NOT_FOUND. */
  model(model: string): ModelRecord {
    return this.store.read(() => {
      const record = this.store.get(modelKey(model));
      if (record !== undefined) return record;
      const known = quote(this.store.list(ALL_MODELS).map((other) => other.model));
      throw lastgoodError('MODEL_NOT_FOUND', { model, known });
    });
  }

  /** False while the disk takes no changes. */
  get isWritable(): boolean {
    return !this.store.readOnly;
  }

  /** Throws MODEL_NOT_FOUND or VERSION_NOT_FOUND. */
  version(model: string, version: string): VersionRecord {
    const record = this.store.read(() => this.store.get(versionKey(model, version)));
    if (record !== undefined) return record;
    this.model(model);
    const known = quote(this.versions(model).map((other) => other.version));
    throw lastgoodError('VERSION_NOT_FOUND', { model, version, known });
  }

  /** In natural order of their names. */
  versions(model: string): VersionRecord[] {
    return inNaturalOrder(this.store.read(() => this.store.list(versionsOf(model))), ({ version }) => version);
  }

  /** Tells whether there is a version of this name. */
  hasVersion(model: string, version: string): boolean {
    return this.store.read(() => this.store.get(versionKey(model, version))) !== undefined;
  }

  /** What a version answered while it was known to be right; null without one. */
  baselineOf(model: string, version: string): Baseline | null {
    return this.store.read(() => this.store.get(attachmentKey(model, version, 'baseline'))) ?? null;
  }

  /** The answers that every load of a version has to give; null without any. */
  goldenOf(model: string, version: string): Golden | null {
    return this.store.read(() => this.store.get(attachmentKey(model, version, 'golden'))) ?? null;
  }

  /** Rows that a version was asked at its registration, with the answers that its file says it gives. */
  validationOf(model: string, version: string): readonly ValidationRow[] {
    return this.store.read(() => this.store.get(attachmentKey(model, version, 'validation'))) ?? [];
  }

  /** What a version answered to known questions, and the version of its `expected` to the same; may be none. */
  expectedPairsOf(model: string, version: string): readonly KnownPair[] {
    return this.store.read(() => this.store.get(attachmentKey(model, version, 'expected'))) ?? [];
  }

  /** The same, where it was this version that was asked; none otherwise. */
  expectedPairsBeside(model: string, version: string, twin: string): readonly KnownPair[] {
    return this.version(model, version).expected?.against === twin ? this.expectedPairsOf(model, version) : [];
  }

  /** The stored generation, 0 for an unknown model; cheap enough to poll. */
  generationOf(model: string): number {
    return this.store.read(() => this.store.get(modelKey(model))?.generation ?? 0);
  }

  /** The newest `limit` events of a model, newest first; throws MODEL_NOT_FOUND. */
  history(model: string, limit = 100): EventRecord[] {
    this.model(model);
    return this.store.read(() => this.store.list(eventsOf(model), { reverse: true, limit }));
  }

  decision(id: string): DecisionRecord | undefined {
    return this.store.read(() => this.store.get(decisionKey(id)));
  }

  /** What `read` finds once `change` has been made, which is written nowhere; what either throws comes out. */
  foresee<T>(change: () => unknown, read: () => T): T {
    return stage(this.store, () => {
      change();
      return read();
    }).result;
  }

  /** The newest `limit` decisions of a model, newest first. */
  decisions(model: string, limit = 20): DecisionRecord[] {
    return this.store.read(() => listDecisions(this.store, model, limit));
  }

  /** The decision of this id, or the newest of all models; throws DECISION_NOT_FOUND. */
  findDecision(id?: string): DecisionRecord {
    const found = id === undefined
      ? this.models().flatMap(({ model }) => this.decisions(model, 1)).sort((a, b) => b.atMs - a.atMs)[0]
      : this.decision(id);
    if (found === undefined) throw lastgoodError('DECISION_NOT_FOUND', { decision: id ?? '' });
    return found;
  }

  /** Throws ALREADY_ACTIVE, PINNED, QUARANTINED or, unless by `force`, FILE_QUARANTINED. */
  assertPromotable(record: ModelRecord, candidate: VersionRecord, force: boolean): void {
    const { model, activeVersion, pin } = record;
    const { version, health, quarantine } = candidate;
    if (activeVersion === version) throw lastgoodError('ALREADY_ACTIVE', { model, version });
    if (pin !== null) throw lastgoodError('PINNED', { model, version: activeVersion ?? '' });
    if (health === 'unhealthy') {
      throw lastgoodError('QUARANTINED', { model, version, reason: quarantine?.reason ?? 'unhealthy' });
    }
    const twin = force ? null : this.twinOf(candidate);
    if (twin === null) return;
    const reason = twin.quarantine?.reason ?? 'unhealthy';
    throw lastgoodError('FILE_QUARANTINED', { model, version, twin: twin.version, reason });
  }

  /** The version in quarantine that is the same file under another name; null when there is none. */
  twinOf(version: VersionRecord): VersionRecord | null {
    return this.store.read(() => twinOf(this.store, version));
  }

  /**
   * The best version to go back to beside those of `except`, or the one that is named, if it may be; see rules.ts. Of
   * the others only those are read that come before it.
   */
  rollbackTarget(
    model: string, { to, except = new Set() }: { readonly to?: string | undefined; readonly except?: Set<string> } = {},
  ): VersionRecord | undefined {
    return this.store.read(() => {
      const record = this.model(model);
      if (to === undefined) return bestTarget(this.store, record, except);
      const named = except.has(to) ? undefined : this.store.get(versionKey(model, to));
      return named !== undefined && isTarget(this.store, named, record.activeVersion, true) ? named : undefined;
    });
  }

  /** Tells whether the machine may go back to this version. */
  isRollbackTarget(model: string, version: string): boolean {
    return this.store.read(() => {
      const record = this.store.get(versionKey(model, version));
      return record !== undefined && isTarget(this.store, record, this.model(model).activeVersion, false);
    });
  }

  /** The refusal of a rollback, which says of every version why it is none to go back to. */
  noRollbackTarget(model: string, to?: string): LastgoodError {
    const versions = whyNoTarget(this.versions(model), this.model(model).activeVersion);
    return lastgoodError('NO_ROLLBACK_TARGET', { model, to: to ?? null, versions });
  }
}
