// The process that runs requests again which were the end of another one: loads a version as a worker does and runs
// them as one batch or one by one, telling its parent before each. Whatever becomes of this process is the answer.
import '../../base/telemetry-off.ts';
import { monotonicUs } from '../../base/clock.ts';
import { answerParent, tellParent } from '../../base/managed-child.ts';
import { offerToOutOfMemoryKiller } from '../../base/process-memory.ts';
import type { InFlightRequest } from '../../shared-memory/in-flight.ts';
import { NO_GENERATION, type Slab, Track } from '../../shared-memory/slab.ts';
import { createSlab } from '../../shared-memory/slab-arena.ts';
import { StackWatch } from '../../shared-memory/stack-watch.ts';
import { loadVersion } from '../../worker/entry/loaded-version.ts';
import { Sampler } from '../../worker/run/sampler.ts';
import { NO_ROWS } from '../deployment/row-memory.ts';
import type { RerunMessage, RerunOrder } from './rerun.ts';

const NOTHING = new SharedArrayBuffer(0);
/** No request of a rerun is late. */
const DEADLINE_US = 86_400e6;
const ANSWER_BYTES = 64 * 1_024;

async function rerun({ start, batches }: RerunOrder): Promise<RerunMessage> {
  const loaded = await loadVersion({
    ...start, memory: null, watch: StackWatch.create(0).memory, arena: NOTHING, slabCount: 0, rings: NOTHING,
    ringCapacity: 1, samples: false, rows: NO_ROWS, slots: NOTHING,
  }, new Sampler(null, 1, null));
  for (const [number, requests] of batches.entries()) {
    await tellParent({ kind: 'begun', number } satisfies RerunMessage);
    await loaded.runner.run(slabOf(requests, start.deploymentId));
  }
  return { kind: 'came back' };
}

function slabOf(requests: readonly InFlightRequest[], deploymentId: number): Slab {
  // Each request begins at a multiple of eight bytes.
  const requestBytes = requests.reduce((sum, { body }) => sum + body.length + 8, 0);
  const slab = createSlab({ entriesMax: requests.length, requestBytes, answerBytes: ANSWER_BYTES });
  const nowUs = monotonicUs();
  for (const { kind, body, headerBytes } of requests) slab.append(kind, body, nowUs, nowUs + DEADLINE_US, headerBytes);
  slab.stamp(NO_GENERATION, deploymentId, nowUs, Track.named);
  return slab;
}

offerToOutOfMemoryKiller();
answerParent(rerun);
