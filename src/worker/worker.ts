// Entry of an inference worker thread: one loaded version for its whole life, and after loading one endless task, in
// which it takes batch after batch from its mailbox. A worker that was started in place of a dead one serves at once
// and loads before it runs its first batch.
// Invariants: a batch of another deployment is never run; every pending entry of a batch gets an answer, whatever goes
// wrong; a load or a release holds its worker until all workers of the deployment got theirs, so each gets one.
import { receiveMessageOnPort, threadId, workerData } from 'node:worker_threads';
import { monotonicUs } from '../clock.ts';
import { isLastgoodError, lastgoodError, reasonOf } from '../errors.ts';
import { Outcome, SampleWriter, sampleRingOffset } from '../shared-memory/sample-ring.ts';
import { MailboxReceiver, Order } from '../shared-memory/mailbox.ts';
import { Slab } from '../shared-memory/slab.ts';
import { viewSlabArena } from '../shared-memory/slab-arena.ts';
import { loadVersion } from './loaded-version.ts';
import type { LoadedVersion } from './loaded-version.ts';
import { WorkerSlot } from './messages.ts';
import type {
  BatchResult, LoadResult, LoadTask, ServeResult, ServeTask, WorkerLetter, WorkerResult, WorkerStart, WorkerTask,
} from './messages.ts';
import { refuseBatch } from './predict-batch.ts';
import type { BatchRunner } from './predict-batch.ts';
import { rowTapOf } from './row-tap.ts';
import { Sampler } from './sampler.ts';
import { WorkerSlots } from './slots.ts';

const start = workerData as WorkerStart;
const slots = new WorkerSlots(start.slots);
const slabs = viewSlabArena(start.arena, start.slabCount);
let slot = -1;
/** One for the thread's life: a second writer on the same ring would not know where the first one is. */
let sampler: Sampler | null = null;
let loaded: LoadedVersion | null = null;

/** Handles one task of the pool. */
export default async function handle(task: WorkerTask): Promise<WorkerResult> {
  switch (task.kind) {
    case 'load':
      return load(task);
    case 'serve':
      return serve(task);
  }
}

async function ensureLoaded(): Promise<LoadedVersion> {
  if (loaded !== null) return loaded;
  const { model, version } = start;
  slot = slots.claim(threadId);
  if (slot < 0) throw lastgoodError('LOAD_FAILED', { model, version, reason: 'no worker slot is free' });
  sampler ??= new Sampler(
    start.samples
      ? new SampleWriter(start.rings, sampleRingOffset(slot, start.ringCapacity), start.ringCapacity)
      : null,
    start.ringCapacity,
    rowTapOf(start.rows, slot));
  try {
    loaded = await loadVersion(start, sampler);
  } catch (error) {
    slots.set(slot, threadId, WorkerSlot.failed);
    throw error;
  }
  slots.set(slot, threadId, WorkerSlot.ready);
  return loaded;
}

async function load(task: LoadTask): Promise<LoadResult> {
  const { signature, outputKind, loadMs } = await ensureLoaded();
  const isDecided = (): boolean =>
    slots.countOf(WorkerSlot.ready) === slots.count || slots.countOf(WorkerSlot.failed) > 0;
  if (!(await slots.hold(isDecided, task.deadlineUs, monotonicUs))) {
    const { model, version } = start;
    const reason = `${slots.countOf(WorkerSlot.ready)} of ${slots.count} workers were ready at the deadline`;
    throw lastgoodError('LOAD_FAILED', { model, version, reason });
  }
  return { kind: 'load', signature, outputKind, loadMs };
}

async function serve(task: ServeTask): Promise<ServeResult> {
  const { port } = task;
  const mailbox = new MailboxReceiver(task.mailbox);
  for (let order = mailbox.next(); order !== Order.leave; order = mailbox.next()) {
    const letter = await carryOut(order, task);
    if (letter !== null) port.postMessage(letter);
    if (mailbox.finish(letter !== null)) port.postMessage(null);
  }
  await release(task.releaseMs);
  port.close();
  return { kind: 'serve' };
}

// Runs one batch; returns what the main thread does not find in the slab.
async function carryOut(order: number, { port }: ServeTask): Promise<WorkerLetter | null> {
  try {
    const slab = order === Order.memory ? slabIn(receiveMessageOnPort(port)) : slabs[order];
    if (slab === undefined) throw new Error('This is a bug: a batch names a slab that the arena does not have');
    const { overflow } = await runBatch(slab);
    return overflow.length === 0 ? null : { overflow };
  } catch (error) {
    return { overflow: [], failure: reasonOf(error) };
  }
}

function slabIn(received: { readonly message: unknown } | undefined): Slab | undefined {
  return received?.message instanceof SharedArrayBuffer ? new Slab(received.message) : undefined;
}

async function runBatch(slab: Slab): Promise<BatchResult> {
  const { deploymentId } = slab;
  if (deploymentId !== start.deploymentId) {
    const reason = `its batch is for deployment ${deploymentId} and reached deployment ${start.deploymentId}`;
    // No samples: they would count for a version that was not asked.
    return refuseBatch(slab, lastgoodError('INTERNAL', { reason }), Outcome.clientFault, null);
  }
  let runner: BatchRunner;
  try {
    ({ runner } = await ensureLoaded());
  } catch (error) {
    sampler?.begin(slab.generation, slab.track);
    return refuseBatch(slab, answerable(error), Outcome.modelFailure, sampler);
  }
  try {
    return await runner.run(slab);
  } catch (error) {
    // Entries that were answered before the throw keep their answers and samples.
    return refuseBatch(slab, error, Outcome.modelFailure, sampler);
  }
}

// A failed load is answered like a failed run: the version cannot answer, the client did nothing wrong.
function answerable(error: unknown): unknown {
  if (!isLastgoodError(error) || error.code !== 'LOAD_FAILED') return error;
  const { model, version } = start;
  return lastgoodError('MODEL_FAILED', { model, version, reason: reasonOf(error) });
}

async function release(releaseMs: number): Promise<void> {
  const deadlineUs = monotonicUs() + releaseMs * 1e3;
  const session = loaded;
  loaded = null;
  await session?.release();
  if (slot >= 0) slots.set(slot, threadId, WorkerSlot.claimed);
  await slots.hold(() => slots.countOf(WorkerSlot.ready) === 0, deadlineUs, monotonicUs);
}
