// The judge's part of the options: its mode, its checks with their limits, and which limits cannot work. Pure.
// Invariant: whatever resolves here can in principle be decided by the windows; the rest is refused with a reason.
import { z } from 'zod';
import { INPUT_PAUSE_US_MAX, LONGEST_RATE_WINDOW, SAMPLES_PER_SECOND_MAX } from './judge-constants.ts';

const positive = (max: number): z.ZodNumber => z.int().min(1).max(max);
const share = z.number().gt(0).max(1);
const number = (max: number): z.ZodNumber => z.number().positive().max(max);

/** on: a fail acts; warn: it is told and stored, nothing more; off: not computed. */
type CheckMode = 'on' | 'warn' | 'off';

const check = <S extends z.ZodRawShape>(limits: S) =>
  z.strictObject({ mode: z.enum(['on', 'warn', 'off']).default('on'), ...limits }).prefault({} as never);

/** The checks with their limits; the beyond doubt first, as a failing one becomes the trigger of a verdict. */
const checksShape = {
  /** So many failures in a row, or more than `limit` of the short window. */
  hard_failure: check({ run: positive(1_000_000).default(10), limit: share.default(0.5) }),
  error_rate: check({}),
  /** So many answers in a row with NaN or an infinity, or more than `limit` of a window. */
  non_finite: check({ run: positive(1_000_000).default(5), limit: share.default(0.001) }),
  /** At least so many equal answers in a row to different inputs. */
  constant_output: check({ run: positive(1_000_000).default(50) }),
  p95_latency: check({}),
  mean_drift: check({ samplesMin: positive(1_000_000).default(50) }),
  /** Share of a class may move by `limit`. */
  class_mix: check({ samplesMin: positive(1_000_000).default(200), limit: share.default(0.1) }),
  shape: check({ samplesMin: positive(1_000_000).default(200), psi: number(100).default(0.25) }),
  /** Standard deviation of the window over that of the baseline. */
  spread: check({
    samplesMin: positive(1_000_000).default(100), low: share.default(0.5), high: number(100).default(2),
  }),
  /** Mean entropy may move by `shift` baseline deviations. */
  confidence: check({ samplesMin: positive(1_000_000).default(200), shift: number(100).default(0.5) }),
  /** One answer may be so much more frequent than the baseline's most frequent one. */
  repeats: check({ samplesMin: positive(1_000_000).default(200), limit: share.default(0.05) }),
  projections: check({ samplesMin: positive(1_000_000).default(500), psi: number(100).default(0.25) }),
  /** Of the watched input columns; a rollback does not change what comes in, so it is told and never acted on. */
  input_drift: z.strictObject({
    mode: z.enum(['warn', 'off'], { error: 'input drift only warns; wanted warn or off' }).default('warn'),
    samplesMin: positive(1_000_000).default(500), psi: number(100).default(0.25),
  }).prefault({}),
} satisfies Record<string, z.ZodType>;

export type CheckName = keyof typeof checksShape;
export const CHECK_NAMES = Object.keys(checksShape) as CheckName[];

export const judgeShape = {
  /**
   * `default`: the suite of exact, sample-size-aware checks. compat: three checks over the last requests, as plain as
   * they come. observe: what default would do, recorded and never acted on.
   */
  mode: z.enum(['compat', 'default', 'observe']).default('default'),
  /** Milliseconds between two looks at the windows. */
  lookMs: positive(3_600_000).default(1_000),
  /** default: the short window; the others are 5, 20, 60, 240, 720 and 1,440 times as long. */
  windowMs: z.int().min(100).max(3_600_000).default(60_000),
  /** compat: the last so many requests of one generation. */
  windowSamples: positive(100_000).default(200),
  /** Fewer requests than this and nothing is decided about latency and errors. */
  samplesMin: positive(1_000_000_000).default(20),
  /** compat: fewer predictions than this and nothing is decided about drift. */
  predictionsMin: positive(100_000).default(10),
  p95LimitMs: z.number().positive().max(3_600_000).default(500),
  errorRateLimit: z.number().gt(0).max(1).default(0.05),
  /** |window mean - baseline mean| in baseline standard deviations. */
  driftSigmaLimit: z.number().positive().max(1_000).default(2),
  /** default: how likely chance may explain a breach at the limit, per look and check. */
  chance: z.number().min(1e-12).max(0.01).default(1e-6),
  /** default: requests a second that are expected; limits that they cannot decide are refused. */
  expectedPerSecond: z.number().positive().max(SAMPLES_PER_SECOND_MAX).optional(),
  /**
   * default: a generation is warm after so many requests and windowMs / 2. Latency raises no alarm before either, and
   * speaks against a version only after both.
   */
  warmupRequests: z.int().min(0).max(1_000_000).default(50),
  /** A baseline is captured from at least so many live predictions of one generation, over at least so long. */
  captureSamples: positive(10_000).default(1_000),
  captureMs: z.int().min(0).max(86_400_000).default(600_000),
  /**
   * Whether a drift of layer 2 (class_mix, shape, spread, confidence, repeats, projections) rolls a version back that
   * ended its probation, or warns. mean_drift is of layer 1, a limit of the service, and stays armed; its own mode
   * (checks.mean_drift.mode: warn) makes it warn.
   */
  steadyDrift: z.enum(['warn', 'on']).default('warn'),
  checks: z.strictObject(checksShape).prefault({}),
  /** off rolls back without asking whether a latency is the host's, a drift the data's, a failure the inputs'. */
  attribution: z.enum(['on', 'off']).default('on'),
  /** The machine does not roll back for so long what it restored itself. */
  cooldownMs: z.int().min(0).max(86_400_000).default(120_000),
  /** default: when what the machine restored fails within so long, it stops; a promote is not bound. */
  rollbackIntervalMs: z.int().min(0).max(86_400_000 * 30).default(600_000),
  /** A version is on probation until both have passed. */
  probationMs: z.int().min(0).max(86_400_000 * 30).default(1_800_000),
  probationSamples: z.int().min(0).max(1_000_000_000).default(5_000),
};

