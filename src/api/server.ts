// Starts and stops the public front end: one uWebSockets.js app on the main thread, on a port that nobody else holds,
// and with TLS another one for each certificate that is served in its place. Stopping has two steps, so that running
// requests get their answers in between: stopIntake, then close.
import type { TlsView } from '../metrics/views.ts';
import { freePort } from './free-port.ts';
import { metricsRoute } from './metrics-route.ts';
import { oipRoutes } from './oip.ts';
import { announceHeaderLimit, connectionsAllowed, openFilesMax } from '../http/limits.ts';
import { assertPortFree, Listener, type ListenerOptions } from './listener.ts';
import type { ClientsHold, Front, FrontOptions, FrontPort } from './serving-api.ts';
import { openApiRoutes } from './operations.ts';
import type { Route } from '../http/routes.ts';
import { indexRoute, seedRoutes } from './predict.ts';
import { createFrontState, type FrontState } from '../http/state.ts';
import { tfsRoutes } from './tfs.ts';
import type { TlsPair, TlsPaths } from '../http/tls/tls-pair.ts';
import { type TlsOptions, TlsRenewal } from '../http/tls/tls-renewal.ts';
import { loadUws } from '../http/uws/uws.ts';
import { registerWebSocket } from './websocket/websocket.ts';

/**
 * Listens and serves. Port 0 takes any free one; `port` of the result tells which. Rejects with FRONT_UNAVAILABLE when
 * the addon does not load here, LISTEN_FAILED when the address cannot be had, TLS_UNUSABLE when the certificate cannot.
 */
export async function startFront(port: FrontPort, options: FrontOptions): Promise<Front> {
  announceHeaderLimit(options.limits.headerBytesMax);
  const uws = loadUws();
  const state = createFrontState(options.limits);
  const frameBytesMax = Math.min(options.limits.frameBytesMax, options.bodyBytesMax);
  const front = new UwsFront({
    uws, state,
    connectionsMax: connectionsAllowed(options.limits.connectionsMax, openFilesMax()),
    routes: () => frontRoutes(port, options, state),
    webSockets: (app) => registerWebSocket(app, port, state, { frameBytesMax, uncompressed: uws.DISABLED }),
  }, options.host, options.port === 0 ? await freePort(options.host) : options.port);
  await (options.tls === undefined ? front.listen() : front.listenTls(options.tls));
  return front;
}

/** All routes but the WebSocket's. */
export function frontRoutes(port: FrontPort, options: FrontOptions, state: FrontState): Route[] {
  const routes = [
    ...seedRoutes(port, options, state), ...oipRoutes(port, options, state), ...tfsRoutes(port, options, state),
    metricsRoute(port), ...openApiRoutes(),
  ];
  return [...routes, indexRoute(routes)];
}

class UwsFront implements Front {
  readonly host: string;
  readonly port: number;
  readonly #options: ListenerOptions;
  readonly #state: FrontState;
  /** The newest is the one that listens; earlier ones keep the connections that they accepted. */
  readonly #listeners: Listener[] = [];
  #renewal: TlsRenewal | null = null;
  #closed = false;

  constructor(options: ListenerOptions, host: string, port: number) {
    this.#options = options;
    this.#state = options.state;
    this.host = host;
    this.port = port;
  }

  async listen(): Promise<void> {
    this.#listeners.push(await Listener.plain(this.#options, this));
  }

  async listenTls(tls: TlsOptions): Promise<void> {
    await assertPortFree(this);
    this.#renewal = new TlsRenewal({ ...tls, serve: (pair) => this.#serve(pair, tls.paths) });
    await this.#renewal.start();
  }

  async #serve(pair: TlsPair, paths: TlsPaths): Promise<void> {
    if (this.#state.draining) return;
    const before = this.#listeners.at(-1);
    this.#listeners.push(await Listener.tls(this.#options, this, pair, paths));
    await before?.giveWay();
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
  get tls(): TlsView | null {
    return this.#renewal?.view ?? null;
  }

  renewTls(): void {
    this.#renewal?.renewNow();
  }

  stopIntake(): void {
    this.#state.draining = true;
    this.#renewal?.stop();
    for (const listener of this.#listeners) listener.stopListening();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.stopIntake();
    for (const listener of this.#listeners) listener.close();
  }
}
