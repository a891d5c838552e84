// How models are described to clients of the Open Inference Protocol. Pure.
import type { IndexEntry } from '../../api/serving-api.ts';
import type { ModelOptions } from '../../options/options.ts';
import type { Datatype, Signature, TensorSignature, VersionRecord } from '../../domain/records.ts';
import { requestRowsMax, runLimits } from '../../rollout/deployment/run-limits.ts';
import { limitsView } from '../../domain/run-limits.ts';
import type { ServedModel } from '../models/served-model.ts';

/** Names of extensions that work here; clients change what they do by this list. */
export const EXTENSIONS: readonly string[] = [
  'binary_tensor_data', 'parameters', 'schedule_policy', 'model_configuration', 'model_repository',
  'statistics',
];
const PLATFORM = 'onnxruntime_onnx';

const CONFIG_TYPES: Readonly<Partial<Record<Datatype, string>>> = { BYTES: 'TYPE_STRING' };

/** GET /v2/models/{model}; `versions` are the loaded ones. */
export function modelMetadata(record: VersionRecord, versions: readonly string[]): object {
  const { model, signature } = record;
  const tensor = ({ name, datatype, shape, labels }: TensorSignature): object =>
    ({ name, datatype, shape, ...(labels === undefined ? {} : { parameters: { labels } }) });
  const optional = (signature.optional ?? []).map(({ default: { data }, ...input }) =>
    ({ ...tensor(input), parameters: { optional: true, default: data } }));
  return {
    name: model, versions, platform: PLATFORM,
    inputs: [...signature.inputs.map(tensor), ...optional], outputs: signature.outputs.map(tensor),
  };
}

/** GET /v2/models/{model}/config, as far as Triton's ModelConfig says something of an ONNX model here. */
export function modelConfig(record: VersionRecord, options: ModelOptions): object {
  const { model, version, signature, stacking } = record;
  const limits = runLimits(options, record);
  // Above 0 a batch size says that the rows of a request may be run with those of others.
  const isBatched = leadsWithRows(signature) && stacking?.mode !== 'none';
  const tensor = ({ name, datatype, shape }: TensorSignature): object => ({
    name, data_type: CONFIG_TYPES[datatype] ?? `TYPE_${datatype}`, dims: isBatched ? shape.slice(1) : shape,
  });
  return {
    name: model, platform: PLATFORM, backend: 'onnxruntime', version_policy: { specific: { versions: [version] } },
    max_batch_size: isBatched ? Math.min(limits.rows, requestRowsMax(options, record)) : 0,
    input: signature.inputs.map(tensor), output: signature.outputs.map(tensor),
    parameters: {
      ...(stacking !== undefined && { stacking: { string_value: stacking.mode } }),
      ...(record.session !== undefined && { session: { string_value: JSON.stringify(record.session) } }),
      limits: { string_value: JSON.stringify(limitsView(limits, record)) },
    },
    ...(isBatched && {
      dynamic_batching: { preferred_batch_size: [], max_queue_delay_microseconds: options.batchDelayUs },
    }),
  };
}

// With a batch size above 0 every tensor has the batch axis, or clients would send shapes that do not fit.
function leadsWithRows({ inputs, outputs }: Signature): boolean {
  return inputs.length > 0 && [...inputs, ...outputs].every(({ shape }) => shape[0] === -1);
}

/** The lines of the repository index for one model that is served. */
export function indexEntries(
  { model, rollout: { activeVersion, deployments }, awaitedVersion: awaited }: ServedModel,
): IndexEntry[] {
  const active = activeVersion?.version ?? null;
  const entries = deployments.map(({ version, role, state, canAnswer }): IndexEntry => {
    const entry = { name: model, version };
    if (state === 'ready' && !canAnswer) return { ...entry, state: 'UNAVAILABLE', reason: 'no worker is there' };
    return {
      ...entry, state: state === 'ready' ? 'READY' : state === 'loading' ? 'LOADING' : 'UNLOADING',
      reason: version === active ? '' : role,
    };
  });
  if (awaited !== null && entries.every(({ version }) => version !== awaited)) {
    entries.push({ name: model, version: awaited, state: 'LOADING', reason: 'its turn has not come' });
  }
  return entries.length > 0 ? entries : [{ name: model, state: 'UNAVAILABLE', reason: 'no version is active' }];
}
