// Entry of the writer thread: commits what the main thread staged, one change at a time, and waits for the disk in its
// stead.
import { parentPort, workerData } from 'node:worker_threads';
import { encodeError } from '../../base/errors.ts';
import { openStore, type RegistryStore, type StoreOptions } from '../store/store.ts';
import type { CommitReport } from './commits.ts';
import { commitStaged, type StagedChange } from './staging.ts';

if (parentPort === null) throw new Error('start the writer: this is the main thread; wanted a worker thread');
const port = parentPort;
let store: RegistryStore | null = null;

function commit(change: StagedChange): CommitReport {
  try {
    store ??= openStore(workerData as StoreOptions);
    return { kind: 'done', isCommitted: commitStaged(store, change) };
  } catch (error) {
    return { kind: 'failed', error: encodeError(error) };
  }
}

port.on('message', (change: StagedChange | null) => {
  if (change !== null) port.postMessage(commit(change));
  else void (store?.close() ?? Promise.resolve()).finally(() => port.close());
});
