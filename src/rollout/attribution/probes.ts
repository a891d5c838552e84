// Times the same small batches on two loaded versions, in turn, beside whatever else they are doing. Main thread; the
// runs belong to no generation, so nobody is judged by them. Bounded in number and in time: a run that does not come
// back in time ends the probing and says so.
import { withTimeout } from '../../base/clock.ts';
import type { HostFacts } from '../../judge/verdict/host.ts';
import { EntryKind } from '../../protocols/protocol.ts';
import { NO_GENERATION } from '../../shared-memory/slab.ts';
import { createSlab } from '../../shared-memory/slab-arena.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import type { Deployment } from '../deployment/deployment.ts';
import type { ProbeRequest } from './probe-request.ts';

/** Runs of each version and size; the first ones of a thread that was asleep are slow and do not count. */
const RUNS = 11;
const RUNS_COLD = 2;
const ROWS_MAX = 32;
/** All probing together; a version that is slow beyond doubt has shown it by then. */
const PROBING_MS_MAX = 4_000;
const ANSWER_BYTES = 1 << 20;

type Probes = Pick<HostFacts, 'probes' | 'stuck'>;

/** Times both versions with single requests, and with batches of them of up to `batchSizeMax`. */
export async function probe(
  active: Deployment, standby: Deployment, requests: readonly ProbeRequest[] | null, batchSizeMax: number,
  monotonicUs: () => number,
): Promise<Probes> {
  const probes: HostFacts['probes'] = [];
  if (requests === null) return { probes, stuck: null };
  const endUs = monotonicUs() + PROBING_MS_MAX * 1e3;
  for (const rows of new Set([1, Math.min(ROWS_MAX, batchSizeMax)])) {
    const times = { rows, activeMs: [] as number[], standbyMs: [] as number[] };
    probes.push(times);
    for (let run = 0; run < RUNS + RUNS_COLD && monotonicUs() < endUs; run += 1) {
      // In turn, and each of them first every other time: whatever the host does, it does to both.
      for (const who of run % 2 === 0 ? ['active', 'standby'] as const : ['standby', 'active'] as const) {
        const ms = await timed(who === 'active' ? active : standby, requests, rows, endUs, monotonicUs);
        if (ms === null) return { probes, stuck: who };
        if (run >= RUNS_COLD) times[`${who}Ms`].push(ms);
      }
    }
  }
  return { probes, stuck: null };
}

// Milliseconds that a worker had the batch; null when it does not come back in time.
async function timed(
  deployment: Deployment, requests: readonly ProbeRequest[], rows: number, endUs: number, monotonicUs: () => number,
): Promise<number | null> {
  // Memory of its own: a run that does not come back keeps it.
  const slab = batchOf(requests, rows, monotonicUs());
  slab.stamp(NO_GENERATION, deployment.id, monotonicUs());
  const limitMs = Math.max(0, endUs - monotonicUs()) / 1e3 + PROBING_MS_MAX;
  return withTimeout(limitMs, deployment.run(slab, 'aside').then(() => slab.ranUs / 1e3));
}

function batchOf(requests: readonly ProbeRequest[], rows: number, nowUs: number): Slab {
  const chosen = Array.from({ length: rows }, (_, at) => requests[at % requests.length]!);
  const requestBytes = chosen.reduce((sum, { bytes }) => sum + bytes.length + 8, 0);
  const slab = createSlab({ entriesMax: rows, requestBytes, answerBytes: ANSWER_BYTES });
  for (const { bytes, headerBytes } of chosen) slab.append(EntryKind.oip, bytes, nowUs, Infinity, headerBytes);
  return slab;
}
