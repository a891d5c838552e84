// What `lastgood prepare` and the process that runs the model tell each other; types, and the limits of both.
import type { ModelFile } from '../../artifacts/verify.ts';
import type { FailedTask } from '../../base/errors.ts';
import type { OutputKind } from '../../domain/records.ts';

/** Rows that are asked unless --rows says otherwise, and golden vectors of them. */
export const PREPARED_ROWS_DEFAULT = 2_000;
export const GOLDEN_ROWS_DEFAULT = 10;

export interface ValidationOrder {
  readonly file: ModelFile;
  /** The validation data. */
  readonly data: string;
  readonly dropped: readonly string[];
  readonly rowsMax: number;
  readonly goldenRows: number;
  /** Paths that are written. */
  readonly baseline: string;
  readonly golden: string;
}

export interface Prepared {
  readonly rowsInFile: number;
  /** Rows in the baseline file: asked, less those whose answer is not finite. */
  readonly rows: number;
  readonly notFinite: number;
  readonly goldenRows: number;
  readonly output: string | null;
  readonly kind: OutputKind | null;
  /** What is not watched, and why. */
  readonly warnings: readonly string[];
}

export type ValidationMessage =
  | { readonly kind: 'progress'; readonly asked: number; readonly rows: number }
  | { readonly kind: 'prepared'; readonly prepared: Prepared }
  | FailedTask;
