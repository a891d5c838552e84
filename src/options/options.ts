// Every tunable of the engine, its default and its limits, in one schema. Raw input (flags, environment, file,
// createEngine's argument) is parsed here once; the rest of the code sees only the resolved types. Unknown keys are
// refused everywhere, so a typo is an error and not a silent default.
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { lastgoodError, reasonOf } from '../base/errors.ts';
import {
  CHECK_NAMES, impossibleLimits, judgeOverrideSchema, judgeSchema, judgeShape, mergeSections,
} from './judge-options.ts';
import type { JudgeOptions } from './judge-options.ts';
import { checkName } from '../base/names.ts';
import { sizeLimitSchema } from './request-limits.ts';
import { sessionOptionsSchema } from './session-options.ts';
import { IN_OUR_WORDS, issuesText } from '../base/schema-text.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** No model can be set to take more rows in one request. */
export const ROWS_LIMIT = 16_777_216;

export const RUN_MEMORY_DEFAULT = 128 * MIB;

const positive = (max: number): z.ZodNumber => z.int().min(1).max(max);

// What looks like an address has to be one; anything else is a command.
function canBeTold(target: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(target)?.[1]?.toLowerCase();
  return scheme === undefined || ((scheme === 'http' || scheme === 'https') && URL.canParse(target));
}

// As browsers write it: without a path, a port that goes without saying, or capitals.
function isOrigin(text: string): boolean {
  return text === '*' || (/^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text);
}

const modelShape = {
  /** Worker threads of one deployment; by default the cores less one are shared between the models. */
  workers: positive(256).optional(),
  intraOpThreads: positive(256).default(1),
  batchSizeMax: positive(1_024).default(64),
  /** Extra microseconds an open batch waits for company; 0 cuts it as soon as a worker is free. */
  batchDelayUs: z.int().min(0).max(1_000_000).default(0),
  /** Request bytes one batch can hold; a larger single request travels in memory of its own. */
  slabBytes: z.int().min(4 * KIB).max(64 * MIB).default(256 * KIB),
  /** Memory of the waiting and running requests that are larger than a slab, room for their answers included. */
  largeBytesMax: z.int().min(1 * MIB).max(64 * 1_024 * MIB).default(256 * MIB),
  pendingMax: positive(1_000_000).default(4_096),
  deadlineMs: positive(3_600_000).default(30_000),
  /** Rows of one request; by default what runs at the trial's speed within half of the deadline. */
  rowsMax: positive(ROWS_LIMIT).optional(),
  /** Of rows that were answered in company this share is run again alone, off the way of requests; 0 for none. */
  stackCheckShare: z.number().min(0).max(1).default(0.001),
  /** Bytes that a run may take beyond the loaded model: as many rows share one as the trial saw stay within it. */
  runMemoryMax: z.int().min(1 * MIB).max(64 * 1_024 * MIB).default(RUN_MEMORY_DEFAULT),
  /** Rows of one run, in place of what follows from that. */
  runRowsMax: positive(65_536).optional(),
  /** Bytes that the run of one request may take; by default an eighth of the memory, at least `runMemoryMax`. */
  requestMemoryMax: z.int().min(1 * MIB).max(1_024 * 1_024 * MIB).optional(),
  /** Elements of a request's inputs, and the size of an open dimension, in place of what follows from that. */
  elementsMax: sizeLimitSchema.optional(),
  dimensionMax: sizeLimitSchema.optional(),
  /** A run that lasts longer never comes back: its version is taken out and the process has to be started again. */
  hungMs: positive(86_400_000).default(60_000),
  /** warm: the last good version stays loaded, so that a rollback is a pointer flip. */
  standby: z.enum(['warm', 'cold']).default('warm'),
  /** on: what a version on probation fails, the warm standby answers. */
  shield: z.enum(['on', 'off']).default('on'),
  /** When the warm standby is asked some of what the active version was asked, to compare the answers. */
  pairs: z.enum(['off', 'probation', 'always']).default('always'),
  /**
   * Recent rows with their inputs are kept in memory, to tell a bad version from data that moved: during probation,
   * always, or never.
   */
  reservoir: z.enum(['probation', 'always', 'off']).default('probation'),
  /** Rows that are kept at most, and bytes that they may take. */
  reservoirRows: z.int().min(20).max(10_000).default(200),
  reservoirBytes: z.int().min(64 * KIB).max(1_024 * MIB).default(8 * MIB),
  /** off: no samples, so nothing is judged and the machine never rolls back. */
  samples: z.enum(['on', 'off']).default('on'),
  /** How the runtime runs versions that are registered from now on, where they do not say it themselves. */
  session: sessionOptionsSchema.optional(),
  /** Told of every rollback: a command for the shell, or an address; "off" tells nobody. */
  onRollback: z.string().min(1).max(8_192).refine(canBeTold, 'wanted a command, an http(s) address, or off').optional(),
  /** NaN and infinities in the JSON of /v2: bare tokens as Triton writes them, null, or an error. */
  jsonNonFinite: z.enum(['token', 'null', 'error']).default('token'),
};

