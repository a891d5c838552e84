// A data directory with one artefact, as the engine would leave it for its workers.
import '../../src/base/telemetry-off.ts';
import { noLimits } from '../../src/domain/run-limits.ts';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { monotonicUs } from '../../src/base/clock.ts';
import { SampleReader, sampleRingBytes, sampleRingOffset } from '../../src/shared-memory/sample-ring.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { StackWatch } from '../../src/shared-memory/stack-watch.ts';
import { createSlabArena } from '../../src/shared-memory/slab-arena.ts';
import type { Slab } from '../../src/shared-memory/slab.ts';
import type { SlabArena } from '../../src/shared-memory/slab-arena.ts';
import { artifactPath } from '../../src/artifacts/directory.ts';
import type { WorkerStart } from '../../src/worker/messages.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { RING_CAPACITY, openModel } from './fixtures.ts';

/** A data directory with one artefact, and what its workers are started with. */
export interface Deployed {
  readonly dataDir: string;
  readonly arena: SlabArena;
  readonly start: WorkerStart;
  readonly artifact: string;
  /** One reader per worker. */
  readonly readers: readonly SampleReader[];
}

export async function deploy(
  bytes: Uint8Array, workers: number, options: { readonly intact?: boolean } = {},
): Promise<Deployed> {
  const dataDir = temporaryDirectory();
  const session = await openModel(bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const artifact = artifactPath(dataDir, { sha256 });
  mkdirSync(dirname(artifact), { recursive: true });
  writeFileSync(artifact, options.intact === false ? Buffer.concat([bytes, Buffer.of(0)]) : bytes);
  await session.release();
  const arena = createSlabArena(8, { entriesMax: 64, requestBytes: 65_536, answerBytes: 65_536 });
  const rings = new SharedArrayBuffer(workers * sampleRingBytes(RING_CAPACITY));
  const readers = Array.from({ length: workers }, (_, ring) =>
    new SampleReader(rings, sampleRingOffset(ring, RING_CAPACITY), RING_CAPACITY));
  const start: WorkerStart = {
    dataDir, model: 'm', version: '1', sha256, outputKind: 'scalar',
    source: { output: 0, kind: 'scalar', datatype: session.signature.outputs[0]!.datatype },
    deploymentId: 5, workers, intraOpThreads: 1, requestRowsMax: 1e6, prepared: null, memory: null,
    watch: StackWatch.create(0).memory,
    stacking: { mode: 'rows', reason: '', rowOutputs: session.signature.outputs.map(() => true) },
    limits: noLimits({ inputs: [], outputs: [] }, 64),
    answerBytesMax: 1e6,
    nonFinite: 'token',
    arena: arena.memory, slabCount: arena.slabs.length, rings, ringCapacity: RING_CAPACITY,
    samples: true,
    rows: { reservoir: null, record: null },
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
