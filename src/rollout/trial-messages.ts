// What crosses the boundary between the engine and a trial process; types only.
import type { Golden, Signature, StackingDecision, TrialReport } from '../domain/records.ts';

export interface TrialRequest {
  readonly path: string;
  readonly intraOpThreads: number;
  readonly golden: Golden | null;
}
/** What a version has to pass. */
export interface TrialFindings {
  readonly signature: Signature;
  readonly report: TrialReport;
  readonly warnings: readonly string[];
}
export interface TrialResult extends TrialFindings {
  readonly stacking: StackingDecision;
}
export type TrialStage = 'start' | 'load' | 'warm up' | 'golden check' | 'stacking probe';
export type TrialMessage =
  | { readonly kind: 'stage'; readonly stage: TrialStage }
  | { readonly kind: 'passed'; readonly findings: TrialFindings }
  | { readonly kind: 'done'; readonly stacking: StackingDecision }
  | { readonly kind: 'failed'; readonly reason: string };
