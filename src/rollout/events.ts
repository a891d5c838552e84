// What a rollout reports, to whoever asked for a change and to everybody else; types only.
import type { DecisionRecord, Trust } from '../domain/records.ts';
import type { ProblemEvent } from './deployment/loader.ts';
import type { Phase } from './phases.ts';

export interface Activation {
  readonly model: string;
  readonly version: string;
  readonly from: string | null;
  readonly generation: number;
}

export interface Rollback {
  readonly model: string;
  readonly rolledBackTo: string;
  /** How that version had earned to be gone back to. */
  readonly trust: Trust;
  readonly from: string;
  readonly generation: number;
  /** The restored artefact's file. */
  readonly path: string;
  /** The id of the decision. */
  readonly decision: string;
  /** False when the disk refused it: it is in force, and will be written when the disk is back. */
  readonly stored: boolean;
}

export type RolloutEvent =
  | { readonly kind: 'promote'; readonly activation: Activation; readonly by: string }
  | { readonly kind: 'rollback'; readonly decision: DecisionRecord; readonly generation: number }
  | { readonly kind: 'decision'; readonly decision: DecisionRecord }
  | { readonly kind: 'phase'; readonly model: string; readonly phase: Phase }
  | ProblemEvent;
