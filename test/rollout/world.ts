// One model's rollout with all around it played: operators, the monitor, another process on the same registry, a disk
// that refuses or is slow, versions that do not load, restarts. Registry and rollout are real; a deployment is a double
// that answers nothing. Time stands still but for what a step says, and the date is set to whatever it says; after each
// step the invariants are looked at, by the time that passed.
import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { isLastgoodError, lastgoodError } from '../../src/base/errors.ts';
import type { DecisionRecord, EventRecord } from '../../src/domain/records.ts';
import type { CheckName, Verdict } from '../../src/judge/types/messages.ts';
import { CHECKS } from '../../src/judge/checks/table.ts';
import { findingOf } from '../../src/judge/verdict/findings.ts';
import type { Finding } from '../../src/judge/verdict/findings.ts';
import { optionsOfModel, resolveOptions } from '../../src/options/options.ts';
import { Registry } from '../../src/registry/registry.ts';
import type { RegistryStore } from '../../src/registry/store/store.ts';
import type { ActiveGeneration } from '../../src/rollout/active.ts';
import type { Deployment } from '../../src/rollout/deployment/deployment.ts';
import { Deployments } from '../../src/rollout/deployment/deployments.ts';
import type { RolloutEvent } from '../../src/rollout/events.ts';
import { standingOf } from '../../src/rollout/phases.ts';
import { ModelRollout } from '../../src/rollout/rollout.ts';
import { type Accusation, accusationsIn, activationsIn, historyOffences, isAccused } from './laws.ts';
import { PlayedClock } from './played-clock.ts';
import { type DiskMode, PlayedDisk } from './played-disk.ts';
import { type About, healthReport, verdictOf } from './reports.ts';

export const VERSIONS = ['1', '2', '3', '4'] as const;
const JUDGE = { cooldownMs: 5_000, rollbackIntervalMs: 20_000, probationMs: 1_000, probationSamples: 10 };
/** Longer than anybody waits for a commit. */
const SLOW_MS = 6_000;
/** As long as a version that did not load is left alone. */
const BACKOFF_MS = 60_000;
const EVENTS_MAX = 10_000;
const MACHINE = ['monitor', 'engine'];
/** Refusals that are an answer. */
const REFUSALS = [
  'ALREADY_ACTIVE', 'BUSY', 'DISK_REFUSED', 'FILE_QUARANTINED', 'GENERATION_CONFLICT', 'LOAD_FAILED',
  'NO_ACTIVE_VERSION', 'NO_ROLLBACK_TARGET', 'PINNED', 'QUARANTINED', 'VERSION_IN_USE',
];

/** The phases of what nothing else is known of. */
const PHASES = { unproven: 'probation', proven: 'steady', stopped: 'restored_failing' } as const;

type Action =
  /** Of the generation that answers, or of one so many before. */
  | { readonly kind: 'verdict'; readonly check: CheckName; readonly blames: Finding['blames']; readonly back: number }
  | { readonly kind: 'warning' }
  | { readonly kind: 'health'; readonly violations: readonly string[]; readonly back: number }
  | { readonly kind: 'promote' | 'quarantine' | 'release' | 'elsewhere' | 'damage' | 'mend'; readonly version: string }
  | { readonly kind: 'rollback'; readonly to: string | null }
  | { readonly kind: 'pin' | 'unpin' | 'confirm' | 'restart' | 'follow' }
  | { readonly kind: 'wait'; readonly ms: number }
  /** The date is this much later than it was at first, or earlier. */
  | { readonly kind: 'date'; readonly shiftMs: number }
  | { readonly kind: 'disk'; readonly mode: DiskMode };
/** With `isJoined` the next step begins before this one is over. */
export type Step = Action & { readonly isJoined: boolean };

/** One run of an engine. */
interface Life {
  readonly disk: PlayedDisk;
  readonly registry: Registry;
  readonly deployments: Deployments;
  readonly rollout: ModelRollout;
  /** The newest generation that answered in it, and those that it rolled back from. */
  newest: number;
  readonly rolledBack: Set<number>;
}

export class World {
  readonly model: string;
  readonly clock = new PlayedClock();
  readonly #store: RegistryStore;
  /** The registry of another process: it sees what is on disk. */
  readonly #elsewhere: Registry;
  readonly #damaged = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  /** Failing verdicts that came in peace and that the version has to answer for. */
  readonly #accusations: Accusation[] = [];
  /** Which version served as which generation, as far as that is in force. */
  readonly #served = new Map<number, string>();
  /** What looking into a cause finds, which stays the same for a generation. */
  readonly #blames = new Map<string, Finding['blames']>();
  /** What went wrong where nobody can be thrown at. */
  readonly #offences: string[] = [];
  /** Of the steps that are under way. */
  #named: readonly string[] = [];
  #isPinned = false;
  /** Another process has activated a version, and this one has not followed yet. */
  #isBehind = false;
  #life!: Life;

