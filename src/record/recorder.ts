// Entry of the recorder thread: drains the rings on a timer and writes the file; it says when it had to stop, and how
// many samples were not recorded. Writing blocks this thread and no other.
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicUs } from '../base/clock.ts';
import { failedTask } from '../base/errors.ts';
import { RecordFile } from './record-file.ts';
import type { RecorderReport, RecorderStart } from './recording.ts';
import { RecorderState } from './recorder-state.ts';
import type { RecorderCommand } from './twin-answers.ts';

const DRAIN_MS = 20;
const TELL_LOST_MS = 10_000;

if (parentPort === null) throw new Error('start the recorder: this is the main thread; wanted a worker thread');
const port = parentPort;
const start = workerData as RecorderStart;
const state = new RecorderState(start.wallMs, start.nowUs);
let file: RecordFile | null = null;
let toldLost = 0;
let toldAtUs = 0;
let timer: NodeJS.Timeout | undefined;

const tell = (report: RecorderReport): void => port.postMessage(report);

function stopFor(error: unknown): void {
  clearInterval(timer);
  file = null;
  tell(failedTask(error));
}

function write(lines: string): void {
  if (file === null || lines === '') return;
  try {
    file.write(lines);
  } catch (error) {
    stopFor(error);
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
  write(state.drain());
  toldAtUs = -Infinity;
  tellLost(monotonicUs());
  file?.close();
  port.close();
});
