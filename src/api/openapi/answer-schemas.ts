// What the answers look like. A test asks a real engine on every route and holds the answer against its schema, which
// allows no member that it does not name. Pure.
import { z } from 'zod';
import { ERRORS } from '../../base/error-table.ts';
import { TRUSTS } from '../../domain/records.ts';
import { datatype } from './request-schemas.ts';

const version = z.string().meta({ description: 'id of a version' });
const trust = z.enum(TRUSTS)
  .meta({ description: 'how that version earned to be gone back to; unproven: it served and never failed' });
const milliseconds = z.number().min(0);

/** Predictions have the model's own shape; null stands for NaN and infinities. */
const prediction: z.ZodType = z.lazy(() =>
  z.union([z.number(), z.string(), z.boolean(), z.null(), z.array(prediction), z.record(z.string(), prediction)]))
  .meta({ id: 'Prediction', description: 'a value, an array for a larger output, an object by name for several' });

export const errorAnswer = z.strictObject({
  error: z.string().meta({ description: 'what failed, the state that was found, what was wanted' }),
  code: z.enum(Object.keys(ERRORS) as [string, ...string[]]).meta({ description: 'stable; match on this' }),
  details: z.record(z.string(), z.unknown()).optional()
    .meta({ description: 'of NO_ROLLBACK_TARGET: {"versions": [{"version", "reason"}]}; of most codes nothing' }),
}).meta({ id: 'Error' });

export const predictAnswer = z.union([
  z.strictObject({ prediction, model_version: version, latency_ms: milliseconds }),
  z.strictObject({ predictions: z.array(prediction), model_version: version, latency_ms: milliseconds }),
]).meta({ id: 'PredictAnswer' });

export const healthAnswer = z.strictObject({
  healthy: z.boolean(),
  violations: z.array(z.string()),
  model: z.string(),
  active_model: version.nullable(),
  last_good: version.nullable(),
  last_good_trust: trust.nullable(),
  generation: z.int().min(0),
  saved: z.boolean().meta({ description: 'false while the disk refuses the rollback that is in force' }),
  phase: z.string(),
  p95_latency_ms: milliseconds.nullable(),
  error_rate: z.number().min(0).max(1).nullable(),
  prediction_drift: z.number().nullable(),
  samples: z.int().min(0),
  lapped_samples: z.int().min(0),
  pending: z.int().min(0),
  shielded: z.int().min(0),
  stuck_workers: z.int().min(0),
  pinned: z.boolean(),
}).meta({ id: 'Health' });

export const rollbackAnswer = z.strictObject({
  rolled_back_to: version, path: z.string(), generation: z.int(), trust, saved: z.boolean(),
}).meta({ id: 'Rollback' });

export const indexAnswer = z.strictObject({ name: z.string(), routes: z.array(z.string()) }).meta({ id: 'Index' });

export const serverMetadata = z.strictObject({
  name: z.string(), version: z.string(), extensions: z.array(z.string()),
}).meta({ id: 'ServerMetadata' });

export const liveAnswer = z.strictObject({ live: z.boolean() }).meta({ id: 'Live' });
export const readyAnswer = z.strictObject({ ready: z.boolean(), live: z.boolean() }).meta({ id: 'Ready' });
export const modelReady = z.strictObject({ name: z.string(), ready: z.boolean() }).meta({ id: 'ModelReady' });

const tensorMetadata = z.strictObject({
  name: z.string(), datatype, shape: z.array(z.int().min(-1)),
  parameters: z.strictObject({
    labels: z.array(z.union([z.string(), z.number()])).optional(),
    optional: z.literal(true).optional(), default: z.array(z.number()).optional(),
  }).optional().meta({ description: 'labels: names of classes; optional: may be left out, and is then the default' }),
}).meta({ id: 'TensorMetadata' });

export const modelMetadataAnswer = z.strictObject({
  name: z.string(), versions: z.array(version), platform: z.string(),
  inputs: z.array(tensorMetadata), outputs: z.array(tensorMetadata),
}).meta({ id: 'ModelMetadata' });

const tensorConfig = z.strictObject({
  name: z.string(), data_type: z.string(), dims: z.array(z.int()),
}).meta({ id: 'TensorConfig' });

