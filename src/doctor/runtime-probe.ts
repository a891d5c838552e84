// The probe process of the runtime: which execution providers this host's build of it has, or whether it can run on one
// of them, and on it alone: nothing of the model falls to the CPU in its stead. What a driver does to this process
// the doctor only sees from how it ended.
import { answerParent } from '../base/managed-child.ts';
import { loadRuntime, runtimeOptions } from '../worker/session/runtime.ts';

export type RuntimeAnswer =
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'works' };

/** A model that negates one number, as small as an ONNX file can be that has to be carried out. */
const MODEL = Buffer.from(
  'CAg6MgoLCgF4EgF5IgNOZWcSAWdaDwoBeBIKCggIARIECgIIAWIPCgF5EgoKCAgBEgQKAggBQgQKABAN', 'base64');

/** Null asks for the names. */
export type RuntimeQuestion = string | null;

answerParent(async (provider: RuntimeQuestion): Promise<RuntimeAnswer> => {
  const ort = await loadRuntime();
  if (provider === null) return { kind: 'names', names: ort.listSupportedBackends().map(({ name }) => name) };
  const session = await ort.InferenceSession.create(MODEL, runtimeOptions({ providers: [provider] }, 1));
  await session.run({ x: new ort.Tensor('float32', Float32Array.of(1), [1]) });
  await session.release();
  // It opened, and it answered.
  return { kind: 'works' };
});
