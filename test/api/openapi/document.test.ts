// The description of the HTTP surface: whole, valid, and true of the routes, the readers of bodies, and the answers.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { z } from 'zod';
import { errorAnswer } from '../../../src/api/openapi/answer-schemas.ts';
import { openApiDocument } from '../../../src/api/openapi/document.ts';
import { OPERATIONS } from '../../../src/api/openapi/operations.ts';
import { documentPage } from '../../../src/api/openapi/page.ts';
import { inferBody, predictBody, tfsBody } from '../../../src/api/openapi/request-schemas.ts';
import { frontRoutes } from '../../../src/api/server.ts';
import { ERRORS } from '../../../src/base/error-table.ts';
import { isLastgoodError } from '../../../src/base/errors.ts';
import type { ErrorCode } from '../../../src/base/errors.ts';
import { createEngine } from '../../../src/engine/engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { createFrontState } from '../../../src/http/state.ts';
import { createUwsDriver } from '../../../src/http/uws/driver.ts';
import { resolveOptions } from '../../../src/options/options.ts';
import { RequestDecoder } from '../../../src/protocols/oip/request.ts';
import { PredictDecoder } from '../../../src/protocols/predict/request.ts';
import { RowBatch } from '../../../src/domain/row-batch.ts';
import { rowLayout } from '../../../src/domain/row-layout.ts';
import { decodeTfsRequest } from '../../../src/protocols/tfs/request.ts';
import { http } from '../../support/http.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { Random } from '../../protocols/random.ts';
import { linear } from '../../worker/onnx.ts';
import { EchoEngine } from '../echo-engine.ts';

const { limits } = resolveOptions({});
const FRONT = {
  host: '127.0.0.1', port: 0, bodyBytesMax: 1_000, adminToken: 'a-token-of-the-test', limits, memory: null,
};
const BEARER = { authorization: `Bearer ${FRONT.adminToken}` };

suite('the OpenAPI document', () => {
  const document = openApiDocument(OPERATIONS, '1.2.3');

  test('has every route that is registered, and no other', () => {
    const state = createFrontState(limits, createUwsDriver(limits.headerBytesMax));
    const routes = frontRoutes(new EchoEngine(['digits']), FRONT, state);
    const registered = routes.map(({ method, pattern }) => `${method} ${pattern}`);
    assert.deepEqual(Object.keys(OPERATIONS).sort(), [...registered, 'GET /ws'].sort());
  });

  test('is valid OpenAPI 3.1, with operation ids of its own for all', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    assert.ok(valid, JSON.stringify(errors));
    assert.equal(document['openapi'], '3.1.0');
    const ids = [...JSON.stringify(document).matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id);
    assert.deepEqual([ids.length, new Set(ids).size], [Object.keys(OPERATIONS).length, ids.length]);
  });

  test('refers to nothing that it does not have, and has no schema that nothing refers to', () => {
    const { schemas } = document['components'] as { schemas: Record<string, unknown> };
    const named = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)]
      .map(([, name]) => name!);
    assert.deepEqual([...new Set(named)].sort(), Object.keys(schemas).sort());
    assert.ok(!JSON.stringify(document).includes('$defs'));
  });

  test('names for every operation only codes that exist, each under its own status', () => {
    for (const [route, { errors }] of Object.entries(OPERATIONS)) {
      for (const code of errors) assert.ok(code in ERRORS, `${route}: ${code}`);
    }
  });

  test('has a page that shows every operation and needs nothing from elsewhere', () => {
    const page = documentPage(document);
    for (const route of Object.keys(OPERATIONS)) {
      const path = route.split(' ')[1]!.replace(/:(\w+)/g, '{$1}');
      assert.ok(page.includes(`<code>${path}</code>`), path);
    }
    assert.doesNotMatch(page, /<script|src=|https?:|url\(|@import/i);
  });
});

/** What a reader of bodies makes of a text, and what the schema makes of it. */
type Reader = (text: string) => unknown;

function accepts(read: Reader, text: string): boolean {
  try {
    read(text);
    return true;
  } catch (error) {
    if (isLastgoodError(error) && error.status === 400) return false;
    throw error;
  }
}

