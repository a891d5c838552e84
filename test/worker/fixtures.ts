// Sessions, runners, slabs and data directories for the tests of this folder.
import '../../src/telemetry-off.ts';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { monotonicUs } from '../../src/clock.ts';
import { versionKey } from '../../src/registry/keys.ts';
import type { OutputKind, VersionRecord } from '../../src/registry/records.ts';
import { openStore } from '../../src/registry/store.ts';
import { SampleReader, SampleWriter, sampleRingBytes, sampleRingOffset } from '../../src/shared-memory/sample-ring.ts';
import type { Sample } from '../../src/shared-memory/sample-ring.ts';
import { EntryKind, createSlabArena } from '../../src/shared-memory/slab.ts';
import type { Slab, SlabArena } from '../../src/shared-memory/slab.ts';
import { artifactPath } from '../../src/worker/loaded-version.ts';
import type { BatchResult, WorkerStart } from '../../src/worker/messages.ts';
import { BatchRunner } from '../../src/worker/predict-batch.ts';
import { Sampler } from '../../src/worker/sampler.ts';
import { Session } from '../../src/worker/session.ts';

export const RING_CAPACITY = 1024;

export const temporaryDirectory = (): string => mkdtempSync(join(tmpdir(), 'lastgood-worker-'));

/** Opens a session on a model that was just written. */
export async function openModel(bytes: Uint8Array, rowsMax = 64): Promise<Session> {
  const path = join(temporaryDirectory(), 'model.onnx');
  writeFileSync(path, bytes);
  return Session.open({ path, intraOpThreads: 1, rowsMax });
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

/** A runner on one session, with the ring it writes to and a slab of its own. */
export interface Bench {
  readonly session: Session;
  readonly arena: SlabArena;
  readonly runner: BatchRunner;
  /** Runs bodies as one batch of generation 7. */
  batch(bodies: readonly (string | Uint8Array)[], options?: BatchOptions): Promise<Answer[]>;
  samples(): Sample[];
}

export interface BatchOptions {
  readonly kind?: EntryKind;
  readonly deadlineUs?: number;
  readonly before?: (slab: Slab) => void;
}

export interface BenchOptions {
  readonly rowsMax?: number;
  readonly kind?: OutputKind;
  readonly output?: number;
  readonly answerBytesMax?: number;
  readonly slabAnswerBytes?: number;
}

export async function benchOn(bytes: Uint8Array, options: BenchOptions = {}): Promise<Bench> {
  const { rowsMax = 64, kind = 'scalar', output = 0, answerBytesMax = 1e6, slabAnswerBytes = 65_536 } = options;
  const session = await openModel(bytes, rowsMax);
  const memory = new SharedArrayBuffer(sampleRingBytes(RING_CAPACITY));
  const sampler = new Sampler(new SampleWriter(memory, 0, RING_CAPACITY), RING_CAPACITY);
  sampler.source = { output, kind };
  const reader = new SampleReader(memory, 0, RING_CAPACITY);
  const runner = new BatchRunner({
    model: 'm', version: '1', session, sampler, rowsMax, answerBytesMax, monotonicUs,
  });
  const arena = createSlabArena(1, { entriesMax: 64, requestBytes: 1 << 20, answerBytes: slabAnswerBytes });
  return {
    session, arena, runner,
    async batch(bodies, { kind: entryKind = EntryKind.predictJson, deadlineUs = Infinity, before } = {}) {
      const slab = arena.slabs[0]!.clear();
      for (const body of bodies) slab.append(entryKind, Buffer.from(body), monotonicUs(), deadlineUs);
      slab.stamp(7, 1, monotonicUs());
      before?.(slab);
      return answersOf(slab, await runner.run(slab));
    },
    samples: () => samplesOf(reader),
  };
}

export function samplesOf(reader: SampleReader): Sample[] {
  const samples: Sample[] = [];
  reader.drain((sample) => samples.push({ ...sample }));
  return samples;
}

export function answersOf(slab: Slab, { overflow }: BatchResult): Answer[] {
  return Array.from({ length: slab.entryCount }, (_, entry) => {
    const bytes = slab.answer(entry) ?? overflow.find((one) => one.entry === entry)?.answer;
    const text = bytes === undefined ? '' : Buffer.from(bytes).toString();
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
    return { status: slab.status(entry), body, text };
  });
}

/** A data directory with one registered version, and what its workers are started with. */
export interface Deployed {
  readonly dataDir: string;
  readonly arena: SlabArena;
  readonly start: WorkerStart;
  readonly artifact: string;
  /** One reader per worker. */
  readonly readers: readonly SampleReader[];
}

export async function deploy(bytes: Uint8Array, workers: number, options: { intact?: boolean } = {}): Promise<Deployed> {
  const dataDir = temporaryDirectory();
  const session = await openModel(bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const artifact = artifactPath(dataDir, sha256);
  mkdirSync(dirname(artifact), { recursive: true });
  writeFileSync(artifact, options.intact === false ? Buffer.concat([bytes, Buffer.of(0)]) : bytes);
  const store = openStore({ dataDir });
  const record: VersionRecord = {
    model: 'm', version: '1', sha256, artifactBytes: bytes.length, signature: session.signature, outputKind: 'scalar',
    baseline: null, golden: null, trial: { loadMs: 1, runMs: 1, goldenCases: 0, residentBytes: 0 }, warnings: [],
    health: 'new', quarantine: null, lastGeneration: 0, registeredAtMs: 0, registeredBy: 'test',
  };
  store.transaction(() => store.put(versionKey('m', '1'), record));
  await store.close();
  await session.release();
  const arena = createSlabArena(8, { entriesMax: 64, requestBytes: 65_536, answerBytes: 65_536 });
  const rings = new SharedArrayBuffer(workers * sampleRingBytes(RING_CAPACITY));
  const readers = Array.from({ length: workers }, (_, ring) =>
    new SampleReader(rings, sampleRingOffset(ring, RING_CAPACITY), RING_CAPACITY));
  const start: WorkerStart = {
    dataDir, model: 'm', version: '1', deploymentId: 5, workers, intraOpThreads: 1, rowsMax: 64, answerBytesMax: 1e6,
    arena: arena.memory, slabCount: arena.slabs.length, rings, ringCapacity: RING_CAPACITY,
    slots: new SharedArrayBuffer(workers * 4),
  };
  return { dataDir, arena, start, artifact, readers };
}

/** Fills slab number `index` with bodies for deployment `deploymentId`. */
export function fill({ arena }: Deployed, index: number, bodies: readonly string[], deploymentId = 5): Slab {
  const slab = arena.slabs[index]!.clear();
  for (const body of bodies) slab.append(EntryKind.predictJson, Buffer.from(body), monotonicUs(), Infinity);
  slab.stamp(3, deploymentId, monotonicUs());
  return slab;
}
