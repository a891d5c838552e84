// The second half: whether each judge finds a damage, and after how long.
import type { JudgeOptions } from '../../src/options/options.ts';
import type { CheckName } from '../../src/judge/types/messages.ts';
import { DAMAGES, turning } from './damages.ts';
import { Random } from './random.ts';
import { hashText } from './seeds.ts';
import { run } from './simulate.ts';
import type { Alarm } from './simulate.ts';
import type { DamageRate } from './sizes.ts';

/** Seconds from the damage's first request to the first alarm. */
export interface Delays {
  readonly found: number;
  /** Alarms before there was a damage. */
  readonly early: number;
  /** null when it was found in fewer than half of the runs. */
  readonly median: number | null;
  /** null when it was not found in every run. */
  readonly longest: number | null;
  /** The checks of the first alarms. */
  readonly checks: readonly (CheckName | 'pairs')[];
}
export interface DamageResult {
  readonly damage: string;
  readonly about: string;
  readonly rate: string;
  readonly runs: number;
  readonly wellSeconds: number;
  readonly secondsMax: number;
  readonly compat: Delays;
  readonly default: Delays;
}

/** The well time is longer by up to this part, so that damages begin anywhere in the judge's slots. */
const WELL_SPREAD = 0.1;

export function damageResults(
  rates: readonly DamageRate[], modes: readonly [JudgeOptions, JudgeOptions], seed: number,
  progress: (what: string) => void,
): DamageResult[] {
  return rates.flatMap((rate) => DAMAGES.map((damage) => {
    const { name, about, healthy } = damage;
    const { perSecond, runs, wellSeconds, secondsMax, text } = rate;
    progress(`${name}, ${text}, ${wellSeconds === 0 ? 'from the first request' : `after ${wellSeconds} s`}`);
    const judged = Array.from({ length: runs }, (_, index) => {
      const runSeed = hashText(`${seed} ${name} ${text} ${index}`);
      const beginsUs = wellSeconds * 1e6 * (1 + WELL_SPREAD * new Random(runSeed).next());
      const { judged: pair } = run({
        healthy, served: turning(damage, beginsUs), perSecond, untilUs: beginsUs + secondsMax * 1e6, seed: runSeed,
        alarmAfterUs: beginsUs,
      }, modes);
      return pair.map(({ alarms }) => ({ alarms, beginsUs }));
    });
    return {
      damage: name, about, rate: text, runs, wellSeconds, secondsMax,
      compat: delaysOf(judged.map((pair) => pair[0]!)), default: delaysOf(judged.map((pair) => pair[1]!)),
    };
  }));
}

interface Alarmed {
  readonly alarms: readonly Alarm[];
  readonly beginsUs: number;
}

function delaysOf(judged: readonly Alarmed[]): Delays {
  const firsts = judged.flatMap(({ alarms, beginsUs }) =>
    alarms.filter(({ atUs }) => atUs > beginsUs).slice(0, 1).map((alarm) => ({ ...alarm, beginsUs })));
  const seconds = firsts.map(({ atUs, beginsUs }) => (atUs - beginsUs) / 1e6).sort((a, b) => a - b);
  const middle = Math.ceil(judged.length / 2) - 1;
  return {
    found: seconds.length,
    early: judged.reduce((sum, { alarms, beginsUs }) => sum + alarms.filter(({ atUs }) => atUs <= beginsUs).length, 0),
    median: seconds[middle] ?? null,
    longest: seconds.length === judged.length ? (seconds.at(-1) ?? null) : null,
    checks: [...new Set(firsts.flatMap(({ checks }) => checks))],
  };
}
