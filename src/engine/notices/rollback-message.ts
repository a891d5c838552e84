// What somebody outside is told of a rollback, as data. Pure. Invariant: what others wrote (a reason, a name) stands in
// it as a value of JSON and nowhere else, so that no shell and no header ever reads it.
import type { DecisionRecord } from '../../domain/records.ts';

/** One line of JSON on the standard input of a command, or the body of a POST. */
export interface RollbackMessage {
  readonly event: 'rollback';
  /** The decision: the same in every attempt, so that a receiver can tell a repetition. */
  readonly id: string;
  /** When it was decided, as ISO 8601. */
  readonly at: string;
  readonly model: string;
  readonly from: string;
  readonly to: string;
  /** How the restored version had earned to be gone back to. */
  readonly trust: string;
  /** The generation that the rollback began. */
  readonly generation: number;
  /** A person asked for it, or the engine did it by itself. */
  readonly by: 'person' | 'machine';
  /** Who it was by the history: `monitor`, `engine`, `cli:user`, `http`, `library`. */
  readonly actor: string;
  /** The failing check, `engine` or `operator`. */
  readonly trigger: string;
  readonly reason: string;
  readonly host: string;
  readonly data_dir: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

/** The message of an attempt; `about` is of the engine that tells. */
export function rollbackMessage(
  decision: DecisionRecord, attempt: number, about: { readonly host: string; readonly dataDir: string },
): RollbackMessage {
  const { id, model, version, generation, atMs, trigger, reason, rolledBackTo, targetTrust, evidence } = decision;
  return {
    event: 'rollback', id, at: new Date(atMs).toISOString(), model, from: version, to: rolledBackTo ?? '',
    trust: targetTrust ?? 'unproven', generation: generation + 1,
    by: trigger === 'operator' ? 'person' : 'machine',
    actor: typeof evidence['by'] === 'string' ? evidence['by'] : 'monitor',
    trigger, reason, host: about.host, data_dir: about.dataDir, attempt,
  };
}
