// Everything that is counted of one model. Main thread. It outlives the model's queues and loaded versions, so that no
// number goes back when they change.
// Bound: versions that have not been heard of for longest give way; what comes of them later begins at 0 again, which
// Prometheus takes for a restart.
import { Track } from '../shared-memory/slab.ts';
import { AnswerCounts } from './answer-counts.ts';
import { addSampleCounts, newSampleCounts } from './sample-counts.ts';
import type { SampleCounts } from './sample-counts.ts';
import type { MeteredSamples } from './sample-meter.ts';

/** Versions whose counts are kept. */
const VERSIONS_MAX = 64;

/** One version on one track. */
export interface VersionMeter {
  readonly version: string;
  readonly track: Track;
  readonly answers: AnswerCounts;
  readonly samples: SampleCounts;
}

export class ModelMeter {
  /** Answers to requests that reached no version. */
  readonly unserved = new AnswerCounts();
  /** Requests that were given up by their clients. */
  cancelled = 0;
  /** Requests that were refused because too many were waiting. */
  queueFull = 0;
  /** Requests that a version on probation failed: answered by the standby, and failed by both. */
  shielded = 0;
  unshielded = 0;
  /** How long the last load took, of versions that are loaded. */
  readonly loadSeconds = new Map<string, number>();
  /** Questions that the standby was asked as well. */
  pairs = 0;
  /** Rows that were answered in company and run again alone, and those of them that had another answer. */
  stackChecks = 0;
  stackMismatches = 0;
  lappedSamples = 0;
  lateSamples = 0;
  readonly #versions = new Map<string, VersionMeter[]>();
  readonly #rollbacks = new Map<string, number>();
  readonly #holds = new Map<string, number>();
  readonly #notices = new Map<string, number>();
  readonly #breaches = new Map<string, number>();

  /** The counts of `version` on `track`. */
  of(version: string, track: Track): VersionMeter {
    let byTrack = this.#versions.get(version);
    if (byTrack === undefined) {
      byTrack = Object.values(Track).map((one) =>
        ({ version, track: one, answers: new AnswerCounts(), samples: newSampleCounts() }));
      this.#versions.set(version, byTrack);
      this.#forgetOldest();
    }
    return byTrack[track]!;
  }

  /** All versions and tracks that have counted anything. */
  *versions(): Generator<VersionMeter> {
    for (const byTrack of this.#versions.values()) yield* byTrack;
  }

  /** Adds what the monitor has counted. */
  addSamples({ version, track, counts }: MeteredSamples): void {
    addSampleCounts(this.of(version, track).samples, counts);
    const byTrack = this.#versions.get(version)!;
    this.#versions.delete(version);
    this.#versions.set(version, byTrack);
  }

  /** A version is loaded, `seconds` after its loading began: its counts are there from now on. */
  noteLoad(version: string, seconds: number): void {
    this.loadSeconds.set(version, seconds);
    this.of(version, Track.stable);
  }

  countRollback(trigger: string): void {
    this.#rollbacks.set(trigger, (this.#rollbacks.get(trigger) ?? 0) + 1);
  }

  /** A rollback that a check asked for and that was not done, by what held it back. */
  countHold(reason: string): void {
    this.#holds.set(reason, (this.#holds.get(reason) ?? 0) + 1);
  }

  /** Forgets the versions that `isKnown` says no more of: they were removed, and their names may come again. */
  retainOnly(isKnown: (version: string) => boolean): void {
    for (const version of this.#versions.keys()) if (!isKnown(version)) this.#versions.delete(version);
  }

  /** What became of telling somebody outside of a rollback. */
  countNotice(result: 'told' | 'retried' | 'given_up' | 'dropped'): void {
    this.#notices.set(result, (this.#notices.get(result) ?? 0) + 1);
  }

  /** A look at which `check` failed. */
  countBreach(check: string): void {
    this.#breaches.set(check, (this.#breaches.get(check) ?? 0) + 1);
  }

  get rollbacks(): ReadonlyMap<string, number> {
    return this.#rollbacks;
  }
  get holds(): ReadonlyMap<string, number> {
    return this.#holds;
  }
  get notices(): ReadonlyMap<string, number> {
    return this.#notices;
  }
  get breaches(): ReadonlyMap<string, number> {
    return this.#breaches;
  }

  /** Answers with this status, by any version or by none. */
  answersOf(status: number): number {
    let sum = this.unserved.of(status);
    for (const { answers } of this.versions()) sum += answers.of(status);
    return sum;
  }

  #forgetOldest(): void {
    for (const oldest of this.#versions.keys()) {
      if (this.#versions.size <= VERSIONS_MAX) return;
      this.#versions.delete(oldest);
    }
  }
}
