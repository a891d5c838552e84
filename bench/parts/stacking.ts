// What it costs that rows do not share a run: the same engine in this process, asked by 64 callers at once, with models
// that mix rows (quantised as they run, sequence first, softmax over the rows) beside one that keeps them apart, which
// is stacked, and the same one with `stacking: none`. Every answer is compared with the one that it has alone. The
// models take turns, round by round.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEngine } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { quantised, runningSum, sharesOfRows } from '../../test/worker/mixers.ts';
import { linear } from '../../test/worker/onnx.ts';
import { median, medianRatio } from '../measure/statistics.ts';
import { rounded } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

const CALLERS = 64;
const MS_PER_SECOND = 1e3;

interface Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly columns: number;
  readonly stacking?: 'none';
}

const STACKED: Case = { name: 'linear', bytes: linear(), columns: 3 };
const CASES: readonly Case[] = [
  STACKED,
  { name: 'linear-unstacked', bytes: linear(), columns: 3, stacking: 'none' },
  { name: 'quantised', bytes: quantised(), columns: 10 },
  { name: 'sequence-first', bytes: runningSum(), columns: 2 },
  { name: 'softmax-over-rows', bytes: sharesOfRows(), columns: 4 },
];

/** One of the models while it is served. */
class Asked {
  readonly name: string;
  readonly mode: string;
  readonly perSecond: number[] = [];
  answers = 0;
  wrong = 0;
  readonly #engine: Engine;
  readonly #rows: readonly (readonly number[])[];
  readonly #alone: readonly string[];

  private constructor(engine: Engine, name: string, mode: string, rows: readonly number[][], alone: string[]) {
    this.#engine = engine;
    this.name = name;
    this.mode = mode;
    this.#rows = rows;
    this.#alone = alone;
  }

  /** Registers it, and asks each caller's row alone. */
  static async of(engine: Engine, folder: string, { name, bytes, columns, stacking: wish }: Case): Promise<Asked> {
    const file = join(folder, `${name}.onnx`);
    writeFileSync(file, bytes);
    const version = await engine.register(name, file, { promote: true, ...(wish && { stacking: wish }) });
    const rows = Array.from({ length: CALLERS }, (_, caller) =>
      Array.from({ length: columns }, (__, column) => (caller + 1) * (column % 2 === 0 ? 0.5 : -2)));
    const alone: string[] = [];
    for (const row of rows) alone.push(JSON.stringify((await engine.predict(name, row)).prediction));
    return new Asked(engine, name, version.stacking?.mode ?? '', rows, alone);
  }

  /** All callers at once, each with its own row again and again. */
  async takeTurn(seconds: number): Promise<void> {
    const beginMs = performance.now();
    const endMs = beginMs + seconds * MS_PER_SECOND;
    let answers = 0;
    await Promise.all(this.#rows.map(async (row, caller) => {
      while (performance.now() < endMs) {
        const { prediction } = await this.#engine.predict(this.name, row);
        if (JSON.stringify(prediction) !== this.#alone[caller]) this.wrong += 1;
        answers += 1;
      }
    }));
    this.answers += answers;
    this.perSecond.push(answers / ((performance.now() - beginMs) / MS_PER_SECOND));
  }
}

export async function stacking({ settings: { size }, folder, progress }: PartContext): Promise<PartResult> {
  const engine = await createEngine({ dataDir: join(folder, 'stacking'), workers: 1 });
  try {
    const all: Asked[] = [];
    for (const one of CASES) all.push(await Asked.of(engine, folder, one));
    for (const asked of all) await asked.takeTurn(size.warmSeconds);
    for (const { perSecond } of all) perSecond.length = 0;
    for (let round = 1; round <= size.rounds; round += 1) {
      for (const asked of all) {
        progress(`round ${round} of ${size.rounds}: ${asked.name}`);
        await asked.takeTurn(size.seconds);
      }
    }
    const stacked = all.find(({ name }) => name === STACKED.name)!;
    return {
      name: 'stacking',
      tables: [{
        title: `${CALLERS} callers of the library at once, one worker`,
        columns: ['model', 'stacking', 'answers/s', 'of the stacked one', 'answers', 'unlike alone'],
        rows: all.map(({ name, mode, perSecond, answers, wrong }) => [
          name, mode, Math.round(median(perSecond)), rounded(medianRatio(perSecond, stacked.perSecond)), answers, wrong,
        ]),
      }],
      goals: [], notes: [],
    };
  } finally {
    await engine.close();
  }
}
