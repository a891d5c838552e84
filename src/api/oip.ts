// The Open Inference Protocol's REST routes: health, metadata, inference, statistics and the model repository. Main
// thread; the body of an inference request is passed on as bytes, never parsed here.
import { monotonicUs } from '../base/clock.ts';
import { lastgoodError } from '../base/errors.ts';
import { expectOf } from '../domain/known-answers.ts';
import type { StackingWish } from '../domain/records.ts';
import type { SessionOptions } from '../options/session-options.ts';
import { collectBody } from '../http/body.ts';
import type { HttpRequest } from '../http/driver.ts';
import type { Reply } from '../http/reply.ts';
import type { RequestHead } from '../http/request-head.ts';
import { pathParameter, type Route } from '../http/routes.ts';
import type { FrontState } from '../http/state.ts';
import { EntryKind } from '../protocols/protocol.ts';
import { timeoutIn } from '../protocols/oip/parameters.ts';
import { adminCheck } from './admin-check.ts';
import { checkedBody, indexBody, loadBody, objectIn, unloadBody } from './control-bodies.ts';
import type { FrontOptions, LoadRequest, ServingApi } from './serving-api.ts';

const HEADER_LENGTH = /^\d{1,10}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const INDEX_BODY_BYTES_MAX = 1024 * 1024;

type JsonObject = Readonly<Record<string, unknown>>;
type ModelHandler = (
  reply: Reply, model: string, version: string | undefined, request: HttpRequest, head: RequestHead,
) => void;

/** The routes of the protocol, for `driverRoutes`. */
export function oipRoutes(api: ServingApi, options: FrontOptions, state: FrontState): Route[] {
  const { oip } = api;
  return [
    get('/v2', (reply) => reply.json(200, oip.server())),
    get('/v2/', (reply) => reply.json(200, oip.server())),
    alive('/v2/health/live', (reply) => reply.json(200, { live: true })),
    alive('/v2/health/ready', (reply) => {
      const ready = oip.isReady() && !state.draining;
      reply.json(ready ? 200 : 503, { ready, live: true });
    }),
    get('/v2/models/stats', (reply) => later(reply, oip.statistics(undefined, undefined))),
    ...ofModel('GET', '', (reply, model, version) => reply.json(200, oip.metadata(model, version))),
    ...ofModel('GET', '/config', (reply, model, version) => reply.json(200, oip.config(model, version))),
    ...ofModel('GET', '/stats', (reply, model, version) => later(reply, oip.statistics(model, version))),
    ...ofModel('GET', '/ready', (reply, model, version) => {
      oip.assertReady(model, version);
      reply.json(200, { name: model, ready: true });
    }),
    ...ofModel('POST', '/infer', inferHandler(api, options, state)),
    ...repositoryRoutes(api, options, state),
  ];
}

const get = (pattern: string, handle: Route['handle']): Route => ({ method: 'GET', pattern, handle });
const alive = (pattern: string, handle: Route['handle']): Route => ({ ...get(pattern, handle), whileDraining: true });

function later(reply: Reply, answer: Promise<object>): void {
  answer.then((value) => reply.json(200, value), (error: unknown) => reply.fail(error));
}

// The same route with and without a version.
function ofModel(method: 'GET' | 'POST', suffix: string, handle: ModelHandler): Route[] {
  return [
    {
      method, pattern: `/v2/models/:model${suffix}`,
      handle: (reply, request, head) => handle(reply, pathParameter(request, 0), undefined, request, head),
    },
    {
      method, pattern: `/v2/models/:model/versions/:version${suffix}`,
      handle: (reply, request, head) =>
        handle(reply, pathParameter(request, 0), pathParameter(request, 1), request, head),
    },
  ];
}

function inferHandler(api: ServingApi, options: FrontOptions, state: FrontState): ModelHandler {
  return (reply, model, version, request, head) => {
    // Before the body is read, so that an unknown model costs the client no upload.
    const queue = api.models.served(model).queueOf(version);
    queue.assertRoom(EntryKind.oip);
    const headerText = request.getHeader('inference-header-content-length');
    collectBody(reply, head, state, options.bodyBytesMax, (body) => {
      const headerBytes = headerLength(headerText, body.length);
      const timeoutUs = timeoutIn(body, headerBytes);
      reply.ticket = queue.submit(EntryKind.oip, body, reply, monotonicUs(), headerBytes, timeoutUs);
    });
  };
}

// How many bytes of the body are JSON; 0 for none of them.
function headerLength(text: string, bodyBytes: number): number {
  if (text === '') {
    if (bodyBytes === 0) throw lastgoodError('INVALID_JSON', { reason: 'it is empty' });
    return bodyBytes;
  }
  const length = HEADER_LENGTH.test(text) ? Number(text) : NaN;
  if (length <= bodyBytes) return length;
  const got = `Inference-Header-Content-Length is "${text.slice(0, 40)}"`;
  const reason = `${got}; wanted 0 to ${bodyBytes}, the length of the body`;
  throw lastgoodError('INVALID_REQUEST', { reason });
}

