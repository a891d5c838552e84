// Malformed requests of every kind at every route, by a fixed seed. The routes are those that the engine itself names,
// so a new one cannot be forgotten. Always a well-formed JSON error with a status that fits, the engine alive, and no
// memory that grows.
import assert from 'node:assert/strict';
import { Agent, request as httpRequest } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { ERRORS } from '../../src/base/error-table.ts';
import { healthAnswerOf } from '../../src/engine/models/model-views.ts';
import { mutate, noise } from '../fuzz/mutate.ts';
import { http } from '../support/http.ts';
import { Random } from '../protocols/random.ts';
import { Stage } from './stage.ts';

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];
const WRONG_MODELS: readonly (readonly [model: string, status: number])[] = [
  ['nobody', 404], ['%ff', 400], ['%', 400], ['..%2f..', 404], ['a'.repeat(5_000), 404], ['%00', 404],
  ['constructor', 404], ['__proto__', 404],
];
const SEED = 20;
const ROUNDS = 3;
const MUTATED = 12;
const TOKEN = 'a-token-of-the-test';
const BODY_BYTES_MAX = 200_000;
const PACKINGS = ['gzip', 'deflate', 'identity', 'GZIP, br', 'deflate;q=0', '*', 'x'.repeat(900)];
const MIB = 1024 * 1024;
/** What a heap may gain while the same requests are sent again; each round is several megabytes of requests. */
const GROWTH_BYTES_MAX = 8 * MIB;

interface Route {
  readonly method: string;
  readonly pattern: string;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array;
}

interface Got {
  readonly status: number;
  readonly text: string;
}

const GOOD = [
  '{"features":[1,2,3]}', '{"instances":[[1,2,3],[4,5,6]]}',
  '{"id":"7","inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","data":[1,2,3]}],"outputs":[{"name":"y"}]}',
  '{"signature_name":"serving_default","instances":[{"x":[1,2,3]}]}', '{"ready":true}',
  '{"parameters":{"file:2/model.onnx":"AAAA"}}', '{"reason":"test"}',
].map((text) => Buffer.from(text));

