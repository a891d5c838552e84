// What it costs that rows do not share a run: the same engine in this process, asked by 64 callers at once, with models
// that mix rows (quantised as they run, sequence first, softmax over the rows) beside one that keeps them apart, which
// is stacked, and the same one with `stacking: none`. Every answer is compared with the one that it has alone.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEngine } from '../../src/engine/engine.ts';
import { quantised, runningSum, sharesOfRows } from '../../test/worker/mixers.ts';
import { linear } from '../../test/worker/onnx.ts';
import type { PartContext, PartResult } from './part.ts';

const CALLERS = 64;
const MS_PER_SECOND = 1e3;

interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly columns: number;
  readonly stacking?: 'none';
}

const CASES: readonly Case[] = [
  { name: 'linear', bytes: linear(), columns: 3 },
  { name: 'linear-unstacked', bytes: linear(), columns: 3, stacking: 'none' },
  { name: 'quantised', bytes: quantised(), columns: 10 },
  { name: 'sequence-first', bytes: runningSum(), columns: 2 },
  { name: 'softmax-over-rows', bytes: sharesOfRows(), columns: 4 },
];

export async function stacking({ settings, folder, progress }: PartContext): Promise<PartResult> {
  const engine = await createEngine({ dataDir: join(folder, 'stacking'), workers: 1 });
  try {
    const rows: (readonly (string | number)[])[] = [];
    for (const { name, bytes, columns, stacking: wish } of CASES) {
      progress(name);
      const file = join(folder, `${name}.onnx`);
      writeFileSync(file, bytes);
      const version = await engine.register(name, file, { promote: true, ...(wish && { stacking: wish }) });
      const asked = Array.from({ length: CALLERS }, (_, caller) =>
        Array.from({ length: columns }, (__, column) => (caller + 1) * (column % 2 === 0 ? 0.5 : -2)));
      const ask = async (row: readonly number[]): Promise<string> =>
        JSON.stringify((await engine.predict(name, row)).prediction);
      const alone: string[] = [];
      for (const row of asked) alone.push(await ask(row));
      let [answers, wrong] = [0, 0];
      const beginMs = performance.now();
      const endMs = beginMs + settings.size.seconds * MS_PER_SECOND;
      await Promise.all(asked.map(async (row, caller) => {
        while (performance.now() < endMs) {
          if ((await ask(row)) !== alone[caller]) wrong += 1;
          answers += 1;
        }
      }));
      const seconds = (performance.now() - beginMs) / MS_PER_SECOND;
      rows.push([name, version.stacking?.mode ?? '', Math.round(answers / seconds), wrong]);
    }
    return {
      name: 'stacking',
      tables: [{
        title: `${CALLERS} callers of the library at once, one worker`,
        columns: ['model', 'stacking', 'answers/s', 'unlike alone'],
        rows,
      }],
      goals: [],
      notes: [],
    };
  } finally {
    await engine.close();
  }
}
