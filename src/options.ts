// Every tunable of the engine, its default and its limits, in one schema. Raw input (flags, environment, file,
// createEngine's argument) is parsed here once; the rest of the code sees only the resolved types. Unknown keys are
// refused everywhere, so a typo is an error and not a silent default.
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { lastgoodError } from './errors.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

const positive = (max: number): z.ZodNumber => z.int().min(1).max(max);

const judgeShape = {
  /** compat: three checks that act; observe: the same, recorded but never acted on. */
  mode: z.enum(['compat', 'observe']).default('compat'),
  /** Milliseconds between two looks at the windows. */
  lookMs: positive(3_600_000).default(1_000),
  /** The compat window: the last so many requests of one generation. */
  windowSamples: positive(100_000).default(200),
  /** Fewer requests than this and nothing is decided about latency and errors. */
  samplesMin: positive(100_000).default(20),
  /** Fewer predictions than this and nothing is decided about drift. */
  predictionsMin: positive(100_000).default(10),
  p95LimitMs: z.number().positive().max(3_600_000).default(500),
  errorRateLimit: z.number().gt(0).max(1).default(0.05),
  /** |window mean - baseline mean| in baseline standard deviations. */
  driftSigmaLimit: z.number().positive().max(1_000).default(2),
  /** After a rollback the machine does not roll the same model back again for so long. */
  cooldownMs: z.int().min(0).max(86_400_000).default(120_000),
  /** A version is on probation until both have passed. */
  probationMs: z.int().min(0).max(86_400_000 * 30).default(1_800_000),
  probationSamples: z.int().min(0).max(1_000_000_000).default(5_000),
};

const modelShape = {
  /** Worker threads of one deployment; by default the cores less one are shared between the models. */
  workers: positive(256).optional(),
  intraOpThreads: positive(256).default(1),
  batchSizeMax: positive(1_024).default(64),
  /** Extra microseconds an open batch waits for company; 0 cuts it as soon as a worker is free. */
  batchDelayUs: z.int().min(0).max(1_000_000).default(0),
  /** Request bytes one batch can hold; a larger single request travels in memory of its own. */
  slabBytes: z.int().min(4 * KIB).max(64 * MIB).default(256 * KIB),
  pendingMax: positive(1_000_000).default(4_096),
  deadlineMs: positive(3_600_000).default(30_000),
  /** warm: the last good version stays loaded, so that a rollback is a pointer flip. */
  standby: z.enum(['warm', 'cold']).default('warm'),
  /** off: no samples, so nothing is judged and the machine never rolls back. */
  samples: z.enum(['on', 'off']).default('on'),
  /** NaN and infinities in the JSON of /v2: bare tokens as Triton writes them, null, or an error. */
  jsonNonFinite: z.enum(['token', 'null', 'error']).default('token'),
};

const modelSchema = z.strictObject({ ...modelShape, judge: z.strictObject(judgeShape).prefault({}) });

// One model's section: every key optional, none defaulted, so that what it leaves out comes from the engine's values.
const modelOverrideSchema = z.strictObject({
  workers: modelShape.workers,
  intraOpThreads: modelShape.intraOpThreads.unwrap().optional(),
  batchSizeMax: modelShape.batchSizeMax.unwrap().optional(),
  batchDelayUs: modelShape.batchDelayUs.unwrap().optional(),
  slabBytes: modelShape.slabBytes.unwrap().optional(),
  pendingMax: modelShape.pendingMax.unwrap().optional(),
  deadlineMs: modelShape.deadlineMs.unwrap().optional(),
  standby: modelShape.standby.unwrap().optional(),
  samples: modelShape.samples.unwrap().optional(),
  jsonNonFinite: modelShape.jsonNonFinite.unwrap().optional(),
  judge: z
    .strictObject({
      mode: judgeShape.mode.unwrap().optional(),
      lookMs: judgeShape.lookMs.unwrap().optional(),
      windowSamples: judgeShape.windowSamples.unwrap().optional(),
      samplesMin: judgeShape.samplesMin.unwrap().optional(),
      predictionsMin: judgeShape.predictionsMin.unwrap().optional(),
      p95LimitMs: judgeShape.p95LimitMs.unwrap().optional(),
      errorRateLimit: judgeShape.errorRateLimit.unwrap().optional(),
      driftSigmaLimit: judgeShape.driftSigmaLimit.unwrap().optional(),
      cooldownMs: judgeShape.cooldownMs.unwrap().optional(),
      probationMs: judgeShape.probationMs.unwrap().optional(),
      probationSamples: judgeShape.probationSamples.unwrap().optional(),
    })
    .optional(),
});

const engineSchema = z.strictObject({
  /** guarded: load and unload over HTTP need the admin token, of a serving model also "force"; explicit: neither. */
  modelControl: z.enum(['guarded', 'explicit']).default('guarded'),
  dataDir: z.string().min(1).default('./data'),
  host: z.string().min(1).default('127.0.0.1'),
  /** 0 takes a free port. */
  port: z.int().min(0).max(65_535).default(8_080),
  defaultModel: z.string().optional(),
  /** Bearer token of POST /rollback on the public port; without one the route answers 403. */
  adminToken: z.string().min(8).optional(),
  bodyBytesMax: positive(1_024 * MIB).default(16 * MIB),
  drainMs: positive(3_600_000).default(30_000),
  /** Milliseconds between two looks for changes that another process made in the registry. */
  followMs: positive(60_000).default(50),
  /** Limit of an artefact's first load, golden check included, in its child process. */
  trialMs: positive(3_600_000).default(120_000),
  /** Limit of a deployment's load and warm-up in this process. */
  loadMs: positive(3_600_000).default(120_000),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  ...modelShape,
  judge: z.strictObject(judgeShape).prefault({}),
  models: z.record(z.string(), modelOverrideSchema).default({}),
});

export type JudgeOptions = z.output<z.ZodObject<typeof judgeShape>>;
/** The options of one model after the engine's values and its own section were merged. */
export type ModelOptions = z.output<typeof modelSchema>;
/** What createEngine and the config file accept. */
export type EngineOptions = z.input<typeof engineSchema>;
export type ResolvedOptions = z.output<typeof engineSchema>;

function describe(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.') || 'options'}: ${issue.message}`).join('; ');
}

/** Parses raw options; throws INVALID_OPTION that names every wrong key. */
export function resolveOptions(raw: unknown): ResolvedOptions {
  const result = engineSchema.safeParse(raw);
  if (!result.success) throw lastgoodError('INVALID_OPTION', { reason: describe(result.error) });
  return result.data;
}

/** The options of `model`: its own section over the engine's values. */
export function optionsOfModel(options: ResolvedOptions, model: string): ModelOptions {
  const { judge: judgeOverride, ...override } = options.models[model] ?? {};
  const shared = Object.fromEntries(
    Object.keys(modelShape).map((key) => [key, options[key as keyof typeof modelShape]]),
  );
  const defined = (section: object): object =>
    Object.fromEntries(Object.entries(section).filter(([, value]) => value !== undefined));
  return modelSchema.parse({
    ...defined(shared),
    ...defined(override),
    judge: { ...options.judge, ...defined(judgeOverride ?? {}) },
  });
}

/** Worker threads for a model that does not say: the cores less one, shared, at least one each. */
export function workersFor(options: ModelOptions, modelCount: number): number {
  if (options.workers !== undefined) return options.workers;
  const threads = Math.max(1, availableParallelism() - 1);
  return Math.max(1, Math.floor(threads / Math.max(1, modelCount)));
}
