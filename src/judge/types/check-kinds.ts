// What kinds of checks there are: their layer, what their failing speaks of, the unit of what they measure, and what a
// failing one asks for. Types only.

/**
 * failure: requests without an answer. output: answers that are no numbers. constant: always the same answer. latency:
 * slow ones. drift: others than ever. All of these may lie with the version, with what comes in, or with the host.
 * input: what comes in, and never the version.
 */
export type CheckCause = 'failure' | 'latency' | 'output' | 'constant' | 'drift' | 'input';
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

/**
 * Who has to answer for a failing check; inputs: the last good version does no better on them. twin: the version has
 * to, but the last good one does worse, so nothing is gone back to. one_source: what one client asks shows it, and what
 * the others ask does not. pairs: more pairs of answers are needed to tell.
 * unknown: it could not be found out, so nothing is done about it either.
 */
export type Blame = 'version' | 'host' | 'data' | 'inputs' | 'twin' | 'one_source' | 'pairs' | 'unknown';
export interface Judged {
  readonly blames: Blame;
  /** A sentence for people. */
  readonly text: string;
}