function isBySchema(schema: z.ZodType, text: string): boolean {
  try {
    return schema.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

/** Holds reader and schema against each other on texts that both must take or both must refuse, and on changed ones. */
function holdTogether(schema: z.ZodType, read: Reader, good: readonly string[], bad: readonly string[]): void {
  for (const text of good) assert.deepEqual([accepts(read, text), isBySchema(schema, text)], [true, true], text);
  for (const text of bad) assert.deepEqual([accepts(read, text), isBySchema(schema, text)], [false, false], text);
  const random = new Random(11);
  const pieces = ['null', '1', '-1', '1.5', '"a"', 'true', '[]', '{}', '[1]', '[[1,2]]', ',', ']', '}', '"features"'];
  let taken = 0;
  for (let round = 0; round < 4_000; round += 1) {
    const text = random.pick(good);
    const at = random.below(text.length);
    const changed = text.slice(0, at) + random.pick(pieces) + text.slice(at + random.below(6));
    if (!accepts(read, changed)) continue;
    taken += 1;
    assert.ok(isBySchema(schema, changed), `taken by the reader and refused by its schema: ${changed}`);
  }
  assert.ok(taken > 0, 'some changed texts are still good');
}

suite('the schemas of bodies that scanners read', () => {
  test('/predict: the scanner takes nothing that the schema refuses, and both refuse the same shapes', () => {
    const signature = {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }] as const, outputs: [],
    };
    const read: Reader = (text) =>
      new PredictDecoder(new RowBatch(rowLayout(signature, 64))).decode(Buffer.from(text), false);
    holdTogether(predictBody, read, [
      '{"features":[1,2,3]}', '{"features":[[1,2,3]]}', '{"instances":[[1,2,3],[4,5,6]]}', '{"features":{"x":[1,2,3]}}',
      '{"instances":[{"x":[1,2,3]}],"more":{"deep":[null]}}', '{"model":"m","features":[1,2,3]}',
      '{"features":[1,2,null]}', '{"instances":[[[null,null,3]]]}',
    ], [
      '{}', '[]', '3', 'null', '{"instances":[]}', '{"instances":{}}',
      '{"instances":3}', '{"features":[1,2,3],"instances":[[1,2,3]]}',
      '{"features":[{"x":1}]}', '{"features":[1,2,3]', '{"instances":[[1,2,{}]]}',
    ]);
  });

  test('/v2 infer: the reader takes nothing that the schema refuses, and both refuse the same shapes', () => {
    const signature = {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }] as const,
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }] as const,
    };
    const decoder = new RequestDecoder(signature);
    const read: Reader = (text) => decoder.decode(Buffer.from(text), Buffer.byteLength(text));
    const x = '{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}';
    const changed = (from: string, to: string): string => `{"inputs":[${x.replace(from, to)}]}`;
    holdTogether(inferBody, read, [
      `{"inputs":[${x}]}`, `{"id":"a","model_name":"m","inputs":[${x}],"outputs":[{"name":"y"}]}`,
      `{"id":7,"parameters":{"timeout":5,"priority":0,"mine":"x"},"inputs":[${x}],"outputs":[]}`,
      `{"inputs":[${x}],"outputs":[{"name":"y","parameters":{"binary_data":true}}],"parameters":null}`,
      changed('[1,2]}', '[[1,2]]}'), changed('"data"', '"parameters":{"mine":1},"data"'),
    ], [
      '[]', '3', '{"inputs":3}', '{"inputs":[3]}', '{"inputs":[[]]}', changed('"x"', '3'), changed('"FP32"', '"FP31"'),
      changed('"FP32"', 'null'), changed('"shape":[1,2]', '"shape":[1.5,2]'),
      changed('"shape":[1,2]', '"shape":[-1,2]'),
      changed('"shape":[1,2],', ''), changed('"data":[1,2]', '"data":3'), changed('"data":[1,2]', '"data":{}'),
      `{"id":[],"inputs":[${x}]}`, `{"id":1.5,"inputs":[${x}]}`, `{"id":"${'a'.repeat(1_025)}","inputs":[${x}]}`,
      `{"parameters":[],"inputs":[${x}]}`, `{"parameters":{"triton_a":1},"inputs":[${x}]}`,
      `{"parameters":{"timeout":-1},"inputs":[${x}]}`, `{"parameters":{"timeout":"1"},"inputs":[${x}]}`,
      `{"parameters":{"a":[]},"inputs":[${x}]}`, `{"parameters":{"binary_data_output":1},"inputs":[${x}]}`,
      `{"inputs":[${x}],"outputs":{}}`, `{"inputs":[${x}],"outputs":[3]}`, `{"inputs":[${x}],"outputs":[{"name":3}]}`,
      `{"inputs":[${x}],"outputs":[{"name":"y","parameters":{"classification":3}}]}`,
      changed('"data"', '"parameters":{"binary_data_size":-1},"data"'),
      changed('"data"', '"parameters":{"shared_memory_region":"r"},"data"'),
    ]);
  });

  test('/v1 predict: the reader takes nothing that the schema refuses, and both refuse the same shapes', () => {
    const signature = {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }] as const,
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }] as const,
    };
    holdTogether(tfsBody, (text) => decodeTfsRequest(Buffer.from(text), signature), [
      '{"instances":[[1,2],[3,4]]}', '{"instances":[{"x":[1,2]}]}', '{"inputs":[[1,2]]}', '{"inputs":{"x":[[1,2]]}}',
      '{"signature_name":"serving_default","inputs":[[1,2]],"more":null}', '{"signature_name":"","instances":[[1,2]]}',
      '{"inputs":[[1,null]]}', '{"instances":[{"x":[null,null]}]}',
    ], [
      '[]', '3', '{}', '{"instances":[]}', '{"instances":3}',
      '{"instances":[[1,2]],"inputs":[[1,2]]}',
      '{"signature_name":"other","inputs":[[1,2]]}', '{"signature_name":3,"inputs":[[1,2]]}',
      '{"instances":[{"x":[1,{}]}]}', '{"inputs":[[1,{"b64":3}]]}',
    ]);
  });
});

