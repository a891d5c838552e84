// The one place that loads onnxruntime-node, and the little of it that a session needs. It is loaded on first use and
// only after the telemetry client inside libonnxruntime was switched off where native code looks. Runs in worker
// threads and in the trial process, never on the engine's main thread.
import type * as Ort from 'onnxruntime-node';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import type { SessionOptions } from '../../options/session-options.ts';

export type OrtModule = typeof Ort;
export type OrtSession = Ort.InferenceSession;
export type OrtTensor = Ort.Tensor;
export type FeedValue = Ort.OnnxValue;

const TELEMETRY_SWITCH = 'ORT_DISABLE_TELEMETRY';

let loaded: Promise<OrtModule> | null = null;

/** Loads onnxruntime-node once per thread; rejects when its telemetry is not switched off. */
export function loadRuntime(): Promise<OrtModule> {
  loaded ??= importRuntime();
  return loaded;
}

async function importRuntime(): Promise<OrtModule> {
  if (realEnvironment(TELEMETRY_SWITCH) !== '1') {
    throw new Error(
      `load onnxruntime: ${TELEMETRY_SWITCH} is not 1 in the environment of the process; ` +
        'import telemetry-off.ts on the main thread before anything else');
  }
  const module = await import('onnxruntime-node');
  const ort = (module as unknown as { readonly default?: OrtModule }).default ?? module;
  halvesAsBits(ort);
  // The first initialiser of the process decides, so every thread sets the same. Errors come as exceptions anyway.
  ort.env.logLevel = 'fatal';
  return ort;
}

/**
 * Makes FP16 tensors of Uint16Array on every version of Node. Where there is a Float16Array, as since Node 24, the
 * package would choose it, and its native part takes such an array for an empty one. The package looks for it once in a
 * thread, when the first tensor is made.
 */
function halvesAsBits({ Tensor }: OrtModule): void {
  const found = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');
  if (found === undefined) return;
  Reflect.deleteProperty(globalThis, 'Float16Array');
  try {
    new Tensor('uint16', new Uint16Array(1), [1]);
  } finally {
    Object.defineProperty(globalThis, 'Float16Array', found);
  }
}

/**
 * Returns a variable of the process's own environment. A worker's `process.env` is a copy that libonnxruntime never
 * sees; the diagnostic report reads the original.
 */
function realEnvironment(name: string): string | undefined {
  const report = process.report as typeof process.report & { excludeNetwork?: boolean };
  const before = report.excludeNetwork;
  // Network interfaces are the slow part of a report; Node versions that do not know the switch ignore it.
  report.excludeNetwork = true;
  const { environmentVariables } = report.getReport() as { environmentVariables?: Record<string, string> };
  if (before !== undefined) report.excludeNetwork = before;
  return environmentVariables?.[name];
}

type RuntimeOptions = NonNullable<Parameters<OrtModule['InferenceSession']['create']>[1]>;


const NOT_SPINNING = { 'session.intra_op.allow_spinning': '0' };

/** Without cpu among the providers a part of the graph that none of them takes is an error, and not done slowly. */
const NO_FALLBACK = { 'session.disable_cpu_ep_fallback': '1' };

export function runtimeOptions(options: SessionOptions, intraOpThreads: number): RuntimeOptions {
  const { providers, graph, interOpThreads = 1, arena, memoryPattern = false, entries } = options;
  return {
    intraOpNumThreads: options.intraOpThreads ?? intraOpThreads,
    interOpNumThreads: interOpThreads,
    executionMode: interOpThreads > 1 ? 'parallel' : 'sequential',
    // Patterns are kept per shape and batches have many; the memory would only grow.
    enableMemPattern: memoryPattern,
    // The exception says the same; a line on stderr for each bad row of a failing model would flood the log.
    logSeverityLevel: 4,
    ...(arena === undefined ? {} : { enableCpuMemArena: arena }),
    ...(graph === undefined ? {} : { graphOptimizationLevel: graph }),
    ...(providers === undefined ? {} : { executionProviders: providers }),
    extra: {
      ...NOT_SPINNING, ...(providers === undefined || providers.includes('cpu') ? {} : NO_FALLBACK), ...entries,
    },
  };
}

/** Throws PROVIDER_ABSENT for one that this host's build of the runtime does not have. */
export function assertProviders({ listSupportedBackends }: OrtModule, { providers = [] }: SessionOptions): void {
  const there = listSupportedBackends().map(({ name }) => name);
  const absent = providers.find((name) => !there.includes(name));
  if (absent === undefined) return;
  throw lastgoodError('PROVIDER_ABSENT', { provider: absent, known: there.join(', ') });
}

/** What the runtime says when it does not open a model, with the providers that were asked for. */
export function withProviders(
  error: unknown, { listSupportedBackends }: OrtModule, { providers }: SessionOptions,
): unknown {
  if (providers === undefined) return error;
  const asked = providers.map((name) => `"${name}"`).join(', ');
  const there = listSupportedBackends().map(({ name }) => name).join(', ');
  return new Error(`${reasonOf(error)} (asked to run on ${asked}; the runtime of this host has ${there}, and ` +
    'lastgood doctor tells which of them can be run on)');
}
