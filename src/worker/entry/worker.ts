// Entry of an inference worker thread: one loaded version at a time, and after loading it one long task, in which it
// takes batch after batch from its mailbox until it is told to release the version. A worker that was started in place
// of a dead one serves at once and loads before it runs its first batch.
// Invariants: a batch of another deployment is never run; every pending entry of a batch gets an answer, whatever goes
// wrong; a load or a release holds its worker until all workers of the deployment got theirs, so each gets one.
import { receiveMessageOnPort, threadId } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { monotonicUs } from '../../base/clock.ts';
import { isLastgoodError, lastgoodError, reasonOf } from '../../base/errors.ts';
import { Outcome, SampleWriter, sampleRingOffset } from '../../shared-memory/sample-ring.ts';
import { MailboxReceiver, Order } from '../../shared-memory/mailbox.ts';
import { Slab } from '../../shared-memory/slab.ts';
import { viewSlabArena } from '../../shared-memory/slab-arena.ts';
import { collectGarbage, loadVersion } from './loaded-version.ts';
import type { LoadedVersion } from './loaded-version.ts';
import type {
  BatchResult, LoadResult, LoadTask, ServeResult, ServeTask, WorkerLetter, WorkerResult, WorkerStart, WorkerTask,
} from '../messages.ts';
import { refuseBatch } from '../run/batch-runner.ts';
import type { BatchRunner } from '../run/batch-runner.ts';
import { rowTapOf } from '../run/row-sampler.ts';
import { Sampler } from '../run/sampler.ts';
import { SlotState, WorkerSlots } from '../pool/slots.ts';

/** One deployment's part in this thread, from its load to the release of its session. */
interface Duty {
  readonly start: WorkerStart;
  readonly slots: WorkerSlots;
  readonly slabs: readonly Slab[];
  slot: number;
  /** One for the whole duty: a second writer on the same ring would not know where the first one is. */
  sampler: Sampler | null;
  loaded: LoadedVersion | null;
}

let duty: Duty | null = null;

function dutyOf(start: WorkerStart): Duty {
  if (duty?.start.deploymentId !== start.deploymentId) {
    const slots = new WorkerSlots(start.slots);
    const slabs = viewSlabArena(start.arena, start.slabCount);
    duty = { start, slots, slabs, slot: -1, sampler: null, loaded: null };
  }
  return duty;
}

/** Handles one task of the pool. */
export default async function handle(task: WorkerTask): Promise<WorkerResult> {
  switch (task.kind) {
    case 'load':
      return load(task);
    case 'serve':
      return serve(task);
  }
}

async function ensureLoaded(duty: Duty): Promise<LoadedVersion> {
  if (duty.loaded !== null) return duty.loaded;
  const { start, slots } = duty;
  const { model, version } = start;
  const slot = slots.claim(threadId);
  duty.slot = slot;
  if (slot < 0) throw lastgoodError('LOAD_FAILED', { model, version, reason: 'no worker slot is free' });
  duty.sampler ??= new Sampler(
    start.samples
      ? new SampleWriter(start.rings, sampleRingOffset(slot, start.ringCapacity), start.ringCapacity)
      : null,
    start.ringCapacity,
    rowTapOf(start.rows, slot));
  try {
    duty.loaded = await loadVersion(start, duty.sampler);
  } catch (error) {
    slots.set(slot, threadId, SlotState.failed);
    throw error;
  }
  slots.set(slot, threadId, SlotState.ready);
  return duty.loaded;
}

async function load(task: LoadTask): Promise<LoadResult> {
  const { start, slots } = dutyOf(task.start);
  const { signature, outputKind, loadMs } = await ensureLoaded(dutyOf(task.start));
  const isDecided = (): boolean =>
    slots.countOf(SlotState.ready) === slots.count || slots.countOf(SlotState.failed) > 0;
  if (!(await slots.hold(isDecided, task.deadlineUs, monotonicUs))) {
    const { model, version } = start;
    const reason = `${slots.countOf(SlotState.ready)} of ${slots.count} workers were ready at the deadline`;
    throw lastgoodError('LOAD_FAILED', { model, version, reason });
  }
  return { kind: 'load', signature, outputKind, loadMs };
}

async function serve(task: ServeTask): Promise<ServeResult> {
  const { port } = task;
  const duty = dutyOf(task.start);
  const mailbox = new MailboxReceiver(task.mailbox);
  for (let order = mailbox.next(); order !== Order.leave; order = mailbox.next()) {
    const letter = await carryOut(order, duty, port);
    if (letter !== null) port.postMessage(letter);
    if (mailbox.finish(letter !== null)) port.postMessage(null);
  }
  await release(duty, task.releaseMs);
  port.close();
  return { kind: 'serve' };
}

// Runs one batch; returns what the main thread does not find in the slab.
async function carryOut(order: number, duty: Duty, port: MessagePort): Promise<WorkerLetter | null> {
  try {
    const slab = order === Order.memory ? slabIn(receiveMessageOnPort(port)) : duty.slabs[order];
    if (slab === undefined) throw new Error('This is a bug: a batch names a slab that the arena does not have');
    const { overflow } = await runBatch(slab, duty);
    return overflow.length === 0 ? null : { overflow };
  } catch (error) {
    return { overflow: [], failure: reasonOf(error) };
  }
}

function slabIn(received: { readonly message: unknown } | undefined): Slab | undefined {
  return received?.message instanceof SharedArrayBuffer ? new Slab(received.message) : undefined;
}

async function runBatch(slab: Slab, duty: Duty): Promise<BatchResult> {
  slab.beginRun();
  const { start } = duty;
  const { deploymentId } = slab;
  if (deploymentId !== start.deploymentId) {
    const reason = `its batch is for deployment ${deploymentId} and reached deployment ${start.deploymentId}`;
    // No samples: they would count for a version that was not asked.
    return refuseBatch(slab, lastgoodError('INTERNAL', { reason }), Outcome.clientFault, null);
  }
  let runner: BatchRunner;
  try {
    ({ runner } = await ensureLoaded(duty));
  } catch (error) {
    duty.sampler?.begin(slab.generation, slab.track);
    return refuseBatch(slab, answerable(error, start), Outcome.modelFailure, duty.sampler);
  }
  try {
    return await runner.run(slab);
  } catch (error) {
    // Entries that were answered before the throw keep their answers and samples.
    return refuseBatch(slab, error, Outcome.modelFailure, duty.sampler);
  }
}

// A failed load is answered like a failed run: the version cannot answer, the client did nothing wrong.
function answerable(error: unknown, { model, version }: WorkerStart): unknown {
  if (!isLastgoodError(error) || error.code !== 'LOAD_FAILED') return error;
  return lastgoodError('MODEL_FAILED', { model, version, reason: reasonOf(error) });
}

// The duty ends here: the next load begins another one.
async function release(ending: Duty, releaseMs: number): Promise<void> {
  const deadlineUs = monotonicUs() + releaseMs * 1e3;
  const { slots, slot, loaded } = ending;
  ending.loaded = null;
  duty = null;
  await loaded?.release();
  collectGarbage();
  if (slot >= 0) slots.set(slot, threadId, SlotState.claimed);
  await slots.hold(() => slots.countOf(SlotState.ready) === 0, deadlineUs, monotonicUs);
}