type Section = Readonly<Record<string, unknown>>;
const isSection = (value: unknown): value is Section =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const judgeSchema = z.strictObject(judgeShape);
export type JudgeOptions = z.output<typeof judgeSchema>;
type ChecksOptions = JudgeOptions['checks'];

/** What one model's section may say: any part of the judge's options. */
type JudgeOverride = Partial<Omit<JudgeOptions, 'checks'>> & {
  readonly checks?: { readonly [K in CheckName]?: Partial<ChecksOptions[K]> };
};
// What it makes of the engine's values is parsed as a whole, so here it only has to be a section.
export const judgeOverrideSchema = z.custom<JudgeOverride>(isSection, 'wanted an object');

/** Lays `over` over `under`, section by section; what is undefined in `over` stays as it is below. */
export function mergeSections(under: Section, over: Section): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue;
    const below = merged[key];
    merged[key] = isSection(value) && isSection(below) ? mergeSections(below, value) : value;
  }
  return merged;
}

/** Says which limits no traffic can ever break or decide, one sentence each; empty when all can work. */
export function impossibleLimits(judge: JudgeOptions): string[] {
  return judge.mode === 'compat' ? impossibleInCompat(judge) : impossibleByTraffic(judge);
}

function impossibleInCompat({ samplesMin, predictionsMin, windowSamples, errorRateLimit }: JudgeOptions): string[] {
  const reasons: string[] = [];
  for (const [name, wanted] of [['samplesMin', samplesMin], ['predictionsMin', predictionsMin]] as const) {
    if (wanted > windowSamples) {
      reasons.push(`${name}: ${wanted} can never be reached, the window holds ${windowSamples} samples; ` +
        `wanted at most that many, or a larger windowSamples`);
    }
  }
  if (errorRateLimit >= 1) reasons.push(noShareAbove('errorRateLimit'));
  return reasons;
}

function noShareAbove(name: string): string {
  return `${name}: no error rate is above 1; wanted a limit below it, or the check off`;
}

function impossibleByTraffic(judge: JudgeOptions): string[] {
  const { checks, chance, windowMs, samplesMin, errorRateLimit, expectedPerSecond } = judge;
  const perSecond = expectedPerSecond ?? SAMPLES_PER_SECOND_MAX;
  const capacityOf = (windows: number): number => Math.floor((perSecond * windowMs * windows) / 1_000);
  const longest = capacityOf(LONGEST_RATE_WINDOW);
  const shares: readonly (readonly [string, CheckMode, number, number])[] = [
    ['errorRateLimit', checks.error_rate.mode, errorRateLimit, longest],
    ['checks.non_finite.limit', checks.non_finite.mode, checks.non_finite.limit, longest],
    ['checks.hard_failure.limit', checks.hard_failure.mode, checks.hard_failure.limit, capacityOf(1)],
  ];
  const reasons: string[] = [];
  for (const [name, mode, limit, capacity] of shares) {
    if (mode === 'off') continue;
    if (limit >= 1) reasons.push(noShareAbove(name));
    // Even if every request fails, chance explains fewer than this: limit^n > chance.
    else if (Math.log(chance) / Math.log(limit) > capacity) {
      const needed = Math.ceil(Math.log(chance) / Math.log(limit));
      reasons.push(`${name}: ${limit} needs ${needed} requests to be decided even when all of them fail, ` +
        heldText(capacity, expectedPerSecond));
    }
  }
  const { input_drift: inputs, ...ofAnswers } = checks;
  const minima: readonly (readonly [string, CheckMode, number, number])[] = [
    ['samplesMin', checks.error_rate.mode === 'off' ? checks.p95_latency.mode : 'on', samplesMin, longest],
    ...Object.entries(ofAnswers).flatMap(([name, one]) => 'samplesMin' in one
      ? [[`checks.${name}.samplesMin`, one.mode, one.samplesMin, capacityOf(1_440)] as const]
      : []),
  ];
  const rows = Math.min(capacityOf(1_440), Math.floor((windowMs * 1_440) / (INPUT_PAUSE_US_MAX / 1_000)));
  if (inputs.mode !== 'off' && inputs.samplesMin > rows) {
    reasons.push(`checks.input_drift.samplesMin: ${inputs.samplesMin} can never be reached, of a version that has ` +
      `served for a while the longest window holds ${rows} rows of inputs`);
  }
  for (const [name, mode, wanted, capacity] of minima) {
    if (mode !== 'off' && wanted > capacity) {
      reasons.push(`${name}: ${wanted} can never be reached, ${heldText(capacity, expectedPerSecond)}`);
    }
  }
  if (checks.spread.low >= checks.spread.high) reasons.push('checks.spread: low is not below high');
  return reasons;
}

function heldText(capacity: number, expectedPerSecond: number | undefined): string {
  const traffic = expectedPerSecond === undefined
    ? `at ${SAMPLES_PER_SECOND_MAX} a second, the most that the monitor keeps up with`
    : `at the ${expectedPerSecond} a second that are expected`;
  return `the longest window holds ${capacity} ${traffic}`;
}
