// How `lastgood serve` ends. SIGTERM or SIGINT: intake stops, what was accepted is answered, then the threads go.
// Ending a process by exit while a session runs would abort it, so the last resort is SIGKILL on itself.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../../engine/engine.ts';
import { withTimeout } from '../../base/clock.ts';
import { reasonOf } from '../../base/errors.ts';
import { note } from '../connect.ts';
import { HUNG_SIGNAL } from './supervisor.ts';

/** The threads get what the drain has left of its time to come to an end, and so long at least. */
const CLOSE_MS_MIN = 2_000;
/** What was answered last has so long to leave the socket buffers. */
const LAST_ANSWERS_MS = 200;

/** Resolves at the first stop signal; a second one kills the process. */
export function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = (signal: NodeJS.Signals): void => {
      signals += 1;
      if (signals > 1) killSelf();
      else resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    // The supervisor is gone: nobody would pass a signal on, and a second engine could be started beside this one.
    process.on('disconnect', () => onSignal('SIGTERM'));
    process.channel?.unref();
  });
}

/**
 * Drains and closes; returns the exit code: 0 when everything that was accepted is answered. Does not return when a
 * worker cannot be ended, because its run does not come back: the process is killed then.
 */
export async function stopEngine(engine: Engine): Promise<0 | 1> {
  const { drainMs } = engine.context.options;
  const beganMs = performance.now();
  const { left } = await engine.drain();
  if (left > 0) {
    note(`stop: ${left} requests were not answered within ${drainMs} ms; wanted all of them answered`);
  }
  // A standby that is just being loaded, on a slow host, is no run that does not come back.
  const closeMs = Math.max(CLOSE_MS_MIN, Math.round(beganMs + drainMs - performance.now()));
  const closed = await withTimeout(closeMs, engine.close().then(() => true));
  if (closed === null) {
    note(`stop: a worker is still inside a run ${closeMs} ms after the drain; wanted it free, ending by SIGKILL`);
    killSelf();
  }
  return left === 0 ? 0 : 1;
}

/**
 * A worker that is stuck inside a run can only be freed by the end of the process: answers what else was accepted, then
 * ends by SIGALRM, whose exit status tells a supervisor (and an operator, and systemd) what happened. An exit with a
 * code of its own would wait for the stuck thread.
 */
export function restartWhenHung(engine: Engine): void {
  engine.once('hung', ({ model, version, isTakenOut, settled }) => {
    const next = isTakenOut ? 'the last good version serves after a restart' : 'it is started again';
    engine.log.warn({ model, version }, `stopping: a worker does not come back from a run; ${next}`);
    void engine.drain()
      // What hung in the meantime must be out as well before another process begins.
      .then(() => Promise.race([settled(), sleep(engine.context.options.drainMs)]))
      .then(() => sleep(LAST_ANSWERS_MS))
      .then(() => process.kill(process.pid, HUNG_SIGNAL));
  });
}

/** What nobody caught: the state is on disk, so the process says why and goes; a supervisor starts it again. */
export function dieOnUncaught(engine: Engine): void {
  const die = (error: unknown): void => {
    engine.log.error({ reason: reasonOf(error), stack: error instanceof Error ? error.stack : null }, 'uncaught error');
    killSelf();
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
}

function killSelf(): void {
  process.kill(process.pid, 'SIGKILL');
}
