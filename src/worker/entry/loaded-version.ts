// Brings one version up in this thread: its artefact checked and opened, its session warmed. Worker thread; one per
// thread at a time, kept until the thread ends or the session is released.
import { monotonicUs } from '../../base/clock.ts';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { loadableModel } from '../../artifacts/derived.ts';
import { verifyPrepared } from '../../artifacts/prepared.ts';
import type { OutputKind, Signature } from '../../domain/records.ts';
import { StackWatch } from '../../shared-memory/stack-watch.ts';
import type { WorkerStart } from '../messages.ts';
import { BatchRunner } from '../run/batch-runner.ts';
import type { Sampler } from '../run/sampler.ts';
import { MemoryBudget } from '../../shared-memory/memory-budget.ts';
import { MemoryGate } from '../session/memory-gate.ts';
import { Session } from '../session/session.ts';
import { decideStacking } from '../session/stacking-decision.ts';

export interface LoadedVersion {
  readonly signature: Signature;
  readonly outputKind: OutputKind;
  readonly loadMs: number;
  readonly runner: BatchRunner;
  /** It holds memory that somebody else was refused: to be opened anew. */
  readonly isHoarding: boolean;
  release(): Promise<void>;
}

/** Loads the version that `start` names; its samples go to `sampler`. Throws LOAD_FAILED. */
export async function loadVersion(start: WorkerStart, sampler: Sampler): Promise<LoadedVersion> {
  const { model, version } = start;
  const beginUs = monotonicUs();
  let session: Session | null = null;
  try {
    const file = await loadableModel(start.dataDir, start);
    const { intraOpThreads, session: chosen = {}, limits, stacking, labels = {}, defaults = {} } = start;
    const { rows: rowsMax, elements: elementsMax } = limits;
    const options = { labels, defaults, intraOpThreads, session: chosen, rowsMax, elementsMax };
    session = await openPrepared(start, options) ?? await Session.open({ ...file, ...options });
    if (stacking !== null) session.obey(stacking);
    await session.warmUp();
    let tolerance = stacking?.tolerance;
    if (stacking?.rowOutputs === undefined) {
      const found = await decideStacking(session, file, { boldness: 'tame' });
      session.obey({ ...found, ...stacking });
      ({ tolerance } = found);
    }
    if (start.memory !== null) {
      session.gate = new MemoryGate(new MemoryBudget(start.memory.plan), start.memory.run, session.warmRows);
    }
    sampler.source = start.source;
    const runner = new BatchRunner({
      model, version, session, sampler, monotonicUs, limits, tolerance,
      watch: new StackWatch(start.watch),
      nonFinite: start.nonFinite,
      refusesNonFinite: start.refusesNonFinite ?? false,
      requestRowsMax: start.requestRowsMax,
      answerBytesMax: start.answerBytesMax,
    });
    const loaded = session;
    return {
      signature: session.signature,
      outputKind: start.outputKind,
      loadMs: (monotonicUs() - beginUs) / 1e3,
      runner,
      get isHoarding() {
        return loaded.gate?.isHoarding === true;
      },
      release: () => loaded.release(),
    };
  } catch (error) {
    await session?.release();
    throw lastgoodError('LOAD_FAILED', { model, version, reason: reasonOf(error) });
  }
}

// The model as it was prepared, whose weights all sessions share; null when it is not, or does not open.
async function openPrepared(
  { dataDir, prepared }: WorkerStart, options: Omit<Parameters<typeof Session.open>[0], 'path'>,
): Promise<Session | null> {
  const file = prepared === null ? null : await verifyPrepared(dataDir, prepared);
  return file && Session.open({ ...file, ...options }).catch(() => null);
}
