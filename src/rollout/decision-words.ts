// A decision in words: what set it off, and what was done about it. Pure; what explain prints and the page shows.
import { CHECKS } from '../judge/checks/table.ts';
import type { DecisionRecord } from '../domain/records.ts';

const NOTHING = '-';

/** What set a decision off. */
export function triggerText({ trigger, evidence }: DecisionRecord): string {
  if (trigger === 'operator') return `an operator (${actorOf(evidence)})`;
  if (trigger === 'pairs') return 'the same questions to two versions';
  return trigger === 'engine' ? 'the engine at its start' : CHECKS[trigger].title;
}

function actorOf(evidence: DecisionRecord['evidence']): string {
  return typeof evidence['by'] === 'string' ? evidence['by'] : 'unknown';
}

/** What was done, and if nothing was, why. */
export function doneText(decision: DecisionRecord): string {
  const { model, version, action, suppressedBy, rolledBackTo, trigger, evidence } = decision;
  if (action === 'rollback') {
    return `${outcomeText(decision)}; ${version} was put into quarantine first, then ${rolledBackTo ?? NOTHING} ` +
      `answered (to take it out: lastgood release ${model} ${version})`;
  }
  if (action === 'warn') return warnedText(trigger, evidence);
  if (action === 'no_target') {
    return `nothing: no other healthy version has served without failing, so ${version} goes on answering`;
  }
  switch (suppressedBy) {
    case 'cooldown':
      return `nothing: the model was rolled back automatically a short time before (cooldown)`;
    case 'interval':
      return 'nothing: the model was rolled back automatically not long before (--rollback-interval-ms)';
    case 'restored_failing':
      return 'nothing: this version was restored by an automatic rollback and fails as well, so the cause may lie ' +
        'elsewhere; an operator has to look';
    case 'promoted_over':
      return 'nothing: another version was in its place by then; this one is not gone back to';
    case 'host':
      return `nothing: the host or the load makes it slow, not the version`;
    case 'data_drift':
      return `nothing: the data have moved, not the version`;
    case 'inputs':
      return 'nothing: the inputs are to blame, the last good version does no better on them';
    case 'one_source':
      return 'nothing: one client alone is hit, and the version does well by all others';
    case 'more_pairs':
      return 'nothing yet: both versions are asked the same questions until it is known whose fault it is';
    case 'unattributed':
      return 'nothing: whether the version is to blame could not be found out, and a rollback would be a guess';
    case 'pinned':
      return `nothing: the model is pinned (lastgood unpin ${model})`;
    case 'observe':
      return 'nothing: the judge watched only (--judge-mode observe, or lastgood observe)';
    default:
      return outcomeText(decision);
  }
}

function warnedText(trigger: DecisionRecord['trigger'], { phase }: DecisionRecord['evidence']): string {
  if (trigger === 'pairs') {
    return 'nothing: a new version is there to answer differently; whether it should is for a person to say ' +
      '(promote --expect says how much)';
  }
  if (trigger !== 'operator' && trigger !== 'engine' && CHECKS[trigger].cause === 'input') {
    return 'nothing: input drift only warns, because any other version would be asked the same';
  }
  return phase === 'steady'
    ? 'nothing: this check only warns after the probation (judge.steadyDrift: on lets it act), or is set to warn'
    : 'nothing: this check is set to warn';
}

/** What became of a verdict, in three or four words. */
export function outcomeText({ action, suppressedBy, rolledBackTo, targetTrust }: DecisionRecord): string {
  const trust = targetTrust === undefined ? '' : ` (${targetTrust})`;
  if (action === 'rollback') return `rolled back to ${rolledBackTo ?? NOTHING}${trust}`;
  if (action === 'warn') return 'warned';
  if (action === 'no_target') return 'nothing to go back to';
  return `not acted on: ${suppressedBy ?? 'suppressed'}`;
}
