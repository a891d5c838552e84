// Sessions, runners and slabs for the tests of this folder.
import '../../src/base/telemetry-off.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicUs } from '../../src/base/clock.ts';
import type { OutputKind } from '../../src/domain/records.ts';
import { noLimits } from '../../src/domain/run-limits.ts';
import type { RunLimits } from '../../src/domain/run-limits.ts';
import { SampleReader, SampleWriter, sampleRingBytes } from '../../src/shared-memory/sample-ring.ts';
import type { Sample } from '../../src/shared-memory/sample-ring.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import { createSlabArena } from '../../src/shared-memory/slab-arena.ts';
import type { Slab } from '../../src/shared-memory/slab.ts';
import type { StackWatch } from '../../src/shared-memory/stack-watch.ts';
import type { SlabArena } from '../../src/shared-memory/slab-arena.ts';
import type { BatchResult, RowMemory } from '../../src/worker/messages.ts';
import { BatchRunner } from '../../src/worker/run/batch-runner.ts';
import { rowTapOf } from '../../src/worker/run/row-sampler.ts';
import { Sampler } from '../../src/worker/run/sampler.ts';
import { Session } from '../../src/worker/session/session.ts';
import { decideStacking } from '../../src/worker/session/stacking-decision.ts';
import { temporaryDirectory } from '../support/temporary.ts';

export const RING_CAPACITY = 1024;

/** Writes a model to a file of its own. */
export function modelFile(bytes: Uint8Array): string {
  const path = join(temporaryDirectory(), 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

/** Opens a session on a model that was just written. */
export const openModel = (bytes: Uint8Array, rowsMax = 64): Promise<Session> =>
  Session.open({ path: modelFile(bytes), intraOpThreads: 1, rowsMax });

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
  /** 7 by default. */
  readonly generation?: number;
}

export interface BenchOptions {
  readonly rowsMax?: number;
  readonly requestRowsMax?: number;
  readonly limits?: RunLimits;
  /** Stacked, whatever the probe says. */
  readonly isForced?: boolean;
  /** Runs rows again alone; nobody does by default. */
  readonly watch?: StackWatch;
  readonly kind?: OutputKind;
  readonly output?: number;
  readonly answerBytesMax?: number;
  readonly slabAnswerBytes?: number;
  /** Where whole rows go. */
  readonly rows?: RowMemory;
  /** The real clock by default. */
  readonly clockOf?: (arena: SlabArena) => () => number;
}

export async function benchOn(bytes: Uint8Array, options: BenchOptions = {}): Promise<Bench> {
  const { rowsMax = 64, kind = 'scalar', output = 0, answerBytesMax = 1e6, slabAnswerBytes = 65_536 } = options;
  const { rows = { reservoir: null, record: null } } = options;
  const path = modelFile(bytes);
  const { limits: { rows: runRows, elements: elementsMax } = { rows: rowsMax, elements: Infinity } } = options;
  const session = await Session.open({ path, intraOpThreads: 1, rowsMax: runRows, elementsMax });
  if (options.isForced !== true) {
    session.obey(await decideStacking(session, { path, kind: 'onnx' }, { boldness: 'bold' }));
  }
  const memory = new SharedArrayBuffer(sampleRingBytes(RING_CAPACITY));
  const sampler = new Sampler(new SampleWriter(memory, 0, RING_CAPACITY), RING_CAPACITY, rowTapOf(rows, 0));
  sampler.source = { output, kind, datatype: session.signature.outputs[output]!.datatype };
  const reader = new SampleReader(memory, 0, RING_CAPACITY);
  const arena = createSlabArena(1, { entriesMax: 64, requestBytes: 1 << 20, answerBytes: slabAnswerBytes });
  const runner = new BatchRunner({
    model: 'm', version: '1', session, sampler, answerBytesMax, nonFinite: 'token', refusesNonFinite: false,
    limits: options.limits ?? noLimits(session.signature, rowsMax),
    requestRowsMax: options.requestRowsMax ?? 1e6,
    ...(options.watch === undefined ? {} : { watch: options.watch }),
    monotonicUs: options.clockOf?.(arena) ?? monotonicUs,
  });
  return {
    session, arena, runner,
    async batch(bodies, how = {}) {
      const { kind: entryKind = EntryKind.predictJson, deadlineUs = Infinity, before, generation = 7 } = how;
      const slab = arena.slabs[0]!.clear();
      for (const body of bodies) {
        const bytes = Buffer.from(body);
        // Tensors come as JSON alone here.
        const headerBytes = entryKind === EntryKind.oip || entryKind === EntryKind.oipFrame ? bytes.length : 0;
        slab.append(entryKind, bytes, monotonicUs(), deadlineUs, headerBytes);
      }
      slab.stamp(generation, 1, monotonicUs());
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
