// Clears away what a version leaves on the heap of a thread that has released it. Worker thread. Nothing else does it
// in time: an idle thread allocates nothing that would start the collector, and a hundred loads in a row would leave
// a hundred megabytes behind.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | null = null;

/** Collects the thread's garbage; takes some milliseconds. */
export function collectGarbage(): void {
  if (collect === null) {
    // The function is there for contexts that begin after the flag was set.
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
