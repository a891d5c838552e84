// Puts a table of routes on the addon's router, with what all of them share: the Reply made first, framing checked,
// draining refused, HEAD for every GET, 405 for another method, JSON 404 elsewhere. Main thread.
//
// Pipelining: a request that arrives while the one before it on the same connection still waits for its answer makes
// the addon close the connection, and the first answer is lost. Predictions are answered later, so clients must not
// pipeline them; several connections or a WebSocket give the same concurrency.
// `Expect: 100-continue` is answered by the addon before a handler runs; nothing to do here.
import { lastgoodError } from '../base/errors.ts';
import { Reply } from './reply.ts';
import { type RequestHead, readHead } from './request-head.ts';
import type { FrontState } from './state.ts';
import type { App, HttpRequest, HttpResponse } from './uws/uws-types.ts';

/** How much of a client's URL is repeated in an error. */
const ECHO_CHARACTERS_MAX = 200;

export interface Route {
  readonly method: 'GET' | 'POST';
  /** As uWebSockets.js writes it: `/models/:model/predict`. */
  readonly pattern: string;
  /** Answered also while the engine drains. */
  readonly whileDraining?: boolean;
  /** `request` and `head` are valid only until this returns; what it throws is answered. */
  handle(reply: Reply, request: HttpRequest, head: RequestHead): void;
}

/** Registers all routes, 405 for their other methods, and 404 for everything else; call it once per app, last. */
export function registerRoutes(app: App, state: FrontState, routes: readonly Route[]): void {
  const methodsOf = new Map<string, string[]>();
  for (const route of routes) {
    const methods = methodsOf.get(route.pattern) ?? [];
    methodsOf.set(route.pattern, methods);
    if (route.method === 'GET') {
      app.get(route.pattern, (response, request) => run(route, new Reply(response, state), request, state));
      app.head(route.pattern, (response, request) => run(route, new Reply(response, state, true), request, state));
      methods.push('GET', 'HEAD');
    } else {
      app.post(route.pattern, (response, request) => run(route, new Reply(response, state), request, state));
      methods.push('POST');
    }
  }
  for (const [pattern, methods] of methodsOf) {
    const allowed = methods.join(', ');
    app.any(pattern, (response, request) => refuseMethod(response, request, state, allowed));
  }
  app.any('/*', (response, request) => refusePath(response, request, state));
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

function run(route: Route, reply: Reply, request: HttpRequest, state: FrontState): void {
  const head = framedHead(reply, request, state);
  if (head === undefined) return;
  try {
    if (state.draining && route.whileDraining !== true) throw lastgoodError('DRAINING');
    route.handle(reply, request, head);
  } catch (error) {
    reply.fail(error);
  }
}

// Checked for every request, also one that is refused: what follows on the connection depends on it.
function framedHead(reply: Reply, request: HttpRequest, { limits }: FrontState): RequestHead | undefined {
  try {
    const head = readHead(request, limits.headerBytesMax);
    reply.mayCompress(head.acceptEncoding);
    reply.requestId = head.requestId;
    return head;
  } catch (error) {
    reply.fail(error, { close: true });
    return undefined;
  }
}

function refuseMethod(response: HttpResponse, request: HttpRequest, state: FrontState, allowed: string): void {
  const reply = new Reply(response, state, request.getMethod() === 'head');
  if (framedHead(reply, request, state) === undefined) return;
  const { method, path } = named(request);
  reply.fail(lastgoodError('METHOD_NOT_ALLOWED', { method, path, allowed }), { header: ['Allow', allowed] });
}

function refusePath(response: HttpResponse, request: HttpRequest, state: FrontState): void {
  const reply = new Reply(response, state, request.getMethod() === 'head');
  if (framedHead(reply, request, state) === undefined) return;
  reply.fail(lastgoodError('ROUTE_NOT_FOUND', named(request)));
}

function named(request: HttpRequest): { method: string; path: string } {
  return {
    method: request.getMethod().slice(0, ECHO_CHARACTERS_MAX).toUpperCase(),
    path: request.getUrl().slice(0, ECHO_CHARACTERS_MAX),
  };
}
