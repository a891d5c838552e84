// Entry of the writer thread: commits what the main thread staged, one change at a time, and waits for the disk in its
// stead.
import { parentPort, workerData } from 'node:worker_threads';
import { failedTask } from '../../base/errors.ts';
import { openStore, type StoreOptions } from '../opening/open-store.ts';
import { REVISION } from '../store/keys.ts';
import type { RegistryStore } from '../store/store.ts';
import type { CommitReport } from './commits.ts';
import type { StagedChange } from '../store/staging.ts';

if (parentPort === null) throw new Error('start the writer: this is the main thread; wanted a worker thread');
const port = parentPort;
let store: RegistryStore | null = null;

class Overtaken extends Error {}

// In one transaction, or not at all when the registry has another revision.
function commit({ writes, revision }: StagedChange): CommitReport {
  try {
    const registry = (store ??= openStore(workerData as StoreOptions));
    registry.transaction(() => {
      if ((registry.get(REVISION) ?? 0) !== revision) throw new Overtaken();
      for (const { key, value } of writes) {
        if (value === undefined) registry.delete({ parts: key });
        else registry.put({ parts: key }, value);
      }
    });
    return { kind: 'done', isCommitted: true };
  } catch (error) {
    return error instanceof Overtaken ? { kind: 'done', isCommitted: false } : failedTask(error);
  }
}

port.on('message', (change: StagedChange | null) => {
  if (change !== null) port.postMessage(commit(change));
  else void (store?.close() ?? Promise.resolve()).finally(() => port.close());
});
