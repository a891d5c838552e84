// Starts and stops the public front end: one driver of http/ on the main thread, on a port that nobody else holds.
// Stopping has two steps, so that running requests get their answers in between: stopIntake, then close.
import type { HttpDriver, HttpListener, HttpSite } from '../http/driver.ts';
import { connectionsAllowed, openFilesMax } from '../http/limits.ts';
import { driverRoutes, type Route } from '../http/routes.ts';
import { Sources } from '../batch/sources.ts';
import { OriginPolicy } from '../http/origins.ts';
import { countConnections, createFrontState, type FrontState } from '../http/state.ts';
import type { TlsPair } from '../http/tls/tls-pair.ts';
import { TlsRenewal } from '../http/tls/tls-renewal.ts';
import { createUwsDriver } from '../http/uws/driver.ts';
import type { TlsView } from '../metrics/views.ts';
import { oipRoutes } from './oip.ts';
import { metricsRoute, openApiRoutes } from './operations.ts';
import { indexRoute, seedRoutes } from './predict.ts';
import type { ClientsHold, Front, FrontOptions, ServingApi } from './serving-api.ts';
import { tfsRoutes } from './tfs.ts';
import { Viewers } from './ui/viewers.ts';
import { pageRoutes } from './ui/routes.ts';
import { WebSockets } from './websocket/websocket.ts';

/**
 * Listens and serves. Port 0 takes any free one; `port` of the result tells which. Rejects with FRONT_UNAVAILABLE when
 * the driver does not load here, LISTEN_FAILED when the address cannot be had, TLS_UNUSABLE when the certificate cannot
 * be served.
 */
export async function startFront(api: ServingApi, options: FrontOptions): Promise<Front> {
  const front = new ListeningFront(api, options, createUwsDriver(options.limits.headerBytesMax));
  await front.listen();
  return front;
}

/** All routes but the WebSocket's. */
export function frontRoutes(
  api: ServingApi, options: FrontOptions, state: FrontState, viewers = viewersOf(api),
): Route[] {
  const routes = [
    ...seedRoutes(api, options, state), ...oipRoutes(api, options, state), ...tfsRoutes(api, options, state),
    metricsRoute(api), ...openApiRoutes(),
    ...(api.page === null || viewers === null ? [] : pageRoutes(api.page, viewers, options, state)),
  ];
  return [...routes, indexRoute(routes)];
}

const viewersOf = ({ page }: ServingApi): Viewers | null => (page === null ? null : new Viewers(page));

class ListeningFront implements Front {
  readonly #options: FrontOptions;
  readonly #driver: HttpDriver;
  readonly #state: FrontState;
  readonly #webSockets: WebSockets;
  readonly #site: HttpSite;
  readonly #viewers: Viewers | null;
  #listener: HttpListener | null = null;
  #renewal: TlsRenewal | null = null;
  #closed = false;

  constructor(api: ServingApi, options: FrontOptions, driver: HttpDriver) {
    const { limits } = options;
    const state = createFrontState(
      limits, driver, options.memory, new Sources(options.sources), new OriginPolicy(options.origins));
    const webSockets = new WebSockets(api, state, Math.min(limits.frameBytesMax, options.bodyBytesMax));
    this.#options = options;
    this.#driver = driver;
    this.#state = state;
    this.#webSockets = webSockets;
    this.#viewers = viewersOf(api);
    this.#site = {
      routes: [webSockets.plainRoute, ...driverRoutes(state, frontRoutes(api, options, state, this.#viewers))],
      webSocket: webSockets,
      connections: countConnections(state, connectionsAllowed(limits.connectionsMax, openFilesMax())),
    };
  }

  async listen(): Promise<void> {
    const { tls } = this.#options;
    if (tls === undefined) {
      await this.#serve(null);
      return;
    }
    this.#renewal = new TlsRenewal({ ...tls, serve: (pair) => this.#serve(pair) });
    await this.#renewal.start();
  }

  // The first time, and with each certificate after it.
  async #serve(pair: TlsPair | null): Promise<void> {
    if (this.#listener === null) this.#listener = await this.#driver.listen(this.#site, this.#options, pair);
    else if (pair !== null) await this.#listener.replacePair(pair);
  }

  get host(): string {
    return this.#options.host;
  }
  get port(): number {
    return this.#listener?.port ?? this.#options.port;
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
    this.#listener?.stop();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.stopIntake();
    this.#webSockets.endAll();
    this.#viewers?.endAll();
    this.#listener?.close();
  }
}