export const modelConfigAnswer = z.strictObject({
  name: z.string(), platform: z.string(), backend: z.string(),
  version_policy: z.strictObject({ specific: z.strictObject({ versions: z.array(version) }) }),
  max_batch_size: z.int().min(0),
  input: z.array(tensorConfig), output: z.array(tensorConfig),
  parameters: z.strictObject({
    stacking: z.strictObject({ string_value: z.enum(['rows', 'none']) }).optional(),
    session: z.strictObject({ string_value: z.string() }).optional(),
    /** JSON: how many rows one run has, and how large requests may be. */
    limits: z.strictObject({ string_value: z.string() }).optional(),
  }).optional(),
  dynamic_batching: z.strictObject({
    preferred_batch_size: z.array(z.int()), max_queue_delay_microseconds: z.int(),
  }).optional(),
}).meta({ id: 'ModelConfig' });

const duration = z.strictObject({ count: z.int().min(0), ns: z.int().min(0) }).meta({ id: 'StatisticDuration' });
const durations = (...names: string[]): z.ZodObject =>
  z.strictObject(Object.fromEntries(names.map((name) => [name, duration])));

export const statisticsAnswer = z.strictObject({
  model_stats: z.array(z.strictObject({
    name: z.string(), version,
    last_inference: z.int().min(0).meta({ description: 'milliseconds since 1970; 0 for never' }),
    inference_count: z.int().min(0), execution_count: z.int().min(0),
    inference_stats: durations(
      'success', 'fail', 'queue', 'compute_input', 'compute_infer', 'compute_output', 'cache_hit', 'cache_miss'),
    response_stats: z.strictObject({}),
    batch_stats: z.array(durations('compute_input', 'compute_infer', 'compute_output')
      .extend({ batch_size: z.int().min(1) })),
    memory_usage: z.array(z.unknown()),
  })),
}).meta({ id: 'Statistics' });

export const repositoryIndexAnswer = z.array(z.strictObject({
  name: z.string(), version: version.optional(),
  state: z.enum(['READY', 'UNAVAILABLE', 'LOADING', 'UNLOADING', 'UNKNOWN']), reason: z.string(),
})).meta({ id: 'RepositoryIndex' });

export const done = z.strictObject({}).meta({ id: 'Done' });

const outputTensor = z.strictObject({
  name: z.string(), datatype, shape: z.array(z.int().min(0)),
  parameters: z.strictObject({ binary_data_size: z.int().min(0) }).optional(),
  data: z.array(z.unknown()).optional().meta({ description: 'left out when the values follow as raw bytes' }),
}).meta({ id: 'OutputTensor' });

export const inferAnswer = z.strictObject({
  model_name: z.string(), model_version: version, id: z.union([z.string(), z.int()]).optional(),
  outputs: z.array(outputTensor),
}).meta({ id: 'InferAnswer' });

export const tfsAnswer = z.union([
  z.strictObject({ predictions: z.array(prediction) }), z.strictObject({ outputs: prediction }),
]).meta({ id: 'TfsAnswer' });

export const tfsModels = z.strictObject({ models: z.array(z.string()) }).meta({ id: 'TfsModels' });

export const tfsStatus = z.strictObject({
  name: z.string(), ready: z.boolean(),
  model_version_status: z.array(z.strictObject({
    version, state: z.enum(['START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END']),
    status: z.strictObject({ error_code: z.string(), error_message: z.string() }),
  })),
}).meta({ id: 'TfsStatus' });

const tfsTensors = z.record(z.string(), z.strictObject({
  dtype: z.string(), name: z.string(),
  tensor_shape: z.strictObject({
    dim: z.array(z.strictObject({ size: z.string(), name: z.string() })), unknown_rank: z.boolean(),
  }),
})).meta({ id: 'TfsTensors' });

export const tfsMetadata = z.strictObject({
  model_spec: z.strictObject({ name: z.string(), signature_name: z.string(), version }),
  metadata: z.strictObject({
    signature_def: z.strictObject({
      signature_def: z.record(z.string(), z.strictObject({
        inputs: tfsTensors, outputs: tfsTensors, method_name: z.string(),
      })),
    }),
  }),
}).meta({ id: 'TfsMetadata' });

/** GET /v2/models/stats: beside the statistics the metadata of a model of this name, if there is one. */
export const allStatisticsAnswer = z.strictObject({ ...statisticsAnswer.shape, ...modelMetadataAnswer.partial().shape })
  .meta({ description: 'the statistics, and the metadata of a model that is called "stats"' });
