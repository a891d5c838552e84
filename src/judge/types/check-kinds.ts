// What every check is: its layer, what its failing speaks of, and its name for people; and what a failing one does in a
// given mode and phase. Pure data and one rule.
import type { CheckName } from '../../options/check-names.ts';
import type { JudgeOptions } from '../../options/judge-options.ts';

/**
 * failure, latency: the version or the host. output: the version. drift: the version, or the data that come in. input:
 * the data that come in, and never the version.
 */
export type CheckCause = 'failure' | 'latency' | 'output' | 'drift' | 'input';
/** How long a generation has served: see the rollout's phases. */
export type JudgePhase = 'probation' | 'steady';
/** What the value and the limit of a check are: a share or a count of answers in a row, baseline deviations, … */
export type CheckUnit = 'share' | 'ms' | 'run' | 'deviations' | 'psi' | 'ratio';
/** What a failing check asks for. */
export type CheckEffect = 'rollback' | 'warn';

export interface CheckKind {
  /** 0: beyond doubt. 1: the limits of a service. 2: the distribution of the answers. */
  readonly layer: 0 | 1 | 2;
  readonly cause: CheckCause;
  readonly title: string;
  readonly unit: CheckUnit;
}

export const CHECK_TABLE: Readonly<Record<CheckName, CheckKind>> = {
  hard_failure: { layer: 0, cause: 'failure', title: 'hard failure', unit: 'share' },
  error_rate: { layer: 1, cause: 'failure', title: 'error rate', unit: 'share' },
  non_finite: { layer: 0, cause: 'output', title: 'non-finite answers', unit: 'share' },
  p95_latency: { layer: 1, cause: 'latency', title: 'p95 latency', unit: 'ms' },
  constant_output: { layer: 0, cause: 'output', title: 'constant answers', unit: 'run' },
  mean_drift: { layer: 1, cause: 'drift', title: 'mean drift', unit: 'deviations' },
  class_mix: { layer: 2, cause: 'drift', title: 'class mix', unit: 'share' },
  shape: { layer: 2, cause: 'drift', title: 'shape', unit: 'psi' },
  spread: { layer: 2, cause: 'drift', title: 'spread', unit: 'ratio' },
  confidence: { layer: 2, cause: 'drift', title: 'confidence', unit: 'deviations' },
  repeats: { layer: 2, cause: 'drift', title: 'repeated answers', unit: 'share' },
  projections: { layer: 2, cause: 'drift', title: 'vector shape', unit: 'psi' },
  input_drift: { layer: 2, cause: 'input', title: 'input drift', unit: 'psi' },
};

/**
 * Returns what a failing check asks for: layer 2 only warns after the probation, unless steadyDrift is on. Inputs that
 * moved only ever warn: another version would be asked the same.
 */
export function effectOf(check: CheckName, options: JudgeOptions, phase: JudgePhase): CheckEffect {
  if (options.checks[check].mode !== 'on' || CHECK_TABLE[check].cause === 'input') return 'warn';
  const isArmed = CHECK_TABLE[check].layer < 2 || phase === 'probation' || options.steadyDrift === 'on';
  return isArmed ? 'rollback' : 'warn';
}