const modelSchema = z.strictObject({ ...modelShape, judge: judgeSchema.prefault({}) });

// One model's section: every key optional, none defaulted, so that what it leaves out comes from the engine's values.
const modelOverrideSchema = z.strictObject({
  workers: modelShape.workers,
  intraOpThreads: modelShape.intraOpThreads.unwrap().optional(),
  batchSizeMax: modelShape.batchSizeMax.unwrap().optional(),
  batchDelayUs: modelShape.batchDelayUs.unwrap().optional(),
  slabBytes: modelShape.slabBytes.unwrap().optional(),
  largeBytesMax: modelShape.largeBytesMax.unwrap().optional(),
  pendingMax: modelShape.pendingMax.unwrap().optional(),
  deadlineMs: modelShape.deadlineMs.unwrap().optional(),
  rowsMax: modelShape.rowsMax,
  runMemoryMax: modelShape.runMemoryMax.unwrap().optional(),
  runRowsMax: modelShape.runRowsMax,
  requestMemoryMax: modelShape.requestMemoryMax,
  elementsMax: modelShape.elementsMax,
  dimensionMax: modelShape.dimensionMax,
  hungMs: modelShape.hungMs.unwrap().optional(),
  standby: modelShape.standby.unwrap().optional(),
  shield: modelShape.shield.unwrap().optional(),
  pairs: modelShape.pairs.unwrap().optional(),
  stackCheckShare: modelShape.stackCheckShare.unwrap().optional(),
  reservoir: modelShape.reservoir.unwrap().optional(),
  reservoirRows: modelShape.reservoirRows.unwrap().optional(),
  reservoirBytes: modelShape.reservoirBytes.unwrap().optional(),
  samples: modelShape.samples.unwrap().optional(),
  onRollback: modelShape.onRollback,
  session: modelShape.session,
  jsonNonFinite: modelShape.jsonNonFinite.unwrap().optional(),
  judge: judgeOverrideSchema.optional(),
});

// What clients may hold of the process's memory and descriptors; see src/http/limits.ts for what happens beyond.
const limitsSchema = z.strictObject({
  /** Connections to the public port; fewer when the process may not open that many files. */
  connectionsMax: positive(1_000_000).default(8_192),
  /** WebSockets among them. */
  socketsMax: positive(1_000_000).default(1_024),
  /** One message of a WebSocket, all its frames together; never more than a body may have. */
  frameBytesMax: z.int().min(1_024).max(1_024 * MIB).default(4 * MIB),
  /** The names and values of a request's headers and its URL. */
  headerBytesMax: z.int().min(1_024).max(64 * KIB).default(16 * KIB),
  /** Answers of all clients together that are sent and not read. */
  unreadBytesMax: z.int().min(64 * KIB).max(64 * 1_024 * MIB).default(64 * MIB),
});

