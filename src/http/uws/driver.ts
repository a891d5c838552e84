// The driver on uWebSockets.js: its requests, responses and sockets are handed over as they are. Main thread.
// An app listens in plain, or with one certificate for as long as it lives. A certificate is replaced by a second app
// that listens on the same port before the first one stops listening; what is connected to the first stays with it.
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { lastgoodError } from '../../base/errors.ts';
import type {
  Address, ConnectionCount, DriverMethod, HttpDriver, HttpListener, HttpSite, PreparedHead, WebSocketRoute,
} from '../driver.ts';
import { type TlsPair, tlsUnusable } from '../tls/tls-pair.ts';
import type { App, ListenSocket, Uws, WebSocketBehavior } from './addon-types.ts';
import { loadUws } from './addon.ts';

/** The addon's flags for a port that others of this user may listen on too. */
const LISTEN_SHARED = 0;
/** Turns of the event loop in which a quiet one is waited for. */
const QUIET_TURNS_MAX = 200;
/** A turn that took less has accepted whoever had connected a moment ago. */
const QUIET_TURN_MS = 0.2;

const VERBS = { GET: 'get', HEAD: 'head', POST: 'post', '*': 'any' } as const satisfies Record<DriverMethod, keyof App>;

/** Loads the addon; throws FRONT_UNAVAILABLE when it does not load here. A head may have `headerBytesMax`. */
export function createUwsDriver(headerBytesMax: number): HttpDriver {
  // The addon's own limit for heads that come in several packets; it reads the environment once, when it is loaded.
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= String(headerBytesMax);
  const uws = loadUws();
  return { prepareHead, listen: (site, address, pair) => UwsListener.open(uws, site, address, pair) };
}

// The addon writes what it is given as a status as it is, with the end of a line behind it.
function prepareHead(status: string, headers: readonly (readonly [name: string, value: string])[]): PreparedHead {
  const lines = [status, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return Uint8Array.from(Buffer.from(lines.join('\r\n'))).buffer as unknown as PreparedHead;
}

interface ListeningApp {
  readonly app: App;
  /** Null once it is closed: the pointer is freed, and a second close of it would be a use after free. */
  socket: ListenSocket | null;
}

class UwsListener implements HttpListener {
  readonly port: number;
  readonly #uws: Uws;
  readonly #site: HttpSite;
  readonly #host: string;
  /** The newest is the one that listens; earlier ones keep the connections that they accepted. */
  readonly #apps: ListeningApp[] = [];
  #isStopped = false;

  private constructor(uws: Uws, site: HttpSite, { host, port }: Address) {
    this.#uws = uws;
    this.#site = site;
    this.#host = host;
    this.port = port;
  }

  static async open(uws: Uws, site: HttpSite, { host, port }: Address, pair: TlsPair | null): Promise<HttpListener> {
    // A listener that lets another one of this process join would let another engine's join too, so the port is probed.
    const listener = new UwsListener(uws, site, {
      host, port: port === 0 || pair !== null ? await probePort({ host, port }) : port,
    });
    // Without the exclusive flag a second engine on the port would succeed and get a share of the connections.
    if (pair === null) listener.#listen(uws.App(), uws.LIBUS_LISTEN_EXCLUSIVE_PORT);
    else listener.#listen(secureApp(uws, pair), LISTEN_SHARED);
    return listener;
  }

  /**
   * The kernel resets what has connected to the app before and is not accepted yet (with net.ipv4.tcp_migrate_req it
   * hands it over), so that one stops right after a turn of the loop that had little else to do.
   */
  async replacePair(pair: TlsPair): Promise<void> {
    if (this.#isStopped) return;
    const before = this.#apps.at(-1);
    this.#listen(secureApp(this.#uws, pair), LISTEN_SHARED);
    let beganMs = -Infinity;
    for (let turns = 0; turns < QUIET_TURNS_MAX && performance.now() - beganMs > QUIET_TURN_MS; turns += 1) {
      beganMs = performance.now();
      await turnOfTheLoop();
    }
    if (before !== undefined) this.#stopApp(before);
  }

  stop(): void {
    this.#isStopped = true;
    for (const app of this.#apps) this.#stopApp(app);
  }

  close(): void {
    this.stop();
    for (const { app } of this.#apps.splice(0)) app.close();
  }

  #listen(app: App, flags: number): void {
    const { port } = this;
    const host = this.#host;
    register(app, this.#site, this.#uws);
    let socket = false as ListenSocket | false;
    // The addon answers before `listen` returns.
    app.listen(host, port, flags, (opened) => (socket = opened));
    if (socket === false) {
      app.close();
      const reason = 'the port is taken or not permitted, or the host is no address of this machine';
      throw lastgoodError('LISTEN_FAILED', { host, port, reason });
    }
    this.#apps.push({ app, socket });
  }

  #stopApp(app: ListeningApp): void {
    if (app.socket !== null) this.#uws.us_listen_socket_close(app.socket);
    app.socket = null;
  }
}

function secureApp(uws: Uws, { certFile, keyFile, paths }: TlsPair): App {
  try {
    return uws.SSLApp({ cert_file_name: certFile, key_file_name: keyFile });
  } catch {
    throw tlsUnusable(paths, 'the server cannot use them, or they changed while they were read');
  }
}

function register(app: App, { routes, webSocket, connections }: HttpSite, uws: Uws): void {
  app.filter((response, change) => {
    if (change < 0) connections.closed();
    // The end of one that is closed here is told while this runs.
    else if (!connections.opened()) response.close();
  });
  app.ws(webSocket.pattern, behaviorOf(webSocket, connections, uws.DISABLED));
  for (const { method, pattern, handle } of routes) app[VERBS[method]](pattern, handle);
}

function behaviorOf(route: WebSocketRoute, connections: ConnectionCount, uncompressed: number): WebSocketBehavior {
  return {
    maxPayloadLength: route.messageBytesMax, maxBackpressure: route.unreadBytesMax, idleTimeout: route.idleSeconds,
    compression: uncompressed,
    upgrade: (response, request, context) => route.upgrade(response, request, (handler, protocol) => {
      const key = request.getHeader('sec-websocket-key');
      response.upgrade({ handler }, key, protocol, request.getHeader('sec-websocket-extensions'), context);
    }),
    open: (socket) => socket.getUserData().handler.opened(socket),
    message: (socket, message, isBinary) => socket.getUserData().handler.received(message, isBinary),
    drain: (socket) => socket.getUserData().handler.unreadChanged(),
    ping: (socket) => socket.getUserData().handler.unreadChanged(),
    close: (socket) => {
      // An upgraded connection is no HTTP connection any more: its end is told here and not to the app's filter.
      connections.closed();
      socket.getUserData().handler.closed();
    },
  };
}

/**
 * The port, or a free one for 0: the addon sets SO_REUSEADDR only when a port is named, and then a process that takes
 * over the port of a crashed one finds it taken for a minute, as long as connections of the dead linger in TIME_WAIT.
 * Throws LISTEN_FAILED when somebody listens on it, or `host` is none of this machine's addresses.
 */
function probePort({ host, port }: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', ({ message }) => reject(lastgoodError('LISTEN_FAILED', { host, port, reason: message })));
    probe.listen({ host, port, exclusive: true }, () => {
      const found = (probe.address() as AddressInfo).port;
      probe.close(() => resolve(found));
    });
  });
}
