// The engine as the routes of TensorFlow Serving's REST API see it. Main thread; nothing here is on the way of a
// prediction but the look-up of a label.
//   active, stable       whichever version is active
//   lastgood             the version that would answer after a rollback
//   candidate, canary    the version that is being brought up
import { lastgoodError } from '../../base/errors.ts';
import { inNaturalOrder } from '../../base/names.ts';
import type { TfsApi } from '../../api/serving-api.ts';
import type { Datatype, TensorSignature } from '../../domain/records.ts';
import type { DeploymentState } from '../../rollout/deployment/deployment.ts';
import type { DeploymentView } from '../../rollout/deployment/deployments.ts';
import type { EngineContext } from '../models/context.ts';
import type { ModelTable } from '../models/model-table.ts';
import { assertMayBeNamed } from '../models/version-queues.ts';
import type { ServedModel } from '../models/served-model.ts';

const LABELS = ['active', 'stable', 'lastgood', 'candidate', 'canary'];
const SIGNATURE_NAME = 'serving_default';

const NEAREST_FIRST = ['AVAILABLE', 'LOADING', 'START', 'UNLOADING', 'END'] as const;
type State = typeof NEAREST_FIRST[number];
const STATES: Readonly<Record<DeploymentState, State>> = {
  loading: 'LOADING', ready: 'AVAILABLE', draining: 'UNLOADING', closed: 'END', failed: 'END',
};
const TYPES: Readonly<Record<Datatype, string>> = {
  BOOL: 'DT_BOOL', UINT8: 'DT_UINT8', UINT16: 'DT_UINT16', UINT32: 'DT_UINT32', UINT64: 'DT_UINT64', INT8: 'DT_INT8',
  INT16: 'DT_INT16', INT32: 'DT_INT32', INT64: 'DT_INT64', FP16: 'DT_HALF', FP32: 'DT_FLOAT', FP64: 'DT_DOUBLE',
  BYTES: 'DT_STRING',
};

/** The part of the ServingApi that these routes need. */
export function createTfsApi({ registry, options }: EngineContext, table: ModelTable): TfsApi {
  return {
    models: () => [...table.all.keys()],
    versionOf: (model, label) => {
      const served = table.served(model);
      if (label === 'active' || label === 'stable') return undefined;
      const version = labelled(served, label, registry.model(model).lastGoodVersion);
      if (version !== undefined) return version;
      throw lastgoodError('LABEL_NOT_FOUND', { model, label, known: LABELS.join(', ') });
    },
    status: (model, version) => {
      const served = table.served(model);
      const states = statesOf(served);
      // KServe's clients ask the same route whether the model is ready.
      if (version === undefined) {
        const known = inNaturalOrder([...states.keys()], (one) => one);
        const all = known.map((one) => versionStatus(one, states.get(one)!));
        return { name: model, ready: served.isReady, model_version_status: all };
      }
      assertMayBeNamed(options.namedVersions, model, version);
      // One that is registered and not loaded has ended; one that nobody knows is refused here.
      const state = states.get(registry.version(model, version).version) ?? 'END';
      return { name: model, ready: state === 'AVAILABLE', model_version_status: [versionStatus(version, state)] };
    },
    metadata: (model, version) => {
      const { signature, version: found } = table.served(model).deploymentOf(version).version;
      const tensors = (of: readonly TensorSignature[]): object => Object.fromEntries(of.map(tensorInfo));
      const definition = {
        inputs: tensors(signature.inputs), outputs: tensors(signature.outputs),
        method_name: 'tensorflow/serving/predict',
      };
      return {
        model_spec: { name: model, signature_name: '', version: found },
        metadata: { signature_def: { signature_def: { [SIGNATURE_NAME]: definition } } },
      };
    },
  };
}

function labelled(served: ServedModel, label: string, lastGood: string | null): string | undefined {
  if (label === 'lastgood') return lastGood ?? undefined;
  if (label !== 'candidate' && label !== 'canary') return undefined;
  const active = served.rollout.activeVersion?.version;
  return served.rollout.deployments.find(({ version, role }) =>
    role !== 'retiring' && version !== active && version !== lastGood)?.version;
}

/** The state of each version that is loaded, on its way in or out, or awaited. */
function statesOf({ rollout, awaitedVersion }: ServedModel): Map<string, State> {
  const states = new Map<string, State>(awaitedVersion === null ? [] : [[awaitedVersion, 'START']]);
  for (const view of rollout.deployments) {
    const { version } = view;
    const known = states.get(version) ?? 'END';
    // A version may be on its way out and, loaded anew, on its way in: it is what is nearest to an answer.
    const found = stateOf(view);
    states.set(version, NEAREST_FIRST.indexOf(known) < NEAREST_FIRST.indexOf(found) ? known : found);
  }
  return states;
}

// One without a worker cannot answer until the next worker has loaded it.
const stateOf = ({ state, canAnswer }: DeploymentView): State =>
  (state === 'ready' && !canAnswer ? 'LOADING' : STATES[state]);

const versionStatus = (version: string, state: State): object =>
  ({ version, state, status: { error_code: 'OK', error_message: '' } });

const tensorInfo = ({ name, datatype, shape }: TensorSignature): [string, object] => [name, {
  dtype: TYPES[datatype], name,
  tensor_shape: { dim: shape.map((size) => ({ size: String(size), name: '' })), unknown_rank: false },
}];
