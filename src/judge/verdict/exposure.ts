// What a version did to its clients: per kind of bad request, when the present run of them began, what was good last
// before that, and how many requests were answered since. Monitor thread. O(1) a request, a few numbers in all.
// A run of bad requests is over when none has come for RUN_GAP_WINDOWS short windows: what went wrong days ago and was
// over does not count as undetected until now.
import type { z } from 'zod';
import type { JudgeOptions } from '../../options/options.ts';
import type { Sample } from '../../shared-memory/sample-ring.ts';
import { Outcome, SampleKind, speaksOfVersion } from '../../shared-memory/sample-ring.ts';
import type { exposureSchema } from './circumstances.ts';

/** The long window of the suite, in short ones. */
const RUN_GAP_WINDOWS = 5;

export const EXPOSURE_KINDS = ['failed', 'nonFinite', 'slow'] as const;
export type ExposureKind = (typeof EXPOSURE_KINDS)[number];

export type ExposureView = z.infer<typeof exposureSchema>;

class BadRun {
  bad = 0;
  badBefore = 0;
  requestsBefore = 0;
  firstUs = 0;
  lastGoodUs: number | null = null;
  lastUs = -Infinity;
}

export class Exposure {
  readonly #slowUs: number;
  readonly #gapUs: number;
  readonly #failed = new BadRun();
  readonly #nonFinite = new BadRun();
  readonly #slow = new BadRun();
  #requests = 0;
  #lastGoodUs: number | null = null;

  constructor({ p95LimitMs, windowMs }: Pick<JudgeOptions, 'p95LimitMs' | 'windowMs'>) {
    this.#slowUs = p95LimitMs * 1_000;
    this.#gapUs = windowMs * 1_000 * RUN_GAP_WINDOWS;
  }

  /** Adds one sample; rows, and requests that do not speak of the version, say nothing here. */
  add({ kind, outcome, latencyUs, atUs }: Readonly<Sample>): void {
    if (kind !== SampleKind.request || !speaksOfVersion(outcome)) return;
    this.#requests += 1;
    const isSlow = latencyUs > this.#slowUs;
    if (outcome === Outcome.ok && !isSlow) {
      this.#lastGoodUs = atUs;
      return;
    }
    if (outcome === Outcome.modelFailure || outcome === Outcome.deadline) this.#note(this.#failed, atUs);
    if (outcome === Outcome.nonFinite) this.#note(this.#nonFinite, atUs);
    if (isSlow) this.#note(this.#slow, atUs);
  }

  #note(run: BadRun, atUs: number): void {
    if (atUs - run.lastUs > this.#gapUs) {
      run.badBefore += run.bad;
      run.bad = 0;
      run.requestsBefore = this.#requests - 1;
      run.firstUs = atUs;
      run.lastGoodUs = this.#lastGoodUs;
    }
    run.bad += 1;
    run.lastUs = atUs;
  }

  /** Plain data, with times as distances from `nowUs`. */
  view(nowUs: number): ExposureView {
    const agoMs = (us: number): number => Math.round((nowUs - us) / 1_000);
    const viewOf = (run: BadRun): ExposureView[ExposureKind] => run.bad === 0 ? null : {
      bad: run.bad,
      requests: this.#requests - run.requestsBefore,
      before: { bad: run.badBefore, requests: run.requestsBefore },
      firstAgoMs: agoMs(run.firstUs),
      lastGoodAgoMs: run.lastGoodUs === null ? null : agoMs(run.lastGoodUs),
    };
    return { failed: viewOf(this.#failed), nonFinite: viewOf(this.#nonFinite), slow: viewOf(this.#slow) };
  }
}
