// Takes a version out of service that is to blame for the end of the process or for a run that hangs: a rollback when
// it is active, quarantine when it is not. Main thread.
import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, isLastgoodError, reasonOf } from '../../base/errors.ts';
import { ENGINE_ACTOR } from '../../rollout/decisions.ts';
import type { EngineContext } from '../models/context.ts';
import type { ServedModel } from '../models/served-model.ts';

const RETRY_MS = 100;
const RETRIED: readonly ErrorCode[] = ['GENERATION_CONFLICT', 'DISK_REFUSED'];

type TakeOutPorts = Pick<EngineContext, 'registry' | 'emit'>;

/** Resolves when the registry knows that the version is out, or with false when it stays: see `takeOut`. */
export async function takeOutSurely(
  ports: TakeOutPorts, served: ServedModel, version: string, reason: string,
): Promise<boolean> {
  for (;;) {
    try {
      return await takeOut(ports, served, version, reason);
    } catch (error) {
      // Somebody else changed what is active, or the disk refuses for now: the version is still to go.
      if (isLastgoodError(error) && RETRIED.includes(error.code)) {
        await sleep(RETRY_MS, undefined, { ref: false });
        continue;
      }
      const what = 'a version that is to blame is not taken out';
      ports.emit({ kind: 'problem', model: served.model, what, reason: reasonOf(error) });
      return false;
    }
  }
}

// False when there is nothing to go back to, or a human has pinned the version: it will be started again then.
async function takeOut(
  { registry }: TakeOutPorts, { model, rollout }: ServedModel, version: string, reason: string,
): Promise<boolean> {
  if (rollout.activeVersion?.version === version) {
    if (registry.model(model).pin !== null) return false;
    try {
      await rollout.rollback({ by: ENGINE_ACTOR, reason, health: null });
    } catch (error) {
      if (isLastgoodError(error) && error.code === 'NO_ROLLBACK_TARGET') return false;
      throw error;
    }
  } else if (registry.version(model, version).health !== 'unhealthy') {
    await registry.commit(() => registry.quarantine({ model, version, by: ENGINE_ACTOR, reason }));
    rollout.reconsider();
  }
  return true;
}
