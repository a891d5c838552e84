// What the engine makes of how its predecessor ended: the batches that were running then are looked into, one after the
// other, while everything else is served already. Main thread.
import { constants } from 'node:os';
import type { InFlightBatch } from '../../shared-memory/in-flight.ts';
import type { EngineLog } from '../log.ts';
import type { ModelTable } from '../models/model-table.ts';
import type { GuardedStart } from '../safety/guarded-start.ts';
import type { PostMortem } from './post-mortem.ts';
import type { RefusedInputs } from '../safety/refused-inputs.ts';

interface LastDeathPorts {
  readonly models: ModelTable;
  readonly guard: GuardedStart | null;
  readonly postMortem: PostMortem;
  readonly refused: RefusedInputs;
  readonly log: EngineLog;
}

/** Resolves when it is known who is to blame, and that is acted on; `signal` is a number, or null for an exit code. */
export async function lookIntoLastDeath(
  ports: LastDeathPorts, batches: readonly InFlightBatch[], signal: number | null,
): Promise<void> {
  const { models, guard, postMortem, refused, log } = ports;
  const name = Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? 'an exit code';
  const what = `the process ended by ${name} while it was running requests`;
  // By hand, or for want of memory: what was running then is rarely to blame, and clients send the same again.
  if (signal !== constants.signals.SIGKILL) {
    for (const { model, version, requests } of batches) {
      refused.suspect(model, version, (requests ?? []).map(({ body }) => body));
    }
  }
  let isFound = batches.length === 0;
  for (const batch of batches) {
    const served = models.all.get(batch.model);
    if (served === undefined) continue;
    // What is to blame is gone back from as it serves; a suspect is brought up only after this.
    if (guard?.isSuspect(batch.model) !== true) await models.settled(batch.model);
    const { blames } = await postMortem.examine(served, batch, what);
    log.info({ model: batch.model, version: batch.version, blames }, what);
    isFound ||= blames !== 'nobody';
  }
  guard?.settle(isFound ? [] : batches);
}
