// The plain JSON API: predict, health, rollback. Main thread; a request body is passed on as bytes, never parsed here
// (but for the optional one of a rollback, which only an administrator can send).
import { monotonicUs } from '../base/clock.ts';
import { lastgoodError } from '../base/errors.ts';
import { collectBody } from '../http/body.ts';
import type { HttpRequest } from '../http/driver.ts';
import type { Reply } from '../http/reply.ts';
import type { RequestHead } from '../http/request-head.ts';
import { pathParameter, type Route } from '../http/routes.ts';
import type { FrontState } from '../http/state.ts';
import { EntryKind } from '../protocols/protocol.ts';
import { adminCheck } from './admin-check.ts';
import { checkedBody, objectIn, rollbackBody } from './control-bodies.ts';
import type { FrontOptions, ServingApi } from './serving-api.ts';

/** Limit of a rollback's optional body. */
const ROLLBACK_BODY_BYTES_MAX = 16 * 1024;

const JSON_TYPE = 'application/json';
// curl sends the form type when nobody says otherwise, so it is taken for JSON as well.
const JSON_TYPES = new Set(['', JSON_TYPE, 'application/x-www-form-urlencoded']);

/** The routes of the plain API, for `driverRoutes`. */
export function seedRoutes(api: ServingApi, options: FrontOptions, state: FrontState): Route[] {
  const predict = (isNamed: boolean): Route['handle'] => (reply, request, head) => {
    if (head.contentType !== JSON_TYPE) requireJsonType(head.contentType);
    // Before the body is read, so that an unknown model costs the client no upload.
    const { batcher: queue } = api.models.served(isNamed ? pathParameter(request, 0) : undefined);
    queue.assertRoom(EntryKind.predictJson);
    const submit = (body: Uint8Array): void => {
      reply.ticket = queue.submit(EntryKind.predictJson, body, reply, monotonicUs());
    };
    collectBody(reply, head, state, options.bodyBytesMax, submit);
  };
  const health = (model: string | undefined, reply: Reply): void => {
    reply.json(200, api.healthOf(model));
  };
  const authorize = adminCheck(options.adminToken);
  const rollback = (model: string | undefined, reply: Reply, request: HttpRequest, head: RequestHead): void => {
    if (!authorize(reply, request)) return;
    requireJsonType(head.contentType);
    const limitBytes = Math.min(ROLLBACK_BODY_BYTES_MAX, options.bodyBytesMax);
    collectBody(reply, head, state, limitBytes, (body) => {
      api.rollbackFromFront(model, checkedBody(rollbackBody, objectIn(body))).then(
        (result) => reply.json(200, result),
        (error: unknown) => reply.fail(error),
      );
    });
  };
  const model = (request: HttpRequest): string => pathParameter(request, 0);
  const routes: Route[] = [
    { method: 'POST', pattern: '/predict', handle: predict(false) },
    { method: 'POST', pattern: '/models/:model/predict', handle: predict(true) },
    { method: 'GET', pattern: '/health', whileDraining: true, handle: (reply) => health(undefined, reply) },
    {
      method: 'GET',
      pattern: '/models/:model/health',
      whileDraining: true,
      handle: (reply, request) => health(model(request), reply),
    },
    {
      method: 'POST',
      pattern: '/rollback',
      isAdmin: true,
      handle: (reply, request, head) => rollback(undefined, reply, request, head),
    },
    {
      method: 'POST',
      pattern: '/models/:model/rollback',
      isAdmin: true,
      handle: (reply, request, head) => rollback(model(request), reply, request, head),
    },
  ];
  return routes;
}

/** GET /, which names every route; call it with all of them. */
export function indexRoute(routes: readonly Route[]): Route {
  const index = {
    name: 'lastgood',
    routes: [...routes.map(({ method, pattern }) => `${method} ${pattern.replace(/:(\w+)/g, '{$1}')}`), 'GET /ws'],
  };
  return { method: 'GET', pattern: '/', whileDraining: true, handle: (reply) => reply.json(200, index) };
}

function requireJsonType(type: string): void {
  const parameters = type.indexOf(';');
  const essence = (parameters < 0 ? type : type.slice(0, parameters)).trim().toLowerCase();
  if (JSON_TYPES.has(essence)) return;
  const got = `Content-Type "${type.slice(0, 100)}"`;
  throw lastgoodError('UNSUPPORTED_MEDIA_TYPE', { got, wanted: JSON_TYPE });
}
