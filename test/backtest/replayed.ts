// Plays lines through a backtest of the default options; for tests.
import { Backtest } from '../../src/backtest/backtest.ts';
import type { BacktestSummary } from '../../src/backtest/backtest.ts';
import type { BacktestDecision } from '../../src/backtest/decision.ts';
import { optionsOfModel, resolveOptions } from '../../src/options/options.ts';
import type { EngineOptions } from '../../src/options/options.ts';

/** Plays the lines and returns what was decided. */
export function run(
  lines: readonly string[], judge: EngineOptions['judge'] = { mode: 'default' },
): { decisions: BacktestDecision[]; summary: BacktestSummary } {
  const decisions: BacktestDecision[] = [];
  const options = resolveOptions({ judge });
  const backtest = new Backtest({
    path: 'samples', judgeOf: (model) => optionsOfModel(options, model).judge,
    emit: (decision) => decisions.push(decision),
  });
  // Without standbys a line is never waited for.
  for (const [index, line] of lines.entries()) void backtest.line(line, index + 1);
  return { decisions, summary: backtest.end() };
}

/** Each failing verdict as text. */
export const failing = (decisions: readonly BacktestDecision[]): string[] =>
  decisions.filter(({ verdict }) => verdict === 'fail').map(({ version, check, action }) =>
    `${version} ${check} ${action}`);

/** A line of one sample, with other fields where they are given. */
export const line = (fields: object): string =>
  JSON.stringify({ t: 1_000, model: 'm', version: '1', latency_ms: 1, ok: true, outputs: [0.5], ...fields });
