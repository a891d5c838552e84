// Entry of the monitor thread: only timers and messages, all else is in MonitorState. Between two drains the thread
// sleeps; it drains often while samples come and seldom while none do, and without rings it has no timer at all.
// The open parentPort alone keeps the thread alive, and closing it ends the thread.
import { parentPort, workerData } from 'node:worker_threads';
import { monotonicUs, systemClock } from '../../base/clock.ts';
import type { MonitorCommand, MonitorData, MonitorReport } from '../types/messages.ts';
import { MonitorState } from './monitor-state.ts';
import { TrafficCounter } from './traffic-counter.ts';

/** Pause between two drains while samples come, and the longest one while none do. */
const DRAIN_MS = 50;
const DRAIN_IDLE_MS_MAX = 250;
const TIMER_MS_MIN = 1;

if (parentPort === null) throw new Error('start the monitor: this is the main thread; wanted a worker thread');
const port = parentPort;
const { traffic: memory } = (workerData ?? { traffic: null }) as MonitorData;
const traffic = memory === null ? null : new TrafficCounter(memory);
const state = new MonitorState(traffic);
let pauseMs = DRAIN_MS;
let timer: NodeJS.Timeout | undefined;

function post(reports: readonly MonitorReport[]): void {
  for (const report of reports) port.postMessage(report);
}

function tick(): void {
  const nowUs = monotonicUs();
  // What was drained lies behind; then the seconds that are over by now are closed.
  const samples = state.drain(nowUs);
  traffic?.advance(nowUs, systemClock.wallMs());
  pauseMs = samples > 0 ? DRAIN_MS : Math.min(DRAIN_IDLE_MS_MAX, pauseMs * 2);
  post(state.look(nowUs));
  schedule();
}

function schedule(): void {
  clearTimeout(timer);
  const untilLookMs = (state.nextLookUs - monotonicUs()) / 1_000;
  const waitMs = Math.min(state.hasRings ? pauseMs : Infinity, untilLookMs);
  if (waitMs === Infinity) return;
  timer = setTimeout(tick, Math.max(TIMER_MS_MIN, Math.ceil(waitMs))).unref();
}

traffic?.advance(monotonicUs(), systemClock.wallMs());
port.on('message', (command: MonitorCommand) => {
  post(state.handle(command, monotonicUs()));
  if (state.stopped) {
    traffic?.end();
    clearTimeout(timer);
    port.close();
    return;
  }
  schedule();
});
