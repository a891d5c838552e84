// The first half of the simulation: how often each judge rolls back a version with which nothing is wrong.
import type { JudgeOptions } from '../../src/options/options.ts';
import type { CheckName } from '../../src/judge/types/messages.ts';
import { DAY_US } from './laws.ts';
import { hashText } from './seeds.ts';
import { run } from './simulate.ts';
import type { HealthyRate } from './sizes.ts';
import { STREAMS } from './nasty-streams.ts';

export interface HealthyResult {
  readonly stream: string;
  readonly about: string;
  readonly rate: string;
  readonly hosts: number;
  readonly days: number;
  readonly samples: number;
  /** False rollbacks. */
  readonly compat: number;
  readonly default: number;
  /** Times at which checks of `default` asked for one, before pairs were asked. */
  readonly asked: number;
  /** Hosts on which it was told that the two versions answer differently. */
  readonly told: number;
  /** What asked for the rollbacks of `default`. */
  readonly checks: readonly (CheckName | 'pairs')[];
}

/** Serves every stream at every rate; `modes` are compat and default. */
export function healthyResults(
  rates: readonly HealthyRate[], modes: readonly [JudgeOptions, JudgeOptions], seed: number,
  progress: (what: string) => void,
): HealthyResult[] {
  return rates.flatMap((rate) => STREAMS.map((stream) => {
    progress(`${stream.name}, ${rate.text}`);
    const { perSecond, hostDays, text } = rate;
    const hosts = Math.max(1, Math.ceil(rate.days / STREAMS.length / hostDays));
    let samples = 0;
    const alarms = [0, 0];
    let [asked, told] = [0, 0];
    const checks = new Set<CheckName | 'pairs'>();
    for (let host = 0; host < hosts; host += 1) {
      const one = run({
        healthy: stream, served: stream, perSecond, untilUs: hostDays * DAY_US,
        seed: hashText(`${seed} ${stream.name} ${text} ${host}`), alarmAfterUs: null,
      }, modes);
      samples += one.samples;
      one.judged.forEach((judged, index) => (alarms[index]! += judged.alarms.length));
      asked += one.judged[1]!.asked;
      told += Number(one.judged[1]!.twin?.isTold);
      for (const alarm of one.judged[1]!.alarms) for (const check of alarm.checks) checks.add(check);
    }
    return {
      stream: stream.name, about: stream.about, rate: text, hosts, days: hosts * hostDays, samples,
      compat: alarms[0]!, default: alarms[1]!, asked, told, checks: [...checks],
    };
  }));
}