const engineSchema = z.strictObject({
  /** guarded: load and unload over HTTP need the admin token, of a serving model also "force"; explicit: neither. */
  modelControl: z.enum(['guarded', 'explicit']).default('guarded'),
  /** strict: the engine is ready when every model with an active version is; any: when one is. */
  ready: z.enum(['strict', 'any']).default('strict'),
  dataDir: z.string().min(1).default('./data'),
  /** Serves a directory that another engine owns: follows its changes, and answers no admin socket. */
  follow: z.boolean().default(false),
  host: z.string().min(1).default('127.0.0.1'),
  /** 0 takes a free port. */
  port: z.int().min(0).max(65_535).default(8_080),
  defaultModel: z.string().optional(),
  /** Bearer token of POST /rollback on the public port; without one the route answers 403. */
  adminToken: z.string().min(8).optional(),
  /** The page at /ui: numbers only, actions too for the holder of the admin token, or none; see `uiMode`. */
  ui: z.enum(['off', 'read', 'full']).optional(),
  /** PEM files of the certificate chain and its key, both or neither; read again when they change. */
  tlsCert: z.string().min(1).optional(),
  tlsKey: z.string().min(1).optional(),
  /** The header by which a trusted proxy says who asks. */
  sourceHeader: z.string().regex(/^[A-Za-z0-9-]+$/).max(100).optional(),
  /** IP addresses of proxies, separated by commas: who comes from there is known by that header alone. */
  trustedProxy: z.string().min(1).max(4_096).optional(),
  /** Origins of the web pages that may ask, as browsers write them; "*" for any. */
  corsOrigins: z.array(z.string().max(300).refine(isOrigin, 'wanted origins such as https://app.example, or *'))
    .max(100).default([]),
  /** Names, without a port, by which administrators may call this server, beside addresses and its own; "*" for any. */
  allowedHosts: z.array(z.string().regex(/^(?:[A-Za-z0-9._-]+|\*)$/)).max(100).default([]),
  /** off: no request chooses the version that answers it, so that nobody can search for where two of them differ. */
  namedVersions: z.enum(['on', 'off']).default('on'),
  bodyBytesMax: positive(1_024 * MIB).default(16 * MIB),
  limits: limitsSchema.prefault({}),
  drainMs: positive(3_600_000).default(30_000),
  /** An engine whose event loop stands still for so long is killed by its supervisor and started again; 0 for never. */
  stalledMs: z.int().min(0).max(86_400_000).default(30_000),
  /** GET /metrics has the names that Triton publishes as well. */
  tritonMetrics: z.boolean().default(false),
  /** Milliseconds between two looks for changes that another process made in the registry. */
  followMs: positive(60_000).default(100),
  /** Limit of an artefact's first load, golden check included, in its child process. */
  trialMs: positive(3_600_000).default(120_000),
  /** Anonymous bytes that the trial's process may take; by default half of the host's or the container's memory. */
  trialMemoryBytes: z.int().min(128 * MIB).max(2 ** 46).optional(),
  /** Disk that may be taken by models as the runtime has prepared them, which their sessions share; 0 prepares none. */
  preparedBytesMax: z.int().min(0).max(2 ** 46).default(8 * 1_024 * MIB),
  /** Anonymous bytes that the process may have before large work is refused; 85 % of a container's limit by default. */
  memoryMax: z.int().min(64 * MIB).max(2 ** 46).optional(),
  /** Limit of a deployment's load and warm-up in this process. */
  loadMs: positive(3_600_000).default(120_000),
  /** Samples are recorded in this file, for lastgood backtest; none by default. */
  record: z.string().min(1).optional(),
  /** Bytes of one file; then it is rotated, and as many files are kept as `recordFilesMax` says. */
  recordBytesMax: z.int().min(64 * KIB).max(1_024 * 1_024 * MIB).default(256 * MIB),
  recordFilesMax: z.int().min(1).max(1_000).default(4),
  /** One request in so many is recorded. */
  recordEvery: positive(1_000_000).default(1),
  /** on: with the numbers of its inputs, unless reservoir is off. */
  recordInputs: z.enum(['on', 'off']).default('off'),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  ...modelShape,
  judge: judgeSchema.prefault({}),
  models: z.record(z.string(), modelOverrideSchema).default({}),
});

export type { JudgeOptions } from './judge-options.ts';
/** The options of one model after the engine's values and its own section were merged. */
export type ModelOptions = z.output<typeof modelSchema>;
/** What createEngine and the config file accept. */
export type EngineOptions = z.input<typeof engineSchema>;
export type ResolvedOptions = z.output<typeof engineSchema>;

/** The sections whose keys are easily looked for elsewhere. */
const SECTIONS: readonly (readonly [name: string, keys: readonly string[]])[] = [
  ['judge', Object.keys(judgeShape)], ['judge.checks', CHECK_NAMES],
];

