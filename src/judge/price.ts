// What judging costs and what it can see, in words: the false-alarm budget of the exact checks, and per check the
// smallest fault that can be told from chance at a given traffic. Pure.
import { SLOW_SHARE } from '../judge-checks.ts';
import type { JudgeOptions } from '../judge-options.ts';
import { BinomialLimits } from './binomial.ts';
import { percentText } from './text.ts';

/** The window in which the smallest faults are told: five short ones. */
const WINDOWS = 5;
const SECONDS_A_DAY = 86_400;

/** One sentence each; nothing for compat, which has no such budget. */
export function priceOf(options: JudgeOptions, perSecond: number): string[] {
  if (options.mode === 'compat') return [];
  const { checks, chance, lookMs, windowMs, errorRateLimit, samplesMin } = options;
  const seconds = (windowMs * WINDOWS) / 1_000;
  const requests = Math.floor(perSecond * seconds);
  const looksADay = Math.round((SECONDS_A_DAY * 1_000) / lookMs);
  const lines = [
    `chance may explain a breach with ${chance} per look and check for a version exactly at a limit ` +
      `(${looksADay} looks a day, which share nearly all of their samples), and far less below it`,
  ];
  const rates: readonly (readonly [string, boolean, number, number])[] = [
    ['error rate', checks.error_rate.mode !== 'off', errorRateLimit, samplesMin],
    [`requests over ${options.p95LimitMs} ms`, checks.p95_latency.mode !== 'off', SLOW_SHARE, samplesMin],
    ['non-finite answers', checks.non_finite.mode !== 'off', checks.non_finite.limit, 1],
  ];
  for (const [name, isOn, limit, least] of rates) {
    if (isOn) lines.push(`${name}: ${smallest(requests, limit, chance, least)} in ${seconds} s of ${perSecond}/s`);
  }
  if (checks.shape.mode !== 'off') {
    const { samplesMin: wanted } = checks.shape;
    lines.push(`shape of the answers: ${wanted} predictions are needed, ${Math.ceil(wanted / perSecond)} s of ` +
      `${perSecond}/s`);
  }
  return lines;
}

function smallest(requests: number, limit: number, chance: number, least: number): string {
  if (requests < least) return `nothing (${requests} of ${least} requests)`;
  const hits = new BinomialLimits(limit, chance).hitsNeeded(requests);
  return hits > requests
    ? `nothing, ${requests} requests decide no limit of ${percentText(limit)}`
    : `${percentText(hits / requests)} and more is seen (limit ${percentText(limit)})`;
}