  constructor(store: RegistryStore, model: string) {
    this.#store = store;
    this.model = model;
    this.#elsewhere = new Registry(store, this.clock);
    for (const version of VERSIONS) this.#register(version);
    for (const version of ['1', '2']) this.#activateElsewhere(version);
  }

  /** Takes all steps, looks at everything after each, and at last at what is left when all faults are over. */
  async live(steps: readonly Step[]): Promise<void> {
    await this.#begin('fine');
    let isAlone = true;
    for (const step of steps) {
      this.clock.nowMs += 1;
      const doing = this.#take(step, isAlone && !step.isJoined).finally(() => this.#underWay.delete(doing));
      this.#underWay.add(doing);
      isAlone = !step.isJoined;
      if (step.isJoined) continue;
      await this.#quiet();
      this.#look();
    }
    await this.#recover();
  }

  /** What is left when nobody does anything any more and all faults are over. */
  async #recover(): Promise<void> {
    this.#life.disk.set('fine');
    this.#damaged.clear();
    for (let poll = 0; poll < 3; poll += 1) {
      await this.#quiet();
      this.clock.nowMs += BACKOFF_MS;
      await this.#life.rollout.follow();
    }
    this.#isBehind = false;
    assert.ok(this.#life.rollout.isSaved, 'what is in force is written when the disk is back');
    this.#look();
    await this.#restart();
    this.#look();
  }

  // Everybody goes as far as the disk lets them.
  async #quiet(): Promise<void> {
    for (let round = 0; round < 4; round += 1) {
      for (let turns = 0; turns < 6; turns += 1) await turn();
      if (this.#underWay.size === 0) break;
      mock.timers.tick(SLOW_MS);
    }
    if (this.#life.disk.mode !== 'slow') assert.equal(this.#underWay.size, 0, 'something does not end');
  }

  #look(): void {
    const { rollout, deployments } = this.#life;
    const record = this.#elsewhere.model(this.model);
    const offences = [...this.#offences, ...historyOffences(this.#events(), this.#decisions())];
    assert.deepEqual(offences, []);
    const health = this.#elsewhere.version(this.model, record.activeVersion ?? '').health;
    assert.notEqual(health, 'unhealthy', 'what is active is in quarantine');
    assert.ok(deployments.ready.length <= 3, 'more is loaded than active, standby and candidate');
    assert.equal(rollout.phase === 'empty' || rollout.phase === 'loading', rollout.active === null);
    if (this.#isPeace) {
      const { active } = rollout;
      assert.deepEqual([active?.deployment.version.version, active?.generation],
        [record.activeVersion, record.generation], 'memory and registry agree');
      assert.equal(deployments.standbyVersion, record.lastGoodVersion, 'what stands by is last good');
      if (rollout.phase !== 'no_rollback_target') assert.equal(rollout.phase, PHASES[standingOf(record)]);
    }
    this.#isPinned = record.pin !== null;
    this.#named = [];
  }

  /** Nothing is under way, everything is on disk, and something answers. */
  get #isPeace(): boolean {
    const { rollout } = this.#life;
    return this.#underWay.size === 0 && rollout.isSaved && !this.#isBehind && rollout.active !== null;
  }

  async #take(step: Step, isAlone: boolean): Promise<void> {
    try {
      if (isAlone && this.#isPeace && this.#life.disk.mode === 'fine') await this.#takeInPeace(step);
      else await this.#act(step);
    } catch (error) {
      if (!isLastgoodError(error) || !REFUSALS.includes(error.code)) this.#offences.push(String(error));
    }
  }

  // What must follow from a report when nothing else happens meanwhile.
  async #takeInPeace(step: Step): Promise<void> {
    const { rollout } = this.#life;
    const before = { ...this.#standings(), active: rollout.active! };
    const { phase } = rollout;
    const isBlamed = step.kind === 'verdict' && step.back === 0 && this.#blameOf(step) === 'version';
    const hasTarget = this.#elsewhere.rollbackTarget(this.model, { except: this.#damaged }) !== undefined;
    const { version } = before.active.deployment.version;
    if (isBlamed && phase !== 'no_rollback_target') this.#accusations.push({ version, atMs: this.clock.nowMs });
    await this.#act(step);
    if ('back' in step && step.back > 0) {
      const after = { ...this.#standings(), active: rollout.active };
      assert.deepEqual(after, before, 'a report of another generation counts');
    }
    const isFree = !this.#isPinned && phase !== 'no_rollback_target' && !this.#isRestored(before.active.generation);
    if (isBlamed && isFree && hasTarget) {
      assert.equal(rollout.active?.generation, before.active.generation + 1, 'a failing version is not rolled back');
    }
  }

  #standings(): object {
    const { phase } = this.#life.rollout;
    const { generation, activeVersion, stoppedGeneration, probationEndedAtMs } = this.#elsewhere.model(this.model);
    const health = this.#elsewhere.versions(this.model).map((one) => one.health);
    return { generation, activeVersion, stoppedGeneration, probationEndedAtMs, health, phase };
  }

