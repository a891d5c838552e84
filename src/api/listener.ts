// One uWebSockets.js app on the public port: plain, or with one certificate for as long as it lives. Main thread.
// A certificate is changed by a second app that listens on the same port before the first one stops listening; what is
// connected to the first stays with it.
import { createServer } from 'node:net';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { lastgoodError } from '../base/errors.ts';
import { limitConnections } from '../http/limits.ts';
import type { Route } from '../http/routes.ts';
import { registerRoutes } from '../http/routes.ts';
import type { FrontState } from '../http/state.ts';
import { type TlsPair, type TlsPaths, tlsUnusable } from '../http/tls/tls-pair.ts';
import type { App, ListenSocket, Uws } from '../http/uws/uws-types.ts';
import type { WebSockets } from './websocket/websocket.ts';

/** The addon's flags for a port that others of this user may listen on too. */
const LISTEN_SHARED = 0;
/** Turns of the event loop in which a quiet one is waited for. */
const QUIET_TURNS_MAX = 200;
/** A turn that took less has accepted whoever had connected a moment ago. */
const QUIET_TURN_MS = 0.2;

export interface ListenerOptions {
  readonly uws: Uws;
  readonly state: FrontState;
  readonly connectionsMax: number;
  readonly routes: () => readonly Route[];
  readonly webSockets: (app: App) => WebSockets;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export class Listener {
  readonly #uws: Uws;
  readonly #app: App;
  readonly #webSockets: WebSockets;
  #socket: ListenSocket | null;

  private constructor(uws: Uws, app: App, webSockets: WebSockets, socket: ListenSocket) {
    this.#uws = uws;
    this.#app = app;
    this.#webSockets = webSockets;
    this.#socket = socket;
  }

  /** Listens in plain; throws LISTEN_FAILED when somebody else is on the port. */
  static plain(options: ListenerOptions, address: Address): Promise<Listener> {
    // Without the exclusive flag a second engine on the port would succeed and get a share of the connections.
    const { uws } = options;
    return Listener.#open(options, uws.App(), address, uws.LIBUS_LISTEN_EXCLUSIVE_PORT);
  }

  /** Listens with the pair, beside another listener of this process too; throws TLS_UNUSABLE or LISTEN_FAILED. */
  static tls(options: ListenerOptions, address: Address, pair: TlsPair, paths: TlsPaths): Promise<Listener> {
    let app: App;
    try {
      app = options.uws.SSLApp({ cert_file_name: pair.certFile, key_file_name: pair.keyFile });
    } catch {
      return Promise.reject(tlsUnusable(paths, 'the server cannot use them, or they changed while they were read'));
    }
    return Listener.#open(options, app, address, LISTEN_SHARED);
  }

  static #open(options: ListenerOptions, app: App, { host, port }: Address, flags: number): Promise<Listener> {
    const { uws, state, connectionsMax, routes } = options;
    limitConnections(app, state, connectionsMax);
    const webSockets = options.webSockets(app);
    registerRoutes(app, state, routes());
    return new Promise((resolve, reject) => {
      app.listen(host, port, flags, (socket) => {
        if (socket !== false) {
          resolve(new Listener(uws, app, webSockets, socket));
          return;
        }
        app.close();
        const reason = 'the port is taken or not permitted, or the host is no address of this machine';
        reject(lastgoodError('LISTEN_FAILED', { host, port, reason }));
      });
    });
  }

  /** Accepts nothing more. */
  stopListening(): void {
    if (this.#socket === null) return;
    this.#uws.us_listen_socket_close(this.#socket);
    // The pointer is freed; a second close of it would be a use after free.
    this.#socket = null;
  }

  /**
   * Accepts nothing more, another listener being on the port already. The kernel resets what has connected to this one
   * and is not accepted yet (with net.ipv4.tcp_migrate_req it hands it over), so it ends right after a turn of the loop
   * that had little else to do.
   */
  async giveWay(): Promise<void> {
    let beganMs = -Infinity;
    for (let turns = 0; turns < QUIET_TURNS_MAX && performance.now() - beganMs > QUIET_TURN_MS; turns += 1) {
      beganMs = performance.now();
      await turnOfTheLoop();
    }
    this.stopListening();
  }

  /** Ends its WebSockets with 1001 and cuts its connections. */
  close(): void {
    this.stopListening();
    this.#webSockets.endAll();
    this.#app.close();
  }
}

/**
 * Throws LISTEN_FAILED when somebody listens on the port: a listener that lets another one of this process join would
 * let another engine's join too.
 */
export function assertPortFree({ host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', ({ message }) => reject(lastgoodError('LISTEN_FAILED', { host, port, reason: message })));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve()));
  });
}