// Where unknown keys belong.
function placeHint(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return '';
  return SECTIONS.map(([section, known]) => {
    const its = issue.keys.filter((key) => known.includes(key));
    if (its.length === 0) return '';
    const which = its.length === issue.keys.length ? '' : `${its.map((key) => `"${key}"`).join(', ')} `;
    return `; wanted ${which}below "${section}"`;
  }).join('');
}

/** Parses raw options; throws INVALID_OPTION that names every wrong key, and every limit that cannot work. */
export function resolveOptions(raw: unknown): ResolvedOptions {
  const options = parseOptions(raw);
  if ((options.tlsCert === undefined) !== (options.tlsKey === undefined)) {
    const [given, missing] = options.tlsCert === undefined ? ['tlsKey', 'tlsCert'] : ['tlsCert', 'tlsKey'];
    throw lastgoodError('INVALID_OPTION', { reason: `${given} is given without ${missing}; wanted both or neither` });
  }
  if (options.ui === 'full' && options.adminToken === undefined) {
    throw lastgoodError('INVALID_OPTION', { reason: 'ui is full without adminToken; wanted a token, or ui read' });
  }
  refuseImpossible('judge', options.judge);
  for (const model of Object.keys(options.models)) {
    refuseImpossible(`models.${model}.judge`, optionsOfModel(options, model).judge);
  }
  return options;
}

/** Parses raw options without asking whether they work together: a part of them may only make sense with the rest. */
export function parseOptions(raw: unknown): ResolvedOptions {
  const result = engineSchema.safeParse(raw, IN_OUR_WORDS);
  if (!result.success) {
    throw lastgoodError('INVALID_OPTION', { reason: issuesText(result.error, 'options', [], placeHint) });
  }
  for (const model of Object.keys(result.data.models)) {
    refuseBadName(model);
    optionsOfModel(result.data, model);
  }
  return result.data;
}

function refuseBadName(model: string): void {
  try {
    checkName('the model name', model);
  } catch (error) {
    throw lastgoodError('INVALID_OPTION', { reason: `models: ${reasonOf(error)}` });
  }
}

function refuseImpossible(where: string, judge: JudgeOptions): void {
  const reasons = impossibleLimits(judge).map((reason) => `${where}.${reason}`);
  if (reasons.length > 0) throw lastgoodError('INVALID_OPTION', { reason: reasons.join('; ') });
}

/** Of models without a section: the same for all of them, and a hundred models ask at once. */
const withoutSection = new WeakMap<ResolvedOptions, ModelOptions>();

/** The options of `model`: its own section over the engine's values; throws INVALID_OPTION for what does not fit. */
export function optionsOfModel(options: ResolvedOptions, model: string): Readonly<ModelOptions> {
  if (Object.hasOwn(options.models, model)) return mergedOptions(options, model);
  const found = withoutSection.get(options) ?? mergedOptions(options, model);
  withoutSection.set(options, found);
  return found;
}

function mergedOptions(options: ResolvedOptions, model: string): ModelOptions {
  const shared = Object.fromEntries(
    [...Object.keys(modelShape), 'judge'].map((key) => [key, options[key as keyof typeof modelShape | 'judge']]),
  );
  const result = modelSchema.safeParse(mergeSections(shared, options.models[model] ?? {}), IN_OUR_WORDS);
  if (result.success) return result.data;
  const reason = issuesText(result.error, 'options', ['models', model], placeHint);
  throw lastgoodError('INVALID_OPTION', { reason });
}

const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|::1|\[::1\])$/;

/** What the page at /ui is for whoever listens on `host`: where others could look, it takes a token to have one. */
export function uiMode({ ui, adminToken }: Pick<ResolvedOptions, 'ui' | 'adminToken'>, host: string): Ui {
  return ui ?? (LOOPBACK.test(host) || adminToken !== undefined ? 'read' : 'off');
}
type Ui = NonNullable<ResolvedOptions['ui']>;

/** Worker threads for a model that does not say: the cores less one, shared, at least one each. */
export function workersFor(options: ModelOptions, modelCount: number): number {
  if (options.workers !== undefined) return options.workers;
  const threads = Math.max(1, availableParallelism() - 1);
  return Math.max(1, Math.floor(threads / Math.max(1, modelCount)));
}
