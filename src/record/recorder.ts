// Entry of the recorder thread: drains the rings on a timer and writes the file; it says when it had to stop, and how
// many samples were not recorded. What a disk refuses is dropped, and the disk is asked again once a second; when it
// takes something, the recording goes on and says what is missing. Writing blocks this thread and no other.
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicUs } from '../base/clock.ts';
import { encodeError, failedTask } from '../base/errors.ts';
import { RecordFile } from './record-file.ts';
import type { RecorderReport, RecorderStart } from './recording.ts';
import { RecorderState } from './recorder-state.ts';
import type { RecorderCommand } from './twin-answers.ts';

const DRAIN_MS = 20;
const TELL_LOST_MS = 10_000;
/** A disk that refused is left alone for so long. */
const RETRY_MS = 1_000;

if (parentPort === null) throw new Error('start the recorder: this is the main thread; wanted a worker thread');
const port = parentPort;
const start = workerData as RecorderStart;
const state = new RecorderState(start.wallMs, start.nowUs);
let file: RecordFile | null = null;
let toldLost = 0;
let toldAtUs = 0;
let timer: NodeJS.Timeout | undefined;
/** When a disk that refused is asked again; null while it takes what comes. */
let retryUs: number | null = null;

const tell = (report: RecorderReport): void => port.postMessage(report);

function stopFor(error: unknown): void {
  clearInterval(timer);
  file = null;
  tell(failedTask(error));
}

function write(lines: string, isLast = false): void {
  const nowUs = monotonicUs();
  if (file === null || (retryUs === null ? lines === '' : nowUs < retryUs && !isLast)) return;
  const gap = retryUs === null ? null : state.gap();
  try {
    file.write((gap?.lines ?? '') + lines);
    if (gap === null) return;
    retryUs = null;
    state.endGap();
    tell({ kind: 'resumed', samples: gap.samples });
  } catch (error) {
    if (gap === null) {
      state.beginGap();
      tell({ kind: 'refused', error: encodeError(error) });
    }
    retryUs = nowUs + RETRY_MS * 1_000;
  }
}

function tellLost(nowUs: number): void {
  const { lost } = state;
  if (lost === toldLost || nowUs - toldAtUs < TELL_LOST_MS * 1_000) return;
  tell({ kind: 'lost', samples: lost - toldLost });
  toldLost = lost;
  toldAtUs = nowUs;
}

try {
  file = new RecordFile({ ...start, head: () => state.head() });
  timer = setInterval(() => {
    write(state.drain(monotonicUs()));
    tellLost(monotonicUs());
  }, DRAIN_MS);
} catch (error) {
  stopFor(error);
}

port.on('message', (command: RecorderCommand) => {
  if (command.kind !== 'stop') {
    // After the end of the recording nothing is drained any more, and nothing kept.
    if (file !== null) write(state.handle(command, monotonicUs()));
    if (command.kind === 'detach') tell({ kind: 'detached', request: command.request });
    return;
  }
  clearInterval(timer);
  write(state.drain(), true);
  toldAtUs = -Infinity;
  tellLost(monotonicUs());
  file?.close();
  port.close();
});
