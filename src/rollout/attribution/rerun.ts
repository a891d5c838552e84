// Runs the requests of a batch again, in a process of their own, to find out whether they end it, and which of them do.
// Main thread. Only what happens twice is held against anybody.
import { fileURLToPath } from 'node:url';
import type { FailedTask } from '../../base/errors.ts';
import { ManagedChild } from '../../base/managed-child.ts';
import type { InFlightRequest } from '../../shared-memory/in-flight.ts';
import type { VersionStart } from '../deployment/deployment.ts';
import { watchMemory } from '../preparation/memory-watch.ts';

const ENTRY = fileURLToPath(new URL('./rerun-child.js', import.meta.url));
/** A child that has answered leaves by itself; one that does not is not waited for beyond this. */
const LEAVE_MS = 2_000;
/** Requests of one batch that are found to end a process; the search ends there. */
const DEADLY_MAX = 8;

export interface RerunOrder {
  readonly start: VersionStart;
  /** One after the other. */
  readonly batches: readonly (readonly InFlightRequest[])[];
}
export type RerunMessage =
  | { readonly kind: 'begun'; readonly number: number }
  | { readonly kind: 'came back' }
  | FailedTask;

export interface RerunLimits {
  readonly loadMs: number;
  /** Of one batch. */
  readonly runMs: number;
  readonly memoryBytes: number;
}

/** How the rerun of a batch ended. */
export type RerunEnd =
  | { readonly kind: 'came back' }
  /** `how`: a signal, a limit. */
  | { readonly kind: 'died' | 'hung'; readonly how: string; readonly number: number }
  /** It did not come to run anything. */
  | { readonly kind: 'unknown'; readonly how: string };

/** Runs batches on a version until one of them ends the process or does not come back in time. */
export async function rerun(order: RerunOrder, { loadMs, runMs, memoryBytes }: RerunLimits): Promise<RerunEnd> {
  let begun = -1;
  let limit: RerunEnd | null = null;
  let settle: (end: RerunEnd) => void = () => undefined;
  const settled = new Promise<RerunEnd>((resolve) => (settle = resolve));
  const child = new ManagedChild<RerunOrder, RerunMessage>({
    entry: ENTRY, stderr: 'keep', isBackground: true, serialization: 'advanced',
    onReport: (message) => {
      if (message.kind === 'begun') {
        begun = message.number;
        clearTimeout(timer);
        timer = setTimeout(() => end({ kind: 'hung', how: `no end within ${runMs} ms`, number: begun }), runMs);
      } else if (message.kind === 'came back') settle(message);
      else settle({ kind: 'unknown', how: message.error.message });
    },
  });
  const end = (how: RerunEnd): void => {
    limit = how;
    child.kill();
  };
  let timer = setTimeout(() => end({ kind: 'unknown', how: `not loaded within ${loadMs} ms` }), loadMs);
  const stopWatch = watchMemory(child.pid ?? 0, memoryBytes, (bytes) => {
    const how = `${Math.round(bytes / 1024 ** 2)} MiB of memory`;
    end(begun < 0 ? { kind: 'unknown', how } : { kind: 'died', how, number: begun });
  });
  void child.ended.then((how) => {
    settle(limit ?? (begun < 0 ? { kind: 'unknown', how } : { kind: 'died', how, number: begun }));
  });
  try {
    child.post(order);
    return await settled;
  } finally {
    clearTimeout(timer);
    stopWatch();
    await child.endWithin(LEAVE_MS);
  }
}

/** Those requests of a batch that end a process each by itself. */
export async function deadlyAmong(
  start: VersionStart, requests: readonly InFlightRequest[], limits: RerunLimits,
): Promise<InFlightRequest[]> {
  const deadly: InFlightRequest[] = [];
  for (let from = 0; from < requests.length && deadly.length < DEADLY_MAX;) {
    const end = await rerun({ start, batches: requests.slice(from).map((one) => [one]) }, limits);
    if (end.kind === 'came back' || end.kind === 'unknown') break;
    deadly.push(requests[from + end.number]!);
    from += end.number + 1;
  }
  return deadly;
}
