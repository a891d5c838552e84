// Opens a session and finds the native one under it. The public run() is a synchronous native call behind a promise and
// a setImmediate, which cost a worker about as much as a small model's run itself; called directly, neither is paid.
// Optional: only with the pinned version, whose inside is known, and only when everything is found where it should be;
// otherwise the public run() does the same. Worker threads and the trial process.
import { createRequire } from 'node:module';
import { ARTIFACT_BYTES_MAX } from '../../artifacts/manifest.ts';
import type { ModelFile } from '../../artifacts/verify.ts';
import { assertFilesKnown } from '../../onnx/external-data.ts';
import type { FeedValue, OrtModule, OrtSession } from './runtime.ts';

/** The only version whose inside this file knows. */
const KNOWN_VERSION = '1.30.0';

type Values = Readonly<Record<string, FeedValue>>;
type SessionOptions = NonNullable<Parameters<OrtModule['InferenceSession']['create']>[1]>;

/** Runs a session's native half at once; throws what the runtime says. `fetches` names the wanted outputs. */
export type DirectRun = (feeds: Values, fetches: Readonly<Record<string, null>>) => Values;

interface NativeSession {
  run?(feeds: Values, fetches: Readonly<Record<string, null>>, options: object): Values;
}
interface NativeBinding {
  InferenceSession: new () => NativeSession;
}

let known: NativeBinding | null | undefined;

function nativeBinding(): NativeBinding | null {
  if (known !== undefined) return known;
  known = null;
  try {
    const require = createRequire(import.meta.url);
    const { version } = require('onnxruntime-node/package.json') as { readonly version?: string };
    if (version !== KNOWN_VERSION) return known;
    const { binding } = require('onnxruntime-node/dist/binding.js') as { readonly binding?: Partial<NativeBinding> };
    if (typeof binding?.InferenceSession === 'function') known = binding as NativeBinding;
  } catch {
    // Another layout of the package: the public way it is.
  }
  return known;
}

/**
 * Opens a model; rejects when it would read other files than those that were hashed. `run` is null when this build's
 * inside is not the known one. One session at a time may be opened in a thread.
 */
export async function openSession(
  ort: OrtModule, { path, kind, dataFiles }: ModelFile, given: SessionOptions,
): Promise<{ readonly session: OrtSession; readonly run: DirectRun | null }> {
  // The runtime's own format names no files; and what a file is, is not for its name to say.
  if (kind === 'onnx') assertFilesKnown(path, ARTIFACT_BYTES_MAX, dataFiles);
  const options = withFormat(given, kind);
  const binding = nativeBinding();
  if (binding === null) return { session: await ort.InferenceSession.create(path, options), run: null };
  const Native = binding.InferenceSession;
  const made: NativeSession[] = [];
  // The public session keeps its native one private, so it is noted down while it is made.
  binding.InferenceSession = class extends Native {
    constructor() {
      super();
      made.push(this);
    }
  };
  try {
    const session = await ort.InferenceSession.create(path, options);
    const [native] = made;
    if (made.length !== 1 || typeof native?.run !== 'function') return { session, run: null };
    return { session, run: (feeds, fetches) => native.run!(feeds, fetches, {}) };
  } finally {
    binding.InferenceSession = Native;
  }
}

function withFormat(options: SessionOptions, kind: ModelFile['kind']): SessionOptions {
  const { session, ...extra } = (options.extra ?? {}) as { readonly session?: object };
  return { ...options, extra: { ...extra, session: { ...session, load_model_format: kind.toUpperCase() } } };
}