  async #act(step: Step): Promise<void> {
    const { model } = this;
    const { rollout, registry, disk } = this.#life;
    const by = 'cli:test';
    switch (step.kind) {
      case 'verdict': return rollout.onVerdict(this.#verdict(step));
      case 'warning': return rollout.onVerdict({ ...this.#verdict({ check: 'input_drift', back: 0 }), effect: 'warn' });
      case 'health': return rollout.onHealth(healthReport(this.#generation(step.back), step.violations));
      case 'promote':
        await rollout.promote(step.version, { allowSignatureChange: false, reason: '', by });
        return;
      case 'rollback':
        if (step.to !== null) this.#named = [...this.#named, step.to];
        await rollout.rollback({ by, reason: '', health: null, ...(step.to === null ? {} : { to: step.to }) });
        return;
      case 'pin':
        await registry.commit(() => registry.setPin(model, { by, reason: '' }, by));
        return;
      case 'unpin':
        this.#isPinned = false;
        await registry.commit(() => registry.setPin(model, null, by));
        return;
      case 'confirm': return rollout.confirm(by);
      case 'quarantine':
        await registry.commit(() => registry.quarantine({ model, version: step.version, by, reason: '' }));
        rollout.reconsider();
        return;
      case 'release':
        await registry.commit(() => registry.release({ model, version: step.version, by }));
        rollout.reconsider();
        return;
      case 'elsewhere':
        if (disk.mode === 'fine') this.#activateElsewhere(step.version);
        return;
      case 'follow':
        await rollout.follow();
        this.#isBehind &&= !this.#hasCaughtUp();
        return;
      case 'restart': return this.#restart();
      case 'damage':
        this.#damaged.add(step.version);
        return;
      case 'mend':
        this.#damaged.delete(step.version);
        return;
      case 'wait': return void (this.clock.nowMs += step.ms);
      case 'date': return void (this.clock.shiftMs = step.shiftMs);
      case 'disk': disk.set(step.mode);
    }
  }

  // As after kill -9: what waits for the disk is gone.
  async #restart(): Promise<void> {
    const { rollout: before, disk } = this.#life;
    const wasLoadable = !this.#damaged.has(this.#elsewhere.model(this.model).activeVersion ?? '');
    const wasPeace = this.#isPeace && wasLoadable;
    this.#underWay.clear();
    disk.kill();
    await this.#begin(disk.mode);
    const { active, phase } = this.#life.rollout;
    if (!wasPeace) return;
    assert.deepEqual([active?.deployment.version.version, active?.generation],
      [before.activeVersion?.version, before.active?.generation], 'something is lost over a restart');
    if (before.phase !== 'no_rollback_target') assert.equal(phase, before.phase);
  }

  async #begin(mode: DiskMode): Promise<void> {
    const disk = new PlayedDisk(this.#store, mode);
    const registry = new Registry(this.#store, this.clock, disk.run);
    const deployments = new Deployments({
      load: async (version) => {
        await turn();
        const { model, version: name } = version;
        if (this.#damaged.has(name)) throw lastgoodError('LOAD_FAILED', { model, version: name, reason: 'damaged' });
        return { id: 1, version, workers: 1, state: 'ready' } as unknown as Deployment;
      },
      onReady: () => undefined,
      retire: () => turn(),
    });
    const judge = { ...JUDGE };
    const rollout: ModelRollout = new ModelRollout({
      model: this.model, registry, deployments, clock: this.clock,
      options: optionsOfModel(resolveOptions({ judge }), this.model),
      inTurn: (load) => void load(),
      onGeneration: (active) => life === this.#life && this.#onGeneration(active),
      attribute: async (cause, { generation }) => {
        await turn();
        const blames = this.#blames.get(`${generation} ${cause}`) ?? 'unknown';
        return { ...findingOf({ cause: 'drift', facts: { unavailable: 'played' } }), cause, blames } as Finding;
      },
      emit: (event) => life === this.#life && this.#onEvent(event),
    });
    const life: Life = { disk, registry, deployments, rollout, newest: 0, rolledBack: new Set() };
    this.#life = life;
    this.#forgetUnsaved();
    await rollout.start();
    this.#isBehind &&= !this.#hasCaughtUp();
  }

  #hasCaughtUp(): boolean {
    const { activeVersion, generation } = this.#elsewhere.model(this.model);
    const { active } = this.#life.rollout;
    return active?.generation === generation && active.deployment.version.version === activeVersion;
  }

  #onGeneration({ deployment: { version: { version } }, generation }: ActiveGeneration): void {
    const known = this.#served.get(generation);
    if (known !== undefined && known !== version) {
      this.#offences.push(`generation ${generation} is version ${known} and then ${version}`);
    }
    const { newest } = this.#life;
    if (generation < newest || (generation === newest && known !== undefined)) {
      this.#offences.push(`generation ${generation} begins after ${newest}`);
    }
    this.#life.newest = generation;
    this.#served.set(generation, version);
  }

  #onEvent(event: RolloutEvent): void {
    if (event.kind !== 'rollback') return;
    const { version, generation, rolledBackTo, trigger } = event.decision;
    const { rolledBack, rollout } = this.#life;
    const target = rolledBackTo ?? '';
    const isMonitor = trigger !== 'operator' && trigger !== 'engine';
    const offend = (is: boolean, text: string): unknown => is && this.#offences.push(`${trigger} ${target}: ${text}`);
    offend(rolledBack.has(generation), `a second rollback of generation ${generation}`);
    rolledBack.add(generation);
    offend(event.generation !== generation + 1, `generation ${event.generation} follows on ${generation}`);
    offend(isMonitor && this.#isPinned, 'rolled back a pinned model');
    offend(isMonitor && this.#isRestored(generation), 'rolled back what the machine had just restored');
    const isNamed = trigger === 'operator' && this.#named.includes(target);
    const accusations = [...this.#accusations, ...accusationsIn(this.#decisions())];
    offend(!isNamed && isAccused(target, accusations, this.#events()), 'it was found failing');
    offend(this.#elsewhere.version(this.model, target).health === 'unhealthy', 'it is in quarantine');
    const wasReleased = this.#events().some(({ kind, to }) => kind === 'release' && to === version);
    const isUnhealthy = this.#elsewhere.version(this.model, version).health === 'unhealthy';
    offend(rollout.isSaved && !isUnhealthy && !wasReleased, `${version} failed and is not unhealthy`);
  }

  /** The machine itself brought this generation up, a short time ago. */
  #isRestored(generation: number): boolean {
    const begun = activationsIn(this.#events()).find((one) => one.generation === generation);
    return begun?.kind === 'rollback' && MACHINE.includes(begun.by) &&
      this.clock.nowMs - begun.atMs < JUDGE.rollbackIntervalMs;
  }

  // What another process made of a number counts, and so does what was on disk when this one ended.
  #forgetUnsaved(): void {
    const { generation } = this.#elsewhere.model(this.model);
    for (const one of this.#served.keys()) if (one > generation) this.#served.delete(one);
  }

  #events(): EventRecord[] {
    return this.clock.inTime(this.#elsewhere.history(this.model, EVENTS_MAX));
  }

  #decisions(): DecisionRecord[] {
    return this.clock.inTime(this.#elsewhere.decisions(this.model, EVENTS_MAX));
  }

  #activateElsewhere(version: string): void {
    const { generation: expectedGeneration, activeVersion } = this.#elsewhere.model(this.model);
    this.#forgetUnsaved();
    this.#elsewhere.activate({ model: this.model, version, expectedGeneration, by: 'cli:test', reason: '' });
    this.#isBehind = activeVersion !== null;
  }

  #register(version: string): void {
    this.#elsewhere.createVersion({
      model: this.model, version, sha256: `${this.model} ${version}`, artifactBytes: 1, outputKind: 'scalar',
      signature: { inputs: [], outputs: [] }, baseline: null, golden: null, warnings: [],
      trial: { loadMs: 1, runMs: 1, goldenCases: 0, residentBytes: 0 },
    }, 'test');
  }

  /** The generation that answers, or one so many before it. */
  #generation(back: number): About {
    const generation = Math.max(0, (this.#life.rollout.active?.generation ?? 0) - back);
    const begun = activationsIn(this.#events()).find((one) => one.generation === generation);
    return { model: this.model, version: this.#served.get(generation) ?? begun?.to ?? '1', generation };
  }

  #blameOf({ check, blames }: { readonly check: CheckName; readonly blames: Finding['blames'] }): Finding['blames'] {
    const key = `${this.#generation(0).generation} ${CHECKS[check].cause}`;
    const known = this.#blames.get(key) ?? blames;
    this.#blames.set(key, known);
    return known;
  }

  #verdict(step: { readonly check: CheckName; readonly back: number; readonly blames?: Finding['blames'] }): Verdict {
    const { check, back, blames = 'version' } = step;
    if (back === 0) this.#blameOf({ check, blames });
    return verdictOf(this.#generation(back), check);
  }
}
