// What every route does, for the description of the HTTP surface. Pure data; a test holds it against the routes that
// are registered, in both directions.
import { indexBody, loadBody, rollbackBody, unloadBody } from '../control-bodies.ts';
import * as answers from './answer-schemas.ts';
import {
  BODY_ERRORS, MODEL_ERRORS, type Operation, RUN_ERRORS, TOKEN_ERRORS, VERSION_ERRORS,
} from './operation.ts';
import { inferBody, predictBody, tfsBody } from './request-schemas.ts';

const predict = {
  tag: 'Predict', body: predictBody, answer: answers.predictAnswer,
  description: 'Rows are batched with those of other requests; a bad row fails alone.',
} as const;
const PREDICT_ERRORS = [...BODY_ERRORS, 'ROW_LENGTH', 'ROW_VALUE', 'UNSUPPORTED_BY_PREDICT', ...RUN_ERRORS] as const;
/** Of a request that names no model; the default one stays it when it is unloaded. */
const DEFAULT_MODEL_ERRORS = ['NO_DEFAULT_MODEL', 'MODEL_UNLOADED'] as const;

const health = {
  tag: 'Operate', answer: answers.healthAnswer,
  description: 'Always 200 while the process answers; "violations" says in words what is wrong.',
} as const;

const rollback = {
  tag: 'Operate', body: rollbackBody, bodyOptional: true, answer: answers.rollbackAnswer, needsToken: true,
  description: 'Makes the last known good version the active one.',
} as const;
const ROLLBACK_ERRORS = [
  ...BODY_ERRORS, ...TOKEN_ERRORS, 'NO_ROLLBACK_TARGET', 'GENERATION_CONFLICT', 'BUSY', 'NO_ACTIVE_VERSION',
] as const;

const oip = (summary: string, answer: Operation['answer'], more: Partial<Operation> = {}): Operation =>
  ({ tag: 'Open Inference Protocol', summary, answer, errors: [], ...more });

const server = oip('Name, version and extensions of the server', answers.serverMetadata);
const repositoryIndex = (summary: string): Operation =>
  oip(summary, answers.repositoryIndexAnswer, { body: indexBody, bodyOptional: true, errors: BODY_ERRORS });

const repository = (summary: string, body: Operation['body'], errors: Operation['errors']): Operation =>
  oip(summary, answers.done, {
    body: body!, bodyOptional: true, needsToken: true, errors: [...BODY_ERRORS, ...TOKEN_ERRORS, ...errors],
    description: 'Needs the admin token, unless the engine was started with --model-control explicit.',
  });

// The same with and without a version in the URL.
function ofModel(method: 'GET' | 'POST', suffix: string, operation: Operation): Record<string, Operation> {
  const { summary, errors } = operation;
  const named = { ...operation, summary: `${summary}, of a loaded version`, errors: [...errors, ...VERSION_ERRORS] };
  return {
    [`${method} /v2/models/:model${suffix}`]: { ...operation, errors: [...errors, ...MODEL_ERRORS] },
    [`${method} /v2/models/:model/versions/:version${suffix}`]: named,
  };
}

function tfsFamily(pattern: string, what: string, errors: Operation['errors']): Record<string, Operation> {
  const tfs = (summary: string, answer: Operation['answer']): Operation =>
    ({ tag: 'TensorFlow Serving', summary: `${summary} ${what}`, answer, errors });
  return {
    [`POST ${pattern}`]: {
      ...tfs('Predict with', answers.tfsAnswer), body: tfsBody, pathEnd: ':predict',
      errors: [...errors, ...BODY_ERRORS, 'NON_FINITE_ANSWER', ...RUN_ERRORS],
    },
    [`GET ${pattern}`]: tfs('Versions of', answers.tfsStatus),
    [`GET ${pattern}/metadata`]: tfs('Inputs and outputs of', answers.tfsMetadata),
  };
}

