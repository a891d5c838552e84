// Counts the samples of one model by version and track until they are taken. Monitor thread; single owner.
// Bound: a model has few loaded versions at a time, and counts that nobody takes are added up, not queued; versions
// beyond the bound are counted together.
import type { Sample } from '../shared-memory/sample-ring.ts';
import { TRACK_NAMES } from '../shared-memory/slab.ts';
import type { Track } from '../shared-memory/slab.ts';
import { countSample, newSampleCounts } from './sample-counts.ts';
import type { SampleCounts } from './sample-counts.ts';

/** Versions that are told apart between two times that the counts are taken. */
const VERSIONS_MAX = 256;
const OTHER_VERSION = '(other)';

/** What came in for one version on one track since the last time. */
export interface MeteredSamples {
  readonly version: string;
  readonly track: Track;
  readonly counts: SampleCounts;
}

type ByTrack = (SampleCounts | undefined)[];

export class SampleMeter {
  #versions = new Map<string, ByTrack>();
  // Nearly all samples belong to the version of the one before.
  #lastVersion = '';
  #last: ByTrack | undefined;

  get isEmpty(): boolean {
    return this.#versions.size === 0;
  }

  add(sample: Readonly<Sample>, version: string): void {
    if (version !== this.#lastVersion || this.#last === undefined) {
      this.#last = this.#byTrack(version);
      this.#lastVersion = version;
    }
    countSample((this.#last[sample.track] ??= newSampleCounts()), sample);
  }

  /** Hands over what was counted and begins anew. */
  take(): MeteredSamples[] {
    const taken: MeteredSamples[] = [];
    for (const [version, byTrack] of this.#versions) {
      for (const track of TRACK_NAMES.keys()) {
        const counts = byTrack[track];
        if (counts !== undefined) taken.push({ version, track: track as Track, counts });
      }
    }
    this.#versions = new Map();
    this.#last = undefined;
    return taken;
  }

  #byTrack(version: string): ByTrack {
    const name = this.#versions.size < VERSIONS_MAX || this.#versions.has(version) ? version : OTHER_VERSION;
    let byTrack = this.#versions.get(name);
    if (byTrack === undefined) this.#versions.set(name, (byTrack = []));
    return byTrack;
  }
}
