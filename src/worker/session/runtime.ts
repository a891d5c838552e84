// The one place that loads onnxruntime-node, and the little of it that a session needs. It is loaded on first use and
// only after the telemetry client inside libonnxruntime was switched off where native code looks. Runs in worker
// threads and in the trial process, never on the engine's main thread.
import type * as Ort from 'onnxruntime-node';

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
  // The first initialiser of the process decides, so every thread sets the same. Errors come as exceptions anyway.
  ort.env.logLevel = 'fatal';
  return ort;
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
