// Makes of a table of routes what a driver serves, with what all of them share: the Reply made first, framing checked,
// draining refused, web pages of other origins refused, HEAD for every GET, 405 for another method, JSON 404 elsewhere.
// Main thread.
//
// Pipelining: a request that arrives while the one before it on the same connection still waits for its answer makes
// the addon close the connection, and the first answer is lost. Predictions are answered later, so clients must not
// pipeline them; several connections or a WebSocket give the same concurrency.
import { lastgoodError } from '../base/errors.ts';
import type { DriverRoute, HttpRequest } from './driver.ts';
import { permission, refuseFormType } from './origins.ts';
import { Reply } from './reply.ts';
import { LENGTH_UNKNOWN, type RequestHead, readHead } from './request-head.ts';
import type { FrontState } from './state.ts';

/** How much of a client's URL is repeated in an error. */
const ECHO_CHARACTERS_MAX = 200;

export interface Route {
  readonly method: 'GET' | 'POST';
  /** See DriverRoute: `/models/:model/predict`. */
  readonly pattern: string;
  /** Answered also while the engine drains. */
  readonly whileDraining?: boolean;
  /** Only under a name of this server that nobody else can point here; see origins.ts. */
  readonly isAdmin?: boolean;
  /** `request` and `head` are valid only until this returns; what it throws is answered. */
  handle(reply: Reply, request: HttpRequest, head: RequestHead): void;
}

/** All routes, 405 for their other methods, and 404 for everything else. */
export function driverRoutes(state: FrontState, routes: readonly Route[]): DriverRoute[] {
  const allowed = new Map<string, string[]>();
  const served = routes.flatMap((route) => {
    const { method, pattern } = route;
    const methods = method === 'GET' ? ['GET', 'HEAD'] as const : [method];
    allowed.set(pattern, [...allowed.get(pattern) ?? [], ...methods]);
    return methods.map((one): DriverRoute => ({ method: one, pattern, handle: handler(state, route, one === 'HEAD') }));
  });
  const elsewhere = (pattern: string, handle: Route['handle']): DriverRoute =>
    ({ method: '*', pattern, handle: handler(state, { handle, whileDraining: true }) });
  return [
    ...served,
    ...Array.from(allowed, ([pattern, methods]) => elsewhere(pattern, refuseMethod(methods.join(', ')))),
    elsewhere('/*', refusePath),
  ];
}

/** The text of a path parameter. Throws INVALID_REQUEST when its percent-encoding is broken. */
export function pathParameter(request: HttpRequest, index: number): string {
  const raw = request.getParameter(index);
  if (!raw.includes('%')) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    const reason = `path segment "${raw.slice(0, ECHO_CHARACTERS_MAX)}" is not valid percent-encoded UTF-8`;
    throw lastgoodError('INVALID_REQUEST', { reason });
  }
}

// `isHead` undefined: the request says.
function handler(
  state: FrontState, { handle, whileDraining = false, isAdmin = false }: Omit<Route, 'method' | 'pattern'>,
  isHead?: boolean,
): DriverRoute['handle'] {
  const { limits: { headerBytesMax }, sources: { header }, origins } = state;
  return (response, request) => {
    const reply = new Reply(response, state, isHead ?? request.getMethod() === 'head');
    let isFramed = false;
    try {
      // Of every request, also one that is refused: what follows on the connection depends on it.
      const head = readHead(request, headerBytesMax, header);
      isFramed = true;
      reply.acceptEncoding = head.acceptEncoding;
      reply.requestId = head.requestId;
      reply.sourceValue = head.source;
      reply.closes = head.contentLength === LENGTH_UNKNOWN;
      if (head.origin !== '' || head.fetchSite !== '') {
        reply.origin = origins.admit(head);
        if (head.origin !== '') refuseFormType(head.contentType);
      }
      if (isAdmin) origins.assertHost(head.host);
      if (state.draining && !whileDraining) throw lastgoodError('DRAINING');
      handle(reply, request, head);
    } catch (error) {
      reply.fail(error, { close: !isFramed });
    }
  };
}

function refuseMethod(allowed: string): Route['handle'] {
  return (reply, request, head) => {
    const { method, path } = named(request);
    if (method === 'OPTIONS' && head.origin !== '') {
      reply.permit(permission(allowed));
      return;
    }
    reply.fail(lastgoodError('METHOD_NOT_ALLOWED', { method, path, allowed }), { header: ['Allow', allowed] });
  };
}

function refusePath(_: Reply, request: HttpRequest): void {
  throw lastgoodError('ROUTE_NOT_FOUND', named(request));
}

function named(request: HttpRequest): { method: string; path: string } {
  return {
    method: request.getMethod().slice(0, ECHO_CHARACTERS_MAX).toUpperCase(),
    path: request.getUrl().slice(0, ECHO_CHARACTERS_MAX),
  };
}
