// Whether and what the engine records: its options as the recorder and the workers want them. Main thread.
import { resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { ResolvedOptions } from '../options/options.ts';
import { RecorderThread } from './recorder-thread.ts';
import type { RowMemoryOptions } from '../rollout/deployment/row-memory.ts';

/** What these options have recorded; null for nothing. */
export function recordedRows(
  { record, recordEvery, recordInputs, reservoir }: ResolvedOptions,
): RowMemoryOptions['record'] {
  if (record === undefined) return null;
  // Who wants no inputs kept in memory does not want them in a file.
  return { every: recordEvery, inputs: recordInputs === 'on' && reservoir !== 'off' };
}

/** Starts the recorder when a file is named; `onProblem` is told when it ends or loses samples. */
export function startRecorder(
  { record, recordBytesMax, recordFilesMax }: ResolvedOptions, clock: Clock,
  onProblem: (what: string, reason: string) => void,
): RecorderThread | null {
  if (record === undefined) return null;
  return new RecorderThread({
    path: resolve(record), bytesMax: recordBytesMax, filesMax: recordFilesMax,
    wallMs: clock.wallMs(), nowUs: clock.monotonicUs(),
  }, onProblem);
}
