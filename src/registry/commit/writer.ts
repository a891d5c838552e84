// Entry of the writer thread: commits what the main thread worked out, and waits for the disk in its stead.
import { parentPort, workerData } from 'node:worker_threads';
import { reasonOf } from '../../base/errors.ts';
import { REVISION } from '../store/keys.ts';
import { openStore } from '../store/store.ts';
import type { RegistryStore } from '../store/store.ts';
import type { CommitReport, CommitTask, WriterStart } from './writer-thread.ts';

if (parentPort === null) throw new Error('start the writer: this is the main thread; wanted a worker thread');
const port = parentPort;
const { dataDir } = workerData as WriterStart;
let store: RegistryStore | null = null;

class Overtaken extends Error {}

function commit({ writes, revision }: CommitTask): CommitReport {
  try {
    const opened = (store ??= openStore({ dataDir }));
    opened.transaction(() => {
      if ((opened.get(REVISION) ?? 0) !== revision) throw new Overtaken();
      for (const { key, value } of writes) {
        if (value === undefined) opened.delete({ parts: key });
        else opened.put({ parts: key }, value);
      }
    });
    return { kind: 'done', isCommitted: true };
  } catch (error) {
    if (error instanceof Overtaken) return { kind: 'done', isCommitted: false };
    return { kind: 'failed', reason: reasonOf(error) };
  }
}

port.on('message', (task: CommitTask | null) => {
  if (task !== null) {
    port.postMessage(commit(task));
    return;
  }
  const closing = store?.close() ?? Promise.resolve();
  void closing.finally(() => port.close());
});