function repositoryRoutes(api: ServingApi, options: FrontOptions, state: FrontState): Route[] {
  const { oip } = api;
  const authorize = oip.needsToken ? adminCheck(options.adminToken) : () => true;
  const withBody = (
    reply: Reply, head: RequestHead, limitBytes: number,
    act: (body: JsonObject) => Promise<unknown> | null,
  ): void => {
    collectBody(reply, head, state, limitBytes, (bytes) => {
      act(objectIn(bytes))?.then(() => reply.json(200, {}), (error: unknown) => reply.fail(error));
    });
  };
  const index: Route['handle'] = (reply, _, head) => {
    withBody(reply, head, Math.min(INDEX_BODY_BYTES_MAX, options.bodyBytesMax), (body) => {
      const { ready } = checkedBody(indexBody, body);
      reply.json(200, oip.index().filter(({ state: is }) => ready !== true || is === 'READY'));
      return null;
    });
  };
  const change = (act: (model: string, body: JsonObject) => Promise<void>): Route['handle'] =>
    (reply, request, head) => {
      if (!authorize(reply, request)) return;
      const model = pathParameter(request, 0);
      withBody(reply, head, options.bodyBytesMax, (body) => act(model, body));
    };
  return [
    { method: 'POST', pattern: '/v2/repository/index', handle: index },
    // There is one repository, whatever a client calls it.
    { method: 'POST', pattern: '/v2/repository/:repository/index', handle: index },
    {
      method: 'POST', pattern: '/v2/repository/models/:model/load', isAdmin: true,
      handle: change((model, body) => oip.load(model, loadRequest(checkedBody(loadBody, body).parameters ?? {}))),
    },
    {
      method: 'POST', pattern: '/v2/repository/models/:model/unload', isAdmin: true,
      handle: change((model, body) => oip.unload(model, checkedBody(unloadBody, body).parameters?.force === true)),
    },
  ];
}

/** Parameters of a load that a version has from its registration on. */
const OF_NEW_VERSIONS = ['stacking', 'session', 'elements_max', 'dimension_max'] as const;

function ofNewVersion(
  { stacking, session, elements_max: elementsMax, dimension_max: dimensionMax }: Parameters<typeof loadRequest>[0],
): Omit<LoadRequest, 'version' | 'files' | 'expect'> {
  return {
    ...(stacking === undefined ? {} : { stacking }), ...(session === undefined ? {} : { session }),
    ...(elementsMax === undefined ? {} : { elementsMax }), ...(dimensionMax === undefined ? {} : { dimensionMax }),
  };
}

// Triton's names: "config" is a JSON text that we do not need, "file:<version>/<name>" the bytes
// of each file of a version in base64.
function loadRequest(
  parameters: JsonObject & {
    readonly version?: string | undefined; readonly stacking?: StackingWish | undefined;
    readonly expect?: string | undefined; readonly session?: SessionOptions | undefined;
    readonly elements_max?: number | undefined; readonly dimension_max?: number | undefined;
  },
): LoadRequest {
  const { version, expect } = parameters;
  const declared = expect === undefined ? null : expectOf(expect);
  const expected = declared === null ? {} : { expect: declared.expect };
  const files = Object.entries(parameters).filter(([key]) => key.startsWith('file:'));
  const refusal = (reason: string): Error => lastgoodError('INVALID_REQUEST', { reason });
  if (files.length === 0) {
    const odd = OF_NEW_VERSIONS.find((name) => parameters[name] !== undefined);
    if (odd !== undefined) throw refusal(`"${odd}" is said of a new version when it comes; wanted its files beside it`);
    return version === undefined ? {} : { version, ...expected };
  }
  const byName = new Map<string, Uint8Array>();
  let named = '';
  for (const [key, content] of files) {
    const shown = key.slice(0, 100);
    const [, ofVersion, name] = /^file:([^/]+)\/(.+)$/.exec(key) ?? [];
    if (ofVersion === undefined || name === undefined) {
      throw refusal(`"${shown}" names no version; wanted "file:1/model.onnx"`);
    }
    if (named !== '' && ofVersion !== named) throw refusal(`"${shown}" is not of version "${named}"; wanted one`);
    if (typeof content !== 'string' || !BASE64.test(content)) throw refusal(`"${shown}" is no base64, or empty`);
    byName.set(name, Buffer.from(content, 'base64'));
    named = ofVersion;
  }
  return { version: named, files: byName, ...expected, ...ofNewVersion(parameters) };
}
