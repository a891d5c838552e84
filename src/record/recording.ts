// Whether and what the engine records, and the recorder thread, which gets the monitor's commands and reads the rings
// beside it. Main thread; nothing waits for the recorder but its end.
import { resolve } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { decodeError, type EncodedError, type FailedTask, reasonOf } from '../base/errors.ts';
import { ManagedThread } from '../base/managed-thread.ts';
import type { ResolvedOptions } from '../options/options.ts';
import type { RowMemoryOptions } from '../rollout/deployment/row-memory.ts';
import type { RecorderCommand } from './twin-answers.ts';

/** A file system that hangs must not hold the end of the engine back. */
const STOP_MS_MAX = 2_000;

/** Given to the thread at its start. */
export interface RecorderStart {
  readonly path: string;
  readonly bytesMax: number;
  readonly filesMax: number;
  /** The same moment on both clocks. */
  readonly wallMs: number;
  readonly nowUs: number;
}
export type RecorderReport =
  /** Nothing more is recorded. */
  | FailedTask
  | { readonly kind: 'lost'; readonly samples: number }
  /** The disk takes nothing for now; it does again, and so many samples are missing. */
  | { readonly kind: 'refused'; readonly error: EncodedError }
  | { readonly kind: 'resumed'; readonly samples: number }
  /** The rings of this request are not read any more. */
  | { readonly kind: 'detached'; readonly request: number };

/** What is told of it, and its reason. */
function problemOf(report: Extract<RecorderReport, { kind: 'lost' | 'refused' | 'resumed' }>): [string, string] {
  switch (report.kind) {
    case 'lost': return ['samples were not recorded', `${report.samples} came faster than they could be written`];
    case 'refused':
      return ['samples are not recorded until the disk takes them again', reasonOf(decodeError(report.error))];
    case 'resumed': return ['samples are recorded again', `${report.samples} are missing, and the recording says so`];
  }
}

export class RecorderThread {
  readonly #thread: ManagedThread<RecorderCommand, RecorderReport>;
  readonly #detaching = new Map<number, () => void>();

  /** Starts recording; `onProblem` is told, in a sentence's parts, when it ends, pauses or loses samples. */
  constructor(start: RecorderStart, onProblem: (what: string, reason: string) => void) {
    const onEnd = (reason: string): void => onProblem('the recording of samples has ended', reason);
    this.#thread = new ManagedThread({
      entry: new URL('./recorder.js', import.meta.url), name: 'lastgood-recorder', data: start,
      lastCommand: { kind: 'stop' }, stopMsMax: STOP_MS_MAX,
      onReport: (report) => {
        if (report.kind === 'detached') this.#detaching.get(report.request)?.();
        else if (report.kind === 'failed') onEnd(reasonOf(decodeError(report.error)));
        else onProblem(...problemOf(report));
      },
      onUnexpectedEnd: (reason) => {
        onEnd(reason);
        this.#ended();
      },
    });
    this.#thread.start();
  }

  post(command: RecorderCommand): void {
    this.#thread.post(command);
  }

  /** Resolves when the recorder has carried out the detach with this number, or has ended. */
  async detached(request: number): Promise<void> {
    if (!this.#thread.running) return;
    await new Promise<void>((resolve) => this.#detaching.set(request, resolve));
    this.#detaching.delete(request);
  }

  /** Writes what is left and ends the thread. */
  async stop(): Promise<void> {
    await this.#thread.stop();
    this.#ended();
  }

  // Nobody reads a ring any more.
  #ended(): void {
    for (const resolve of this.#detaching.values()) resolve();
  }
}

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
