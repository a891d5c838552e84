// The engine's half of the heartbeat: says to the supervisor that its event loop turns, and before each verb which one
// begins, so that the supervisor knows what an engine was doing that says nothing any more.
import type { EngineHooks } from '../../engine/events.ts';
import type { PulseMessage } from './supervisor.ts';

const BEAT_MS = 500;
/** Of the verbs that are over. */
const LAST_MAX = 3;

/** Begins to beat; returns what the engine is to call around each verb. */
export function startPulse(): NonNullable<EngineHooks['aroundVerb']> {
  const underWay = new Set<string>();
  const last: string[] = [];
  const tell = (): void => {
    const pulse: PulseMessage = { event: 'pulse', doing: [...underWay], last };
    // A supervisor that is gone is told to the engine in another way.
    if (process.connected) process.send?.(pulse, undefined, undefined, () => undefined);
  };
  setInterval(tell, BEAT_MS).unref();
  tell();
  return async (verb, work) => {
    underWay.add(verb);
    tell();
    try {
      return await work();
    } finally {
      underWay.delete(verb);
      last.push(verb);
      if (last.length > LAST_MAX) last.shift();
      tell();
    }
  };
}
