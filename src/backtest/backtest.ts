// Runs recorded lines through the judge: one model beside the other, each on its own recorded clock. Pure but for what
// it is given to read. Memory does not grow with the recording.
import { isLastgoodError } from '../base/errors.ts';
import type { JudgeOptions } from '../options/judge-options.ts';
import type { BacktestDecision } from './decision.ts';
import { ModelReplay } from './model-replay.ts';
import { badLine, parseLine } from './record-line.ts';
import type { Standby, Standbys } from './standby.ts';

/** A line may be so much older than the newest one of its model; it is judged at the newest time then. */
const BACKWARDS_MS_MAX = 60_000;

export interface BacktestSummary {
  readonly lines: number;
  readonly judged: number;
  /** Samples of versions that were not active (any more). */
  readonly late: number;
  /** Lines that were older than the newest of their model. */
  readonly outOfOrder: number;
  readonly models: number;
  /** Samples that are missing in the recording, because a disk did not take them. */
  readonly missing: number;
}

interface BacktestOptions {
  /** For errors. */
  readonly path: string;
  readonly judgeOf: (model: string) => JudgeOptions;
  readonly emit: (decision: BacktestDecision) => void;
  /** Runs last good versions again, to attribute a drift; without it every drift is unattributed. */
  readonly standbys?: Standbys;
}

export class Backtest {
  readonly #options: BacktestOptions;
  readonly #models = new Map<string, ModelReplay>();
  readonly #standbys = new Map<string, { readonly version: string; readonly standby: Standby | null }>();
  #lines = 0;
  #outOfOrder = 0;

  constructor(options: BacktestOptions) {
    this.#options = options;
  }

  /**
   * Takes in line number `number`; empty ones are passed over. Throws SAMPLES_INVALID. The next line may come when what
   * is returned has resolved, or at once when nothing is.
   */
  line(text: string, number: number): Promise<void> | undefined {
    if (text === '' || text.trim() === '') return undefined;
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
      else if (line.event === 'repeat') model.repeat(line, atMs);
      else if (line.event === 'gap') model.gap(line, atMs);
      else model.sample(line, atMs);
    } catch (error) {
      if (isLastgoodError(error) && error.code !== 'INVALID_BASELINE') throw error;
      throw badLine(path, number, error);
    }
    return this.#options.standbys === undefined ? undefined : this.#follow(model, line.model, this.#options.standbys);
  }

  // Loads a model's last good version when it is another one.
  #follow(model: ModelReplay, name: string, standbys: Standbys): Promise<void> | undefined {
    const { lastGood } = model;
    const loaded = this.#standbys.get(name);
    if (lastGood === null || loaded?.version === lastGood) return undefined;
    return (async () => {
      const opened = await standbys.open(name, lastGood);
      if (loaded?.standby !== null) await loaded?.standby.close();
      this.#standbys.set(name, { version: lastGood, standby: 'unavailable' in opened ? null : opened });
      model.standby = opened;
    })();
  }

  /** Releases the versions that were loaded. */
  async close(): Promise<void> {
    for (const { standby } of this.#standbys.values()) await standby?.close();
    this.#standbys.clear();
  }

  /** Lets the clocks go on to the last decisions; nothing may come after it. */
  end(): BacktestSummary {
    const models = [...this.#models.values()];
    for (const model of models) model.end();
    const sum = (of: (model: ModelReplay) => number): number => models.reduce((total, model) => total + of(model), 0);
    return {
      lines: this.#lines, judged: sum(({ counts }) => counts.judged), late: sum(({ counts }) => counts.late),
      outOfOrder: this.#outOfOrder, models: models.length, missing: sum(({ counts }) => counts.missing),
    };
  }
}
