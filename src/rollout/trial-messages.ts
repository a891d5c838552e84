// What crosses the boundary between the engine and a trial process; types only.
import type { Golden, Signature, TrialReport } from '../registry/records.ts';

export interface TrialRequest {
  readonly path: string;
  readonly intraOpThreads: number;
  readonly golden: Golden | null;
}
export interface TrialResult {
  readonly signature: Signature;
  readonly report: TrialReport;
  readonly warnings: readonly string[];
}
export type TrialStage = 'start' | 'load' | 'warm up' | 'golden check';
export type TrialMessage =
  | { readonly kind: 'stage'; readonly stage: TrialStage }
  | { readonly kind: 'done'; readonly result: TrialResult }
  | { readonly kind: 'failed'; readonly reason: string };
