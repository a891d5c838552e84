// What every check is: its layer, what its failing speaks of, and its name for people; and what a failing one does in a
// given mode and phase. Pure data and one rule.
import type { CheckName } from '../judge-checks.ts';
import type { JudgeOptions } from '../judge-options.ts';

/** failure, latency: the version or the host. output: the version. drift: the version, or the data that come in. */
export type CheckCause = 'failure' | 'latency' | 'output' | 'drift';
/** How long a generation has served: see the rollout's phases. */
export type JudgePhase = 'probation' | 'steady';
/** What a failing check asks for. */
export type CheckEffect = 'rollback' | 'warn';

export interface CheckKind {
  /** 0: beyond doubt. 1: the limits of a service. 2: the distribution of the answers. */
  readonly layer: 0 | 1 | 2;
  readonly cause: CheckCause;
  readonly title: string;
}

export const CHECK_TABLE: Readonly<Record<CheckName, CheckKind>> = {
  hard_failure: { layer: 0, cause: 'failure', title: 'hard failure' },
  error_rate: { layer: 1, cause: 'failure', title: 'error rate' },
  non_finite: { layer: 0, cause: 'output', title: 'non-finite answers' },
  p95_latency: { layer: 1, cause: 'latency', title: 'p95 latency' },
  constant_output: { layer: 0, cause: 'output', title: 'constant answers' },
  mean_drift: { layer: 1, cause: 'drift', title: 'mean drift' },
  class_mix: { layer: 2, cause: 'drift', title: 'class mix' },
  shape: { layer: 2, cause: 'drift', title: 'shape' },
  spread: { layer: 2, cause: 'drift', title: 'spread' },
  confidence: { layer: 2, cause: 'drift', title: 'confidence' },
  repeats: { layer: 2, cause: 'drift', title: 'repeated answers' },
  projections: { layer: 2, cause: 'drift', title: 'vector shape' },
};

/** Returns what a failing check asks for: layer 2 only warns after the probation, unless options say otherwise. */
export function effectOf(check: CheckName, options: JudgeOptions, phase: JudgePhase): CheckEffect {
  if (options.checks[check].mode !== 'on') return 'warn';
  const isArmed = CHECK_TABLE[check].layer < 2 || phase === 'probation' || options.steadyDrift === 'on';
  return isArmed ? 'rollback' : 'warn';
}