suite('the answers of a real engine', () => {
  let engine: Engine;
  let port = 0;

  before(async () => {
    engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1, adminToken: FRONT.adminToken });
    for (const version of ['1', '2']) {
      const file = join(temporaryDirectory(), 'model.onnx');
      writeFileSync(file, linear(Number(version)));
      await engine.register('m', file, { version, promote: true });
    }
    ({ port } = await engine.listen({ port: 0 }));
  });

  after(async () => {
    await engine.close();
  });

  const infer = '{"id":"a","inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[1,2,3]}]}';
  const features = '{"features":[1,2,3]}';
  /** The bodies of requests that are answered with 200. */
  const BODIES: Readonly<Record<string, string>> = {
    'POST /predict': features, 'POST /models/:model/predict': '{"instances":[[1,2,3]]}',
    'POST /rollback': '', 'POST /models/:model/rollback': '{"reason":"a test"}',
    'POST /v2/models/:model/infer': infer, 'POST /v2/models/:model/versions/:version/infer': infer,
    'POST /v2/repository/index': '{"ready":true}', 'POST /v2/repository/:repository/index': '{}',
    'POST /v2/repository/models/:model/load': '{"parameters":{}}',
    'POST /v1/models/:model': '{"instances":[[1,2,3]]}',
    'POST /v1/models/:model/versions/:version': '{"inputs":[[1,2,3]]}',
    'POST /v1/models/:model/labels/:label': '{"inputs":{"x":[[1,2,3]]}}',
    'POST /v2/repository/models/:model/unload': '{"parameters":{"force":true}}',
  };
  const urlOf = (route: string): string =>
    route.split(' ')[1]!.replace(':model', 'm').replace(':version', engine.models.served('m').loadedVersions[0]!)
      .replace(':label', 'stable') + (OPERATIONS[route]!.pathEnd ?? '');

  // The last one leaves nothing to ask.
  const routes = Object.keys(OPERATIONS).filter((route) => !route.endsWith('/unload') && route !== 'GET /ws');
  for (const route of [...routes, 'POST /v2/repository/models/:model/unload']) {
    test(`${route} answers what its schema says`, async () => {
      if (route.endsWith('/rollback') && engine.models.served('m').rollout.activeVersion?.version === '1') {
        await engine.control.release({ model: 'm', version: '2' }, { by: 'test' });
        await engine.promote('m', '2');
      }
      const operation = OPERATIONS[route]!;
      const body = BODIES[route];
      assert.equal(body !== undefined, route.startsWith('POST'), `the test has a body for ${route}`);
      if (typeof operation.answer === 'string') {
        const response = await fetch(`http://127.0.0.1:${port}${urlOf(route)}`);
        assert.equal(response.status, 200);
        assert.ok(response.headers.get('content-type')?.startsWith(operation.answer));
        assert.ok((await response.text()).length > 100);
        return;
      }
      const options = { ...(body !== undefined && { body }), headers: BEARER };
      const { status, json, text } = await http(port, urlOf(route), options);
      assert.equal(status, 200, text);
      const { error } = operation.answer.safeParse(json);
      assert.equal(error, undefined, `${error?.message ?? ''} in ${text}`);
    });
  }

  test('errors are under a status and with a code that their operation lists', async () => {
    const asked: readonly (readonly [route: string, url: string, body?: string, headers?: Record<string, string>])[] = [
      ['POST /predict', '/predict', '{'], ['POST /models/:model/predict', '/models/none/predict', features],
      ['GET /models/:model/health', '/models/none/health'],
      ['POST /models/:model/rollback', '/models/m/rollback', '{}', {}],
      ['GET /v2/models/:model', '/v2/models/none'], ['GET /v2/models/:model/config', '/v2/models/none/config'],
      ['POST /v2/models/:model/infer', '/v2/models/none/infer', infer],
      ['POST /v2/repository/index', '/v2/repository/index', '{"ready":3}'],
      ['POST /v2/repository/models/:model/load', '/v2/repository/models/none/load', '{"parameters":3}'],
      ['POST /v2/repository/models/:model/load', '/v2/repository/models/none/load', '{}'],
      ['GET /ws', '/ws'],
    ];
    for (const [route, url, body, headers = BEARER] of asked) {
      const { status, json } = await http(port, url, { ...(body !== undefined && { body }), headers });
      const { code } = errorAnswer.parse(json) as { code: ErrorCode };
      const listed: readonly ErrorCode[] = [...OPERATIONS[route]!.errors, 'INVALID_REQUEST', 'DRAINING'];
      assert.ok(listed.includes(code), `${route} answered ${code}`);
      assert.equal(status, ERRORS[code].status);
    }
  });
});
