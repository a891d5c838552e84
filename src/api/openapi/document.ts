// GET /openapi.json: the HTTP surface as OpenAPI 3.1, from the table of operations and the schemas of the bodies. Pure;
// made once, when somebody asks.
import { z } from 'zod';
import { ERRORS } from '../../base/error-table.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { errorAnswer } from './answer-schemas.ts';
import type { Operation } from './operation.ts';

type Json = Record<string, unknown>;

const JSON_TYPE = 'application/json';
const BINARY_TYPE = 'application/octet-stream';
const SCHEMAS = '#/components/schemas/';
/** Any request can be refused with these. */
const ALWAYS: readonly ErrorCode[] = ['INVALID_REQUEST', 'ORIGIN_REFUSED', 'DRAINING'];
const TAGS: Readonly<Record<Operation['tag'], string>> = {
  'Predict': 'The plain JSON API and the WebSocket.',
  'Open Inference Protocol': 'Version 2, as Triton, KServe and other servers speak it.',
  'TensorFlow Serving': 'Its REST API, row and column format.',
  'Operate': 'Health, metrics, rollback.',
};

/** The document; `operations` by `METHOD pattern`. */
export function openApiDocument(operations: Readonly<Record<string, Operation>>, version: string): Json {
  const schemas = new Schemas();
  const paths: Record<string, Json> = {};
  for (const [route, operation] of Object.entries(operations)) {
    const [method = '', pattern = ''] = route.split(' ');
    const path = pattern.replace(/:(\w+)/g, '{$1}') + (operation.pathEnd ?? '');
    (paths[path] ??= {})[method.toLowerCase()] = operationObject(method, path, operation, schemas);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'lastgood', version, license: { name: 'MIT', identifier: 'MIT' },
      summary: 'Serves ONNX models, watches every answer, and puts the last known good version back by itself.',
      description: 'Every GET can be asked with HEAD; another method is answered 405, an unknown path 404, and every ' +
        'error is JSON. Bodies may be compressed with gzip or deflate; large answers are if Accept-Encoding asks.',
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: schemas.all,
      securitySchemes: { adminToken: { type: 'http', scheme: 'bearer', description: 'given with --admin-token' } },
    },
  };
}

function operationObject(method: string, path: string, operation: Operation, schemas: Schemas): Json {
  const { tag, summary, description, needsToken, query } = operation;
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) =>
      ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...Object.entries(query ?? {}).map(([name, text]) =>
      ({ name, in: 'query', description: text, schema: { type: 'string' } })),
    ...(operation.binary === true ? [HEADER_LENGTH] : []),
  ];
  const name = path.split('/').map((part) => part.replace(/[^A-Za-z0-9]/g, '')).filter((part) => part !== '').join('_');
  return {
    operationId: `${method.toLowerCase()}_${name}${path.length > 1 && path.endsWith('/') ? '_slash' : ''}`,
    tags: [tag], summary,
    ...(description !== undefined && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...requestBody(operation, schemas),
    responses: responses(operation, schemas),
    ...(needsToken === true && { security: [{ adminToken: [] }] }),
  };
}

const HEADER_LENGTH = {
  name: 'Inference-Header-Content-Length', in: 'header', schema: { type: 'integer', minimum: 0 },
  description: 'length of the JSON part when raw tensors follow it',
};
const BYTES = { description: 'the JSON part, then raw tensors in its order, little-endian' };

function requestBody({ body, bodyOptional, binary }: Operation, schemas: Schemas): Json {
  if (body === undefined) return {};
  const content = {
    [JSON_TYPE]: { schema: schemas.of(body, 'input') }, ...(binary === true && { [BINARY_TYPE]: { schema: BYTES } }),
  };
  return { requestBody: { required: bodyOptional !== true, content } };
}

function responses({ answer, status: good, alsoAnswers, binary, errors }: Operation, schemas: Schemas): Json {
  const content = typeof answer === 'string'
    ? answer === '' ? {} : { [answer]: {} }
    : {
      [JSON_TYPE]: { schema: schemas.of(answer, 'output') },
      ...(binary === true && { [BINARY_TYPE]: { schema: BYTES } }),
    };
  const all: Json = { [good ?? 200]: { description: 'Done', content } };
  for (const [status, codes] of byStatus([...errors, ...ALWAYS])) {
    all[status] = {
      description: codes.join(', '), content: { [JSON_TYPE]: { schema: schemas.of(errorAnswer, 'output') } },
    };
  }
  for (const status of alsoAnswers ?? []) all[status] = { description: 'Not now', content };
  return all;
}

function byStatus(codes: readonly ErrorCode[]): Map<number, ErrorCode[]> {
  const found = new Map<number, ErrorCode[]>();
  for (const code of [...new Set(codes)].sort()) {
    const { status } = ERRORS[code];
    found.set(status, [...(found.get(status) ?? []), code]);
  }
  return found;
}

/** Named schemas go among the components, once; the others stay where they are used. */
class Schemas {
  readonly all: Record<string, Json> = {};

  of(schema: z.ZodType, io: 'input' | 'output'): Json {
    const { $defs, ...own } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Json;
    delete own['$schema'];
    for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, Json>)) {
      this.all[name] ??= inComponents(definition) as Json;
    }
    return inComponents(own) as Json;
  }
}

// Definitions refer to each other by their place in one schema; in the document they stand among the components.
function inComponents(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inComponents);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) =>
    [key, key === '$ref' && typeof one === 'string' ? one.replace('#/$defs/', SCHEMAS) : inComponents(one)]));
}
