// Entry of an inference worker thread: one loaded version at a time, and after loading it one long task, in which it
// takes batch after batch from its mailbox until it is told to release the version. A worker that was started in place
// of a dead one serves at once and loads before it runs its first batch.
// Invariants: a batch of another deployment is never run; every pending entry of a batch gets an answer, whatever goes
// wrong; a load or a release holds its worker until all workers of the deployment got theirs, so each gets one.
import { threadId } from 'node:worker_threads';
import { collectGarbage } from '../../base/process-memory.ts';
import { monotonicUs } from '../../base/clock.ts';
import { encodeError, failedTask, isLastgoodError, lastgoodError, reasonOf } from '../../base/errors.ts';
import { Outcome, SampleWriter, sampleRingOffset } from '../../shared-memory/sample-ring.ts';
import { InFlightSlot } from '../../shared-memory/in-flight.ts';
import { MailboxReceiver } from '../../shared-memory/mailbox.ts';
import type { Slab } from '../../shared-memory/slab.ts';
import { viewSlabArena } from '../../shared-memory/slab-arena.ts';
import { loadVersion } from './loaded-version.ts';
import type { LoadedVersion } from './loaded-version.ts';
import { stepBackThread } from './thread-priority.ts';
import type {
  BatchReport, BatchResult, LoadResult, LoadTask, ServeResult, ServeTask, WorkerResult, WorkerStart, WorkerTask,
} from '../messages.ts';
import { refuseBatch } from '../run/batch-runner.ts';
import { rowTapOf } from '../run/row-sampler.ts';
import { Sampler } from '../run/sampler.ts';
import { SlotState, WorkerSlots } from '../pool/slots.ts';

/** One deployment's part in this thread, from its load to the release of its session. */
interface Assignment {
  readonly start: WorkerStart;
  readonly slots: WorkerSlots;
  readonly slabs: readonly Slab[];
  slot: number;
  /** One for the whole assignment: a second writer on the same ring would not know where the first one is. */
  sampler: Sampler | null;
  /** Where it is written down what runs, if that is kept. */
  inFlight: InFlightSlot | null;
  loaded: LoadedVersion | null;
}

let assignment: Assignment | null = null;

function assignmentOf(start: WorkerStart): Assignment {
  if (assignment?.start.deploymentId !== start.deploymentId) {
    const slots = new WorkerSlots(start.slots);
    const slabs = viewSlabArena(start.arena, start.slabCount);
    assignment = { start, slots, slabs, slot: -1, sampler: null, inFlight: null, loaded: null };
  }
  return assignment;
}

/** Handles one task of the pool. */
export default async function handle(task: WorkerTask): Promise<WorkerResult> {
  try {
    return await (task.kind === 'load' ? load(task) : serve(task));
  } catch (error) {
    return failedTask(error);
  }
}

async function ensureLoaded(assignment: Assignment): Promise<LoadedVersion> {
  if (assignment.loaded !== null) return assignment.loaded;
  const { start, slots } = assignment;
  const { model, version } = start;
  const slot = assignment.slot >= 0 ? assignment.slot : slots.claim(threadId);
  assignment.slot = slot;
  if (slot < 0) throw lastgoodError('LOAD_FAILED', { model, version, reason: 'no worker slot is free' });
  // Before the runtime starts threads of its own, which take it over.
  if (start.stepsBack === true) stepBackThread();
  const ring = (start.firstRing ?? 0) + slot;
  if (start.inFlight) assignment.inFlight ??= new InFlightSlot(start.inFlight, ring, { model, version });
  assignment.sampler ??= new Sampler(
    start.samples
      ? new SampleWriter(start.rings, sampleRingOffset(ring, start.ringCapacity), start.ringCapacity)
      : null,
    start.ringCapacity,
    rowTapOf(start.rows, ring));
  try {
    assignment.loaded = await loadVersion(start, assignment.sampler);
  } catch (error) {
    slots.set(slot, threadId, SlotState.failed);
    throw error;
  }
  // What the load and the largest run of the warm-up leave behind.
  collectGarbage();
  slots.set(slot, threadId, SlotState.ready);
  return assignment.loaded;
}

async function load(task: LoadTask): Promise<LoadResult> {
  const { start, slots } = assignmentOf(task.start);
  const { signature, outputKind, loadMs } = await ensureLoaded(assignmentOf(task.start));
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
  const assignment = assignmentOf(task.start);
  const mailbox = new MailboxReceiver<BatchReport>(task.mailbox, port, assignment.slabs);
  for (let slab = mailbox.next(); slab !== null; slab = mailbox.next()) {
    mailbox.finish(await runBatch(slab, assignment));
    const isIdle = !mailbox.hasNext;
    // A batch that follows at once writes over this one's record, which saves a write. For so long the answered batch
    // counts as running; asked again, it would be cleared.
    if (isIdle) assignment.inFlight?.end();
    if (assignment.loaded?.isHoarding === true) await reopen(assignment, assignment.loaded);
    const check = assignment.loaded?.runner.stackCheck;
    if (check?.isReady(isIdle) === true) await check.run();
  }
  assignment.inFlight?.end();
  await release(assignment, task.releaseMs);
  port.close();
  return { kind: 'serve' };
}

// The runtime keeps what its largest run has taken, for as long as the session lives.
async function reopen(assignment: Assignment, hoarding: LoadedVersion): Promise<void> {
  assignment.inFlight?.end();
  assignment.loaded = null;
  await hoarding.release();
  collectGarbage();
  // One that fails is tried again by the next batch, which is answered with what it says.
  assignment.loaded = await loadVersion(assignment.start, assignment.sampler!).catch(() => null);
}

// Runs one batch; returns what the main thread does not find in the slab.
async function runBatch(slab: Slab, assignment: Assignment): Promise<BatchReport | null> {
  const { start } = assignment;
  const { deploymentId } = slab;
  try {
    slab.beginRun();
    if (deploymentId !== start.deploymentId) {
      const reason = `its batch is for deployment ${deploymentId} and reached deployment ${start.deploymentId}`;
      // No samples: they would count for a version that was not asked.
      return refuseBatch(slab, lastgoodError('INTERNAL', { reason }), Outcome.clientFault, null);
    }
    let result: BatchResult;
    try {
      const { runner } = await ensureLoaded(assignment);
      assignment.inFlight?.begin(slab);
      result = await runner.run(slab);
    } catch (error) {
      // Entries that were answered before the throw keep their answers and samples.
      if (assignment.loaded === null) assignment.sampler?.begin(slab.generation, slab.track);
      result = refuseBatch(slab, answerable(error, start), Outcome.modelFailure, assignment.sampler);
    }
    return result.overflow.length === 0 ? null : result;
  } catch (error) {
    return { overflow: [], failure: encodeError(error) };
  }
}

// A failed load is answered like a failed run: the version cannot answer, the client did nothing wrong.
function answerable(error: unknown, { model, version }: WorkerStart): unknown {
  if (!isLastgoodError(error) || error.code !== 'LOAD_FAILED') return error;
  return lastgoodError('MODEL_FAILED', { model, version, reason: reasonOf(error) });
}

// The assignment ends here: the next load begins another one.
async function release(ending: Assignment, releaseMs: number): Promise<void> {
  const deadlineUs = monotonicUs() + releaseMs * 1e3;
  const { slots, slot, loaded } = ending;
  ending.loaded = null;
  assignment = null;
  await loaded?.release();
  collectGarbage();
  if (slot >= 0) slots.set(slot, threadId, SlotState.claimed);
  await slots.hold(() => slots.countOf(SlotState.ready) === 0, deadlineUs, monotonicUs);
}