/** By `METHOD pattern`, as the routes are registered. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /': { tag: 'Operate', summary: 'All routes', answer: answers.indexAnswer, errors: [] },
  'GET /openapi.json': {
    tag: 'Operate', summary: 'This description', answer: 'application/json', errors: [],
  },
  'GET /docs': { tag: 'Operate', summary: 'This description as a page', answer: 'text/html', errors: [] },
  'GET /metrics': {
    tag: 'Operate', summary: 'Metrics for Prometheus', answer: 'text/plain', errors: [],
    description: 'Written at most once a second. Labels: model, version, and track: canary on probation, stable ' +
      'after it, named for a version in the URL that is not active, shield for answers in its place.',
  },
  'GET /ws': {
    tag: 'Predict', summary: 'WebSocket', answer: '', status: 101,
    description: 'An upgrade. Subprotocols: lastgood.json, text frames {"id", "features"}; oip.v2, the Open ' +
      'Inference Protocol in binary frames; lastgood.f32, raw float32 rows. Answers are matched by id.',
    query: { model: 'the model of frames that name none' },
    errors: ['UPGRADE_REQUIRED', 'INVALID_REQUEST', 'MODEL_NOT_FOUND', 'MODEL_UNLOADED', 'FLOATS_REFUSED'],
  },
  'POST /predict': {
    ...predict, summary: 'Predict with the default model', errors: [...PREDICT_ERRORS, ...DEFAULT_MODEL_ERRORS],
  },
  'POST /models/:model/predict': {
    ...predict, summary: 'Predict', errors: [...PREDICT_ERRORS, ...MODEL_ERRORS],
  },
  'GET /health': { ...health, summary: 'Health of the default model', errors: DEFAULT_MODEL_ERRORS },
  'GET /models/:model/health': {
    ...health, summary: 'Health of a model', errors: ['MODEL_NOT_FOUND', 'MODEL_UNLOADED'],
  },
  'POST /rollback': {
    ...rollback, summary: 'Roll the default model back', errors: [...ROLLBACK_ERRORS, ...DEFAULT_MODEL_ERRORS],
  },
  'POST /models/:model/rollback': {
    ...rollback, summary: 'Roll a model back', errors: [...ROLLBACK_ERRORS, 'MODEL_NOT_FOUND', 'MODEL_UNLOADED'],
  },
  'GET /v2': server,
  'GET /v2/': server,
  'GET /v2/health/live': oip('Alive', answers.liveAnswer),
  'GET /v2/health/ready': oip('Every model has a version that answers', answers.readyAnswer, { alsoAnswers: [503] }),
  'GET /v2/models/stats': oip('Statistics of all loaded versions', answers.allStatisticsAnswer),
  ...ofModel('GET', '', oip('Inputs and outputs', answers.modelMetadataAnswer)),
  ...ofModel('GET', '/config', oip("Configuration, as Triton's ModelConfig", answers.modelConfigAnswer)),
  ...ofModel('GET', '/stats', oip('Statistics', answers.statisticsAnswer)),
  ...ofModel('GET', '/ready', oip('Ready', answers.modelReady)),
  ...ofModel('POST', '/infer', oip('Infer', answers.inferAnswer, {
    body: inferBody, binary: true, errors: [...BODY_ERRORS, 'NON_FINITE_ANSWER', ...RUN_ERRORS],
    description: 'With Inference-Header-Content-Length, the length of the JSON, raw tensors may follow it; a length ' +
      'of 0 means that the whole body is the only input.',
  })),
  'GET /v1/models': {
    tag: 'TensorFlow Serving', summary: 'All models', answer: answers.tfsModels, errors: [],
  },
  ...tfsFamily('/v1/models/:model', 'a model', MODEL_ERRORS),
  ...tfsFamily('/v1/models/:model/versions/:version', 'a version', VERSION_ERRORS),
  ...tfsFamily('/v1/models/:model/labels/:label', 'the version under a label', [...VERSION_ERRORS, 'LABEL_NOT_FOUND']),
  'POST /v2/repository/index': repositoryIndex('All models and their versions'),
  'POST /v2/repository/:repository/index': repositoryIndex('The same under any name of the only repository'),
  'POST /v2/repository/models/:model/load': repository('Serve a model, or a new version of it', loadBody, [
    'MODEL_NOT_FOUND', 'VERSION_NOT_FOUND', 'INVALID_NAME', 'VERSION_EXISTS', 'TRIAL_FAILED', 'STACKING_UNPROVEN',
      'LOAD_FAILED',
    'SIGNATURE_CHANGED', 'QUARANTINED', 'FILE_QUARANTINED', 'PINNED', 'BUSY', 'NO_ACTIVE_VERSION',
  ]),
  'POST /v2/repository/models/:model/unload': repository('Stop serving a model', unloadBody, [
    'MODEL_NOT_FOUND', 'MODEL_UNLOADED', 'UNLOAD_REFUSED',
  ]),
};
