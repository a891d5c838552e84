// A generation under the default suite with simulated time, for the tests of its checks.
import { judgeOf } from '../../../src/judge/checks/suite.ts';
import type { GenerationJudge, JudgedLook } from '../../../src/judge/checks/generation-judge.ts';
import type { JudgePhase } from '../../../src/judge/types/check-kinds.ts';
import type { CheckName, CheckResult } from '../../../src/judge/types/messages.ts';
import type { JudgeOptions } from '../../../src/options/options.ts';
import type { Baseline } from '../../../src/domain/records.ts';
import type { Sample } from '../../../src/shared-memory/sample-ring.ts';
import { emptySample } from '../../../src/shared-memory/sample-ring.ts';
import { judgeOptions } from '../fixtures.ts';

const LOOK_US = 1e6;

export interface SuiteSetting {
  readonly baseline?: Baseline | null;
  readonly options?: Partial<JudgeOptions>;
  readonly phase?: JudgePhase;
}

/** Feeds samples at a steady rate and looks once a second. */
export class SuiteRun {
  readonly judge: GenerationJudge;
  readonly phase: JudgePhase;
  nowUs = 0;
  /** The first look at which each check failed, in seconds. */
  readonly failedAt = new Map<CheckName, number>();
  last: JudgedLook | null = null;
  #input = 0;
  #nextLookUs = LOOK_US;

  constructor({ baseline = null, options = {}, phase = 'probation' }: SuiteSetting = {}) {
    this.judge = judgeOf(judgeOptions({ mode: 'default', ...options }), baseline);
    this.phase = phase;
  }

  /** Adds `perSecond` samples a second for `seconds`; each has an input of its own unless `of` says otherwise. */
  feed(seconds: number, perSecond: number, of: (index: number) => Partial<Sample>): this {
    const stepUs = 1e6 / perSecond;
    for (let index = 0; index < seconds * perSecond; index += 1) {
      this.nowUs += stepUs;
      this.#lookUntil(this.nowUs);
      this.#input += 1;
      this.judge.add({
        ...emptySample(), atUs: this.nowUs, latencyUs: 1_000, input: this.#input, hash: this.#input, ...of(index),
      });
    }
    return this;
  }

  /** Adds the watched inputs of `perSecond` rows a second for `seconds`, and an answer to each. */
  feedInputs(
    seconds: number, perSecond: number, names: readonly string[], of: (index: number) => number[],
    answer: () => Partial<Sample>,
  ): this {
    return this.feed(seconds, perSecond, (index) => {
      this.judge.addInputs({ names, values: of(index), atUs: this.nowUs });
      return answer();
    });
  }

  #lookUntil(us: number): void {
    while (this.#nextLookUs <= us) {
      this.last = this.judge.look(this.#nextLookUs, this.phase, null);
      for (const { check, verdict } of this.last.checks) {
        if (verdict === 'fail' && !this.failedAt.has(check)) this.failedAt.set(check, this.#nextLookUs / 1e6);
      }
      this.#nextLookUs += LOOK_US;
    }
  }

  /** The result of one check at the last look. */
  check(name: CheckName): CheckResult {
    const found = this.last?.checks.find(({ check }) => check === name);
    if (found === undefined) throw new Error(`find the check ${name}: it was not run`);
    return found;
  }
}
