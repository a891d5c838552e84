// Takes a model out of service, or back into it, without a change of its versions: what the repository extension calls
// unload and load. Main thread. It holds after a restart, and for whoever else serves the directory.
import type { Engine } from './engine.ts';

/** Resolves with whether that was a change, when the model has gone or is up; throws DISK_REFUSED. */
export async function setUnloaded(engine: Engine, model: string, isUnloaded: boolean, by: string): Promise<boolean> {
  const { registry } = engine;
  if (engine.unloaded.has(model) === isUnloaded) return false;
  const kind = isUnloaded ? 'unload' : 'load';
  await registry.commit(() => registry.recordEvent(
    model, { kind, by, reason: '', from: null, to: null, decision: null }, { isUnloaded }));
  engine.followModels();
  await engine.settled();
  return true;
}