/** No route takes these for anything. */
const BAD_BODIES: Readonly<Record<string, Uint8Array>> = {
  'half an object': Buffer.from('{"features":[1,2'),
  'a closing bracket too many': Buffer.from('{"features":[1,2,3]}]'),
  'no JSON': Buffer.from('features=1'),
  'null': Buffer.from('null'),
  'an array': Buffer.from('[1,2,3]'),
  'a text': Buffer.from('"features"'),
  'bytes that are no UTF-8': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  'a zero byte': Buffer.from('{"features":[1,2,3]}\u0000'),
  'a hundred thousand brackets': Buffer.from('['.repeat(100_000)),
  'objects within objects': Buffer.from(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
  'white space only': Buffer.from(' \n\t '),
};

/** Wrong for every route that infers; others may pass over what they do not know. */
const BAD_TENSORS: readonly string[] = [
  '{}', '{"features":null}', '{"features":[1,2]}', '{"features":[1,2,"3"]}', '{"features":[1,2,1e999]}',
  `{"features":[1,2,${'9'.repeat(150_000)}]}`, '{"features":{"x":[1,2,3],"z":1}}', '{"instances":[]}',
  '{"instances":[[1,2,3],[1,2]]}', '{"inputs":[]}', '{"inputs":{"x":[[1,2]]}}',
  ...['[65536,65536]', '[-1,3]', '[1e308,1e308]', '[9007199254740993,3]', '[1.5,2]', '["1",3]', '[[1,3]]', 'null',
    `[${new Array<number>(20_000).fill(1).join(',')}]`, '[2147483648,2147483648,4]', '[1,4]', '[3]']
    .map((shape) => `{"inputs":[{"name":"x","shape":${shape},"datatype":"FP32","data":[1,2,3]}]}`),
  ...['"FP64"', '"BF16"', '7', 'null'].map((type) =>
    `{"inputs":[{"name":"x","shape":[1,3],"datatype":${type},"data":[1,2,3]}]}`),
  ...['{"binary_data_size":12}', '{"binary_data_size":-1}', '{"binary_data_size":1e300}',
    '{"shared_memory_region":"a"}', '{"triton_x":1}', '[]'].map((parameters) =>
    `{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","parameters":${parameters}}]}`),
];

describe('Malformed requests at every route', () => {
  let stage: Stage;
  let routes: Route[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });

  before(async () => {
    stage = await Stage.open({ bodyBytesMax: BODY_BYTES_MAX, adminToken: TOKEN });
    const { json } = await http(stage.port, '/');
    routes = (json['routes'] as string[]).map((text) => {
      const [method = '', pattern = ''] = text.split(' ');
      return { method, pattern };
    });
  });
  after(async () => {
    agent.destroy();
    await stage.close();
  });

  // TensorFlow Serving writes the verb into the last segment of the path.
  const verbOf = ({ method, pattern }: Route): string =>
    method === 'POST' && pattern.startsWith('/v1/') ? ':predict' : '';
  const pathOf = (route: Route, model = 'm'): string =>
    route.pattern.replace('{model}', model).replace('{label}', 'active').replaceAll(/\{\w+\}/g, '1') + verbOf(route);
  const infers = (route: Route): boolean => /infer|predict/.test(route.pattern + verbOf(route));

  const ask = ({ method, path, headers = {}, body }: Sent): Promise<Got> => new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const all = { ...length, ...headers };
    const sent = httpRequest({ host: '127.0.0.1', port: stage.port, path, method, agent, headers: all });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      // The page's news have no end.
      if (response.headers['content-type'] === 'text/event-stream') {
        resolve({ status: response.statusCode ?? 0, text: '' });
        response.destroy();
        return;
      }
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }));
    });
    sent.end(body);
  });

  /** An error is the client's and says so in JSON; with `statuses`, it is one of these. */
  const refused = (what: string, { status, text }: Got, statuses?: readonly number[]): void => {
    const place = `${what}: ${status} ${text.slice(0, 200)}`;
    if (statuses !== undefined) assert.ok(statuses.includes(status), place);
    assert.ok(status < 500 || status === 503, place);
    if (status < 400) return;
    const body = JSON.parse(text) as Readonly<Record<string, unknown>>;
    assert.deepEqual(Object.keys(body).filter((key) => key !== 'id'), ['error', 'code'], place);
    assert.ok(typeof body['error'] === 'string' && body['error'].length > 0, place);
    assert.equal(ERRORS[body['code'] as keyof typeof ERRORS].status, status, place);
    if (status === 503) assert.equal(body['code'], 'NO_ACTIVE_VERSION', place);
  };

  test('are found at all the routes there are', () => {
    assert.ok(routes.length > 20 && routes.some(infers), String(routes.length));
    const patterns = routes.map(({ pattern }) => pattern);
    for (const known of ['/predict', '/v2/models/{model}/infer', '/rollback', '/ws', '/metrics']) {
      assert.ok(patterns.includes(known), known);
    }
  });

  test('of another method are answered 405, or 426 where only a WebSocket is', async () => {
    for (const route of routes) {
      const methods = routes.filter(({ pattern }) => pattern === route.pattern).map(({ method }) => method);
      for (const method of METHODS.filter((one) => !methods.includes(one))) {
        const what = `${method} ${route.pattern}`;
        refused(what, await ask({ method, path: pathOf(route) }), route.pattern === '/ws' ? [426] : [405]);
      }
    }
  });

  test('for an unknown model, or one whose name is broken, are answered 404 or 400', async () => {
    for (const route of routes.filter(({ pattern }) => pattern.includes('{model}'))) {
      const headers = { authorization: `Bearer ${TOKEN}` };
      const body = route.method === 'POST' ? Buffer.from('{}') : undefined;
      for (const [model, status] of WRONG_MODELS) {
        const sent = { method: route.method, path: pathOf(route, model), headers, ...(body && { body }) };
        refused(`${route.method} ${route.pattern} of ${model.slice(0, 20)}`, await ask(sent), [status, 400]);
      }
    }
  });

  test('without the admin token change nothing, with a wrong one neither', async () => {
    for (const route of routes.filter(({ pattern }) => /rollback|\/load|\/unload/.test(pattern))) {
      for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
        const sent = { method: 'POST', path: pathOf(route), headers: { authorization }, body: Buffer.from('{}') };
        refused(route.pattern, await ask(sent), [401]);
      }
    }
  });

  test('with bodies that are no JSON get 400, too large ones 413, wrongly packed ones 400 or 415', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * BODY_BYTES_MAX));
    // The page's actions are refused before a body is looked at: here it only reads, and it takes no type but JSON's.
    const takers = routes.filter(({ method, pattern }) => method === 'POST' && pattern !== '/ui/actions');
    for (const route of takers) {
      const authorization = `Bearer ${TOKEN}`;
      const send = (body: Uint8Array, headers: Record<string, string> = {}): Promise<Got> =>
        ask({ method: 'POST', path: pathOf(route), body, headers: { authorization, ...headers } });
      for (const [name, body] of Object.entries(BAD_BODIES)) {
        refused(`${route.pattern}, ${name}`, await send(body), [400, 413]);
      }
      const large = Buffer.alloc(BODY_BYTES_MAX + 1, 0x20);
      refused(`${route.pattern}, too large`, await send(large), [413]);
      refused(`${route.pattern}, packed strangely`, await send(GOOD[0]!, { 'content-encoding': 'br' }), [415]);
      refused(`${route.pattern}, not packed`, await send(GOOD[0]!, { 'content-encoding': 'gzip' }), [400]);
      const half = gzipSync(GOOD[0]!).subarray(0, 20);
      refused(`${route.pattern}, packed in half`, await send(half, { 'content-encoding': 'gzip' }), [400]);
      refused(`${route.pattern}, a bomb`, await send(bomb, { 'content-encoding': 'gzip' }), [413]);
    }
  });

  test('with tensors that are none are answered 400 by every route that infers', async () => {
    for (const route of routes.filter((one) => one.method === 'POST' && infers(one))) {
      for (const text of BAD_TENSORS) {
        const what = `${route.pattern}, ${text.slice(0, 100)}`;
        refused(what, await ask({ method: 'POST', path: pathOf(route), body: Buffer.from(text) }), [400]);
      }
      if (!route.pattern.endsWith('/infer')) continue;
      for (const length of ['-1', 'x', '1e2', '999', '99999999999999999999', '3', '0', '0x10']) {
        const headers = { 'inference-header-content-length': length };
        refused(`${route.pattern}, JSON of ${length} bytes`,
          await ask({ method: 'POST', path: pathOf(route), body: GOOD[2]!, headers }), [400]);
      }
    }
  });

  /** Broken bodies, queries and headers by a seed; what they mean nobody knows, but an answer they get. */
  const round = async (random: Random): Promise<number> => {
    let count = 0;
    for (const route of routes) {
      // Without the token: nothing that is right by chance may change the engine under test.
      const attempts = Array.from({ length: MUTATED }, async () => {
        const body = random.below(6) === 0 ? noise(random) : mutate(random.pick(GOOD), random.pick(GOOD), random);
        const query = random.below(4) === 0 ? `?${random.digits(5)}=%${random.digits(2)}&&=` : '';
        const headers: Record<string, string> = {
          'content-type': random.pick(['application/json', 'application/json; charset=utf-8', '']),
          ...(random.below(4) === 0 && { 'inference-header-content-length': String(random.below(200)) }),
          ...(random.below(6) === 0 && { 'content-encoding': random.pick(PACKINGS) }),
          ...(random.below(6) === 0 && { 'accept-encoding': random.pick(PACKINGS) }),
        };
        const sent = { method: route.method, path: pathOf(route) + query, headers };
        refused(`${route.method} ${route.pattern}`, await ask(route.method === 'POST' ? { ...sent, body } : sent));
        count += 1;
      });
      await Promise.all(attempts);
    }
    return count;
  };

  test('by a seed are all answered, and the same again takes no more memory', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heldBytes = (): number => {
      collect();
      const { heapUsed, external } = process.memoryUsage();
      return heapUsed + external;
    };
    let count = 0;
    const half = async (): Promise<number> => {
      for (let index = 0; index < ROUNDS; index += 1) count += await round(new Random(SEED + index));
      return heldBytes();
    };
    await round(new Random(SEED));
    const first = await half();
    const second = await half();
    // What is collected late shows once; what is kept shows every time.
    const third = second - first < GROWTH_BYTES_MAX ? second : await half();
    assert.ok(count >= 2 * ROUNDS * MUTATED * routes.length);
    const grown = Math.min(second - first, third - second);
    assert.ok(grown < GROWTH_BYTES_MAX, `it holds ${grown} bytes more after each half`);
    await stage.bystandersAnswered();
    const status = await ask({ method: 'POST', path: '/predict', body: GOOD[0]! });
    assert.match(status.text, /321\.5/);
    const { models, context } = stage.engine;
    for (const served of models.all.values()) assert.deepEqual(healthAnswerOf(served, context).violations, []);
  });
});
