// Starts and stops the public front end: one uWebSockets.js app on the main thread, on a port that nobody else holds.
// Stopping has two steps, so that running requests get their answers in between: stopIntake, then close.
import { lastgoodError } from '../errors.ts';
import { freePort } from './free-port.ts';
import { metricsRoute } from './metrics-route.ts';
import { oipRoutes } from './oip.ts';
import { announceHeaderLimit, connectionsAllowed, limitConnections, openFilesMax } from './limits.ts';
import type { ClientsHold, Front, FrontOptions, FrontPort } from './port.ts';
import { openApiRoutes } from './openapi-routes.ts';
import { registerRoutes, type Route } from './routes.ts';
import { indexRoute, seedRoutes } from './seed-api.ts';
import { createFrontState, type FrontState } from './state.ts';
import { tfsRoutes } from './tfs.ts';
import { loadUws } from './uws.ts';
import type { App, ListenSocket, Uws } from './uws-types.ts';
import { registerWebSocket, type WebSockets } from './websocket.ts';

/**
 * Listens and serves. Port 0 takes any free one; `port` of the result tells which. Rejects with FRONT_UNAVAILABLE when
 * the addon does not load here, LISTEN_FAILED when the address cannot be had.
 */
export async function startFront(port: FrontPort, options: FrontOptions): Promise<Front> {
  announceHeaderLimit(options.limits.headerBytesMax);
  const uws = loadUws();
  const connectionsMax = connectionsAllowed(options.limits.connectionsMax, openFilesMax());
  const state = createFrontState(options.limits);
  const app = uws.App();
  limitConnections(app, state, connectionsMax);
  const webSockets = registerWebSocket(app, port, state, {
    frameBytesMax: Math.min(options.limits.frameBytesMax, options.bodyBytesMax),
    uncompressed: uws.DISABLED,
  });
  registerRoutes(app, state, frontRoutes(port, options, state));
  const { host } = options;
  const listening = await listen(uws, app, host, options.port === 0 ? await freePort(host) : options.port);
  return new UwsFront(uws, app, listening, state, webSockets, options.host);
}

/** All routes but the WebSocket's. */
export function frontRoutes(port: FrontPort, options: FrontOptions, state: FrontState): Route[] {
  const routes = [
    ...seedRoutes(port, options, state), ...oipRoutes(port, options, state), ...tfsRoutes(port, options, state),
    metricsRoute(port), ...openApiRoutes(),
  ];
  return [...routes, indexRoute(routes)];
}

function listen(uws: Uws, app: App, host: string, port: number): Promise<ListenSocket> {
  return new Promise((resolve, reject) => {
    // Without the exclusive flag a second engine on the port would succeed and get a share of the connections.
    app.listen(host, port, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => {
      if (socket !== false) {
        resolve(socket);
        return;
      }
      app.close();
      const reason = 'the port is taken or not permitted, or the host is no address of this machine';
      reject(lastgoodError('LISTEN_FAILED', { host, port, reason }));
    });
  });
}

class UwsFront implements Front {
  readonly host: string;
  readonly port: number;
  readonly #uws: Uws;
  readonly #app: App;
  readonly #state: FrontState;
  readonly #webSockets: WebSockets;
  #listening: ListenSocket | undefined;
  #closed = false;

  constructor(
    uws: Uws,
    app: App,
    listening: ListenSocket,
    state: FrontState,
    webSockets: WebSockets,
    host: string,
  ) {
    this.#uws = uws;
    this.#app = app;
    this.#listening = listening;
    this.#state = state;
    this.#webSockets = webSockets;
    this.host = host;
    this.port = uws.us_socket_local_port(listening);
  }

  get inFlight(): number {
    return this.#state.inFlight;
  }
  get held(): ClientsHold {
    const { connections, refusedConnections, sockets, receivingBytes, unread } = this.#state;
    return { connections, refusedConnections, sockets, receivingBytes, unreadBytes: unread.totalBytes };
  }

  get refusals(): ReadonlyMap<string, number> {
    return this.#state.refusals;
  }

  stopIntake(): void {
    this.#state.draining = true;
    if (this.#listening === undefined) return;
    this.#uws.us_listen_socket_close(this.#listening);
    // The pointer is freed; a second close of it would be a use after free.
    this.#listening = undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.stopIntake();
    this.#webSockets.endAll();
    this.#app.close();
  }
}
