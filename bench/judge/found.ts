// The second half: whether each judge finds a damage, and after how long.
import type { JudgeOptions } from '../../src/options.ts';
import type { CheckName } from '../../src/judge/messages.ts';
import { DAMAGES } from './damages.ts';
import { hashText } from './seeds.ts';
import { run } from './simulate.ts';
import type { Judged } from './simulate.ts';
import type { DamageRate } from './sizes.ts';

/** Seconds from the first request to the first alarm. */
export interface Delays {
  readonly found: number;
  /** null when it was found in fewer than half of the runs. */
  readonly median: number | null;
  /** null when it was not found in every run. */
  readonly longest: number | null;
  /** The checks of the first alarms. */
  readonly checks: readonly CheckName[];
}
export interface DamageResult {
  readonly damage: string;
  readonly about: string;
  readonly rate: string;
  readonly runs: number;
  readonly secondsMax: number;
  readonly compat: Delays;
  readonly default: Delays;
}

export function damageResults(
  rates: readonly DamageRate[], modes: readonly [JudgeOptions, JudgeOptions], seed: number,
  progress: (what: string) => void,
): DamageResult[] {
  return DAMAGES.flatMap(({ name, about, healthy, damaged }) => rates.map((rate) => {
    progress(`${name}, ${rate.text}`);
    const { perSecond, runs, secondsMax, text } = rate;
    const judged = Array.from({ length: runs }, (_, index) => run({
      healthy, served: damaged, perSecond, untilUs: secondsMax * 1e6,
      seed: hashText(`${seed} ${name} ${text} ${index}`),
    }, modes, true).judged);
    return {
      damage: name, about, rate: text, runs, secondsMax,
      compat: delaysOf(judged.map((pair) => pair[0]!)), default: delaysOf(judged.map((pair) => pair[1]!)),
    };
  }));
}

function delaysOf(judged: readonly Judged[]): Delays {
  const firsts = judged.flatMap(({ alarms }) => alarms.slice(0, 1));
  const seconds = firsts.map(({ atUs }) => atUs / 1e6).sort((a, b) => a - b);
  const middle = Math.ceil(judged.length / 2) - 1;
  return {
    found: seconds.length,
    median: seconds[middle] ?? null,
    longest: seconds.length === judged.length ? (seconds.at(-1) ?? null) : null,
    checks: [...new Set(firsts.flatMap(({ checks }) => checks))],
  };
}
