// Runs recorded lines through the judge: one model beside the other, each on its own recorded clock. Pure but for what
// it is given to read. Memory does not grow with the recording.
import { isLastgoodError } from '../errors.ts';
import type { JudgeOptions } from '../judge-options.ts';
import type { BacktestDecision } from './decision.ts';
import { ModelReplay } from './model-replay.ts';
import { badLine, parseLine } from './record-line.ts';

/** A line may be so much older than the newest one of its model; it is judged at the newest time then. */
export const BACKWARDS_MS_MAX = 60_000;

export interface BacktestSummary {
  readonly lines: number;
  readonly judged: number;
  /** Samples of versions that were not active (any more). */
  readonly late: number;
  /** Lines that were older than the newest of their model. */
  readonly outOfOrder: number;
  readonly models: number;
}

export interface BacktestOptions {
  /** For errors. */
  readonly path: string;
  readonly judgeOf: (model: string) => JudgeOptions;
  readonly emit: (decision: BacktestDecision) => void;
}

export class Backtest {
  readonly #options: BacktestOptions;
  readonly #models = new Map<string, ModelReplay>();
  #lines = 0;
  #outOfOrder = 0;

  constructor(options: BacktestOptions) {
    this.#options = options;
  }

  /** Takes in line number `number`; empty ones are passed over. Throws SAMPLES_INVALID. */
  line(text: string, number: number): void {
    if (text === '' || text.trim() === '') return;
    const { path, judgeOf, emit } = this.#options;
    const line = parseLine(text, path, number);
    this.#lines += 1;
    let model = this.#models.get(line.model);
    if (model === undefined) {
      model = new ModelReplay(line.model, judgeOf(line.model), emit);
      this.#models.set(line.model, model);
    }
    const backMs = model.nowMs - line.t;
    if (backMs > 0) this.#outOfOrder += 1;
    if (backMs > BACKWARDS_MS_MAX) {
      throw badLine(path, number, `its time is ${Math.round(backMs / 1_000)} s before that of an earlier line of ` +
        `model "${line.model}"; wanted lines in the order of time, at most ${BACKWARDS_MS_MAX / 1_000} s off`);
    }
    const atMs = Math.max(line.t, model.nowMs);
    try {
      if (line.event === 'promote') model.promote(line, atMs);
      else model.sample(line, atMs);
    } catch (error) {
      if (isLastgoodError(error) && error.code !== 'INVALID_BASELINE') throw error;
      throw badLine(path, number, error);
    }
  }

  /** Lets the clocks go on to the last decisions; nothing may come after it. */
  end(): BacktestSummary {
    const models = [...this.#models.values()];
    for (const model of models) model.end();
    const sum = (of: (model: ModelReplay) => number): number => models.reduce((total, model) => total + of(model), 0);
    return {
      lines: this.#lines, judged: sum(({ counts }) => counts.judged), late: sum(({ counts }) => counts.late),
      outOfOrder: this.#outOfOrder, models: models.length,
    };
  }
}
