// What the active version failed, kept to be asked of the warm standby. Main thread; the runs are on the standby's
// workers, beside the traffic, and belong to no generation. Fixed memory: the newest few requests, as they came in.
import { createSlab } from '../../shared-memory/slab-arena.ts';
import type { EntryKind } from '../../protocols/protocol.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import { NO_GENERATION, Track } from '../../shared-memory/slab.ts';
import { Outcome } from '../../shared-memory/sample-ring.ts';
import type { Deployment } from '../deployment/deployment.ts';
import { withTimeout } from '../../base/clock.ts';

const REQUESTS_KEPT = 64;
/** All of them together; one that is larger is kept alone. */
const BYTES_KEPT = 4 * 1024 * 1024;
/** Requests of one slab, the room for their answers in it, and how long all of them may take. */
const SLAB_REQUESTS = 8;
const ANSWER_BYTES = 64 * 1024;
const ASK_MS_MAX = 2_000;

export interface KeptRequest {
  readonly kind: EntryKind;
  readonly body: Uint8Array;
  readonly headerBytes: number;
}

/** The newest requests that failed; null for one that is not asked again, because a run did not come back from it. */
export class KeptRequests {
  #kept: (KeptRequest | null)[] = [];
  #bytes = 0;

  add(slab: Slab, entry: number): void {
    const body = slab.request(entry).slice();
    this.#push({ kind: slab.kind(entry) as EntryKind, body, headerBytes: slab.headerBytes(entry) });
  }

  addUnanswered(requests: number): void {
    for (let count = Math.min(requests, REQUESTS_KEPT); count > 0; count -= 1) this.#push(null);
  }

  clear(): void {
    this.#kept = [];
    this.#bytes = 0;
  }

  /** Oldest first. */
  view(): readonly (KeptRequest | null)[] {
    return [...this.#kept];
  }

  #push(request: KeptRequest | null): void {
    this.#kept.push(request);
    this.#bytes += request?.body.length ?? 0;
    while (this.#kept.length > REQUESTS_KEPT || (this.#bytes > BYTES_KEPT && this.#kept.length > 1)) {
      this.#bytes -= this.#kept.shift()?.body.length ?? 0;
    }
  }
}

/**
 * Asks the active version again what it failed, and then the standby what it fails again, within two seconds. Counts
 * what only the active version fails, what both fail, and what it answers now; what could not be asked is not counted.
 * An answer of the standby with a number beyond `sizeMax` is none, as in pairs; where that is asked for, answers whose
 * numbers cannot be read here (binary ones) are not counted.
 */
export async function repeatFailures(
  active: Deployment, standby: Deployment, failed: readonly KeptRequest[], nowUs: () => number, sizeMax = Infinity,
): Promise<{ own: number; shared: number; passed: number }> {
  const endUs = nowUs() + ASK_MS_MAX * 1e3;
  const counts = { own: 0, shared: 0, passed: 0 };
  for (let at = 0; at < failed.length && nowUs() < endUs; at += SLAB_REQUESTS) {
    const some = failed.slice(at, at + SLAB_REQUESTS);
    const again = await answeredOf(active, some, { nowUs: nowUs(), sizeMax: Infinity });
    const byStandby = again === null ? null : await answeredOf(standby, some, { nowUs: nowUs(), sizeMax });
    if (again === null || byStandby === null) return counts;
    again.forEach((isAnswered, entry) => {
      const isByStandby = byStandby[entry] ?? null;
      if (isAnswered === true) counts.passed += 1;
      else if (isByStandby !== null) counts[isByStandby ? 'own' : 'shared'] += 1;
    });
  }
  return counts;
}

// Whether each got a finite answer of a usual size, null where its size cannot be read; null for all of them when not
// all came back in time, or a worker was lost.
async function answeredOf(
  deployment: Deployment, requests: readonly KeptRequest[],
  { nowUs, sizeMax }: { readonly nowUs: number; readonly sizeMax: number },
): Promise<(boolean | null)[] | null> {
  const requestBytes = requests.reduce((sum, { body }) => sum + body.length + Float64Array.BYTES_PER_ELEMENT, 0);
  const slab = createSlab({ entriesMax: requests.length, requestBytes, answerBytes: ANSWER_BYTES });
  for (const { kind, body, headerBytes } of requests) slab.append(kind, body, nowUs, Infinity, headerBytes);
  slab.stamp(NO_GENERATION, deployment.id, nowUs, Track.shield);
  const isBack = await withTimeout(ASK_MS_MAX, deployment.replay(slab).then(() => true)).catch(() => null);
  return isBack === null ? null : requests.map((_, entry) => {
    if (slab.status(entry) < 200 || slab.outcome(entry) !== Outcome.ok) return false;
    if (sizeMax === Infinity) return true;
    const largest = largestOf(slab.answer(entry));
    return largest === null ? null : largest <= sizeMax;
  });
}

/** The largest size of a number in an answer of JSON; null where it cannot be read. */
function largestOf(answer: Uint8Array | undefined): number | null {
  if (answer === undefined) return null;
  let largest = 0;
  try {
    JSON.parse(Buffer.from(answer).toString(), (_, value: unknown) => {
      if (typeof value === 'number') largest = Math.max(largest, Math.abs(value));
    });
  } catch {
    return null;
  }
  return largest;
}
