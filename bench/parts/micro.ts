// The pieces that the design rests on, each alone.
import { dispatching } from '../micro/dispatch.ts';
import { histograms } from '../micro/histogram.ts';
import { sharedMemory } from '../micro/memory.ts';
import { parsing } from '../micro/parsing.ts';
import { rounded } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

export async function micro({ settings, progress }: PartContext): Promise<PartResult> {
  const spellMs = settings.size.microMs;
  progress('float scanner');
  const results = parsing(spellMs);
  progress('slab and ring');
  results.push(...sharedMemory(spellMs));
  progress('dispatch');
  results.push(...(await dispatching(spellMs)));
  progress('histogram');
  results.push(...histograms(spellMs));
  return {
    name: 'micro',
    tables: [{
      title: 'one call of each piece',
      columns: ['piece', 'ns', 'checksum'],
      rows: results.map(({ name, ns, checksum }) => [name, rounded(ns), checksum.toString(16)]),
    }],
    goals: [],
    notes: [],
  };
}
