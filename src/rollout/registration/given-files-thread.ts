// A thread that reads the files that come with a version, baseline and golden vectors, of up to 64 MiB each: the main
// thread, which answers requests meanwhile, neither reads nor parses nor summarises them. It keeps the baseline file
// until the trial has told the signature by which it is summarised. Ends when it is told to; knows nothing else.
import { parentPort } from 'node:worker_threads';
import { failedTask, type FailedTask } from '../../base/errors.ts';
import type { Baseline, Golden, GoldenCase, OutputKind, Signature, VersionRecord } from '../../domain/records.ts';
import type { ValidationRow } from '../../domain/known-answers.ts';
import {
  type BaselineFile, baselineOfFile, readBaselineFile, unwatchedInputs,
} from '../../judge/baseline/baseline-file.ts';
import { readGoldenFile } from './golden-file.ts';
import { knownRows } from './known-rows.ts';
import { validationRows } from './validation-rows.ts';

/** The version that a baseline file is summarised for. */
export interface SummaryOrder {
  readonly signature: Signature;
  readonly declared?: VersionRecord['declared'];
  readonly kind?: OutputKind;
  readonly createdAtMs: number;
}

export type GivenFilesCommand =
  | { readonly kind: 'read'; readonly baseline: string | null; readonly golden: string | null }
  | { readonly kind: 'summarize'; readonly order: SummaryOrder }
  | { readonly kind: 'end' };

/** What is taken out of the files as they are: bounded, however large they are. */
export interface ReadFiles {
  readonly golden: Golden | null;
  readonly known: readonly GoldenCase['inputs'][];
  readonly validation: readonly ValidationRow[];
}

export interface Summary {
  readonly baseline: Baseline;
  /** What of the file's inputs is not watched and why. */
  readonly unwatched: readonly string[];
}

export type GivenFilesReport =
  | ({ readonly kind: 'read' } & ReadFiles)
  | ({ readonly kind: 'summary' } & Summary)
  | FailedTask;

let file: BaselineFile | null = null;

function carryOut(command: Exclude<GivenFilesCommand, { readonly kind: 'end' }>): GivenFilesReport {
  try {
    if (command.kind === 'read') {
      file = command.baseline === null ? null : readBaselineFile(command.baseline);
      const golden = command.golden === null ? null : readGoldenFile(command.golden);
      const validation = file === null ? [] : validationRows(file);
      return { kind: 'read', golden, known: knownRows(golden, file), validation };
    }
    if (file === null) throw new Error('This is a bug: a baseline is wanted of a file that was not read');
    const { signature, declared, kind, createdAtMs } = command.order;
    const about = { createdAtMs, ...(declared !== undefined && { declared }), ...(kind !== undefined && { kind }) };
    const baseline = baselineOfFile(file, signature, about);
    const version = { signature, ...(declared !== undefined && { declared }) };
    return { kind: 'summary', baseline, unwatched: unwatchedInputs(file, baseline, version) };
  } catch (error) {
    return failedTask(error);
  }
}

parentPort!.on('message', (command: GivenFilesCommand) => {
  if (command.kind === 'end') parentPort!.close();
  else parentPort!.postMessage(carryOut(command));
});
