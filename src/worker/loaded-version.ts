// Brings one version up in this thread: its record from the registry, its artefact checked and opened, its session
// warmed. Worker thread; one per thread, kept until the thread ends or the session is released.
import { monotonicUs } from '../clock.ts';
import { lastgoodError, reasonOf } from '../errors.ts';
import { verifyArtifact } from '../registry/artifacts.ts';
import { versionKey } from '../registry/keys.ts';
import type { OutputKind, Signature, VersionRecord } from '../registry/records.ts';
import { openStore } from '../registry/store.ts';
import { judgedOutputOf } from '../wire/judged-output.ts';
import type { WorkerStart } from './messages.ts';
import { BatchRunner } from './predict-batch.ts';
import type { PredictionSource, Sampler } from './sampler.ts';
import { Session } from './session.ts';
import { answersRowByRow } from './stack-probe.ts';

export interface LoadedVersion {
  readonly signature: Signature;
  readonly outputKind: OutputKind;
  readonly loadMs: number;
  readonly runner: BatchRunner;
  release(): Promise<void>;
}

/** Loads the version that `start` names; its samples go to `sampler`. Throws LOAD_FAILED. */
export async function loadVersion(start: WorkerStart, sampler: Sampler): Promise<LoadedVersion> {
  const { model, version } = start;
  const beginUs = monotonicUs();
  let session: Session | null = null;
  try {
    const record = await readVersion(start);
    const path = await verifyArtifact(start.dataDir, record.sha256);
    session = await Session.open({ path, intraOpThreads: start.intraOpThreads, rowsMax: start.rowsMax });
    await session.warmUp();
    const isRowByRow = await answersRowByRow(session);
    sampler.source = predictionSource(record);
    const runner = new BatchRunner({
      model, version, session, sampler, monotonicUs, isRowByRow,
      nonFinite: start.nonFinite,
      rowsMax: start.rowsMax,
      answerBytesMax: start.answerBytesMax,
    });
    const loaded = session;
    return {
      signature: session.signature,
      outputKind: record.outputKind,
      loadMs: (monotonicUs() - beginUs) / 1e3,
      runner,
      release: () => loaded.release(),
    };
  } catch (error) {
    await session?.release();
    throw lastgoodError('LOAD_FAILED', { model, version, reason: reasonOf(error) });
  }
}

async function readVersion({ dataDir, model, version }: WorkerStart): Promise<VersionRecord> {
  const store = openStore({ dataDir, readOnly: true });
  try {
    const record = store.read(() => store.get(versionKey(model, version)));
    if (record === undefined) throw new Error('it is not in the registry');
    return record;
  } finally {
    await store.close();
  }
}

// Live predictions must come from the output that the baseline was computed from, and be read as it was.
function predictionSource(record: VersionRecord): PredictionSource | null {
  const { signature } = record;
  const { output: name, kind } = judgedOutputOf(record);
  const output = signature.outputs.findIndex((candidate) => candidate.name === name);
  const datatype = signature.outputs[output]?.datatype;
  return datatype === undefined ? null : { output, kind, datatype };
}
