// Shared memory: a batch through a slab, samples through a ring.
import { EntryKind } from '../../src/protocols/protocol.ts';
import { createSlabArena } from '../../src/shared-memory/slab-arena.ts';
import { SampleReader, SampleWriter, emptySample, sampleRingBytes } from '../../src/shared-memory/sample-ring.ts';
import { timed } from './bench.ts';
import type { MicroResult } from './bench.ts';

const ENTRIES = 64;
const CAPACITY = 16_384;

export function sharedMemory(spellMs: number): MicroResult[] {
  const { slabs } = createSlabArena(1, { entriesMax: ENTRIES, requestBytes: 65_536, answerBytes: 65_536 });
  const slab = slabs[0]!;
  const body = Buffer.alloc(300, 0x20);
  const answer = Buffer.alloc(80, 0x20);
  const memory = new SharedArrayBuffer(sampleRingBytes(CAPACITY));
  const writer = new SampleWriter(memory, 0, CAPACITY);
  const reader = new SampleReader(memory, 0, CAPACITY);
  const sample = emptySample();
  const writeSamples = (): number => {
    writer.begin(ENTRIES);
    for (let index = 0; index < ENTRIES; index += 1) writer.write(sample);
    writer.publish();
    return ENTRIES;
  };
  return [
    timed('slab: one entry in and its answer out', spellMs, ENTRIES, () => {
      slab.clear();
      for (let entry = 0; entry < ENTRIES; entry += 1) slab.append(EntryKind.predictJson, body, entry, entry, 0);
      let sum = 0;
      for (let entry = 0; entry < ENTRIES; entry += 1) {
        sum += slab.request(entry).length;
        slab.setAnswer(entry, 200, answer);
        sum += slab.answer(entry)!.length;
      }
      return sum;
    }),
    timed('ring: one sample written', spellMs, ENTRIES, writeSamples),
    timed('ring: one sample written and read', spellMs, ENTRIES, () => {
      let sum = writeSamples();
      reader.drain(({ rows }) => (sum += rows));
      return sum;
    }),
  ];
}
