// The part of uWebSockets.js that its driver uses beyond the interface of drivers, written from what the binaries do:
// the package ships one declaration file for builds of different age, so its own types promise functions that some of
// them lack. Types only.
import type { HttpRequest, HttpResponse, WebSocketChannel, WebSocketHandler } from '../driver.ts';

declare const listenSocketBrand: unique symbol;
/** A native pointer: never use it after the socket was closed. */
export interface ListenSocket {
  readonly [listenSocketBrand]: true;
}

declare const upgradeContextBrand: unique symbol;
interface UpgradeContext {
  readonly [upgradeContextBrand]: true;
}

interface SocketData {
  readonly handler: WebSocketHandler;
}

interface UpgradableResponse extends HttpResponse {
  /** Copies the keys of `data` onto the socket object in old builds, keeps the object in new ones. */
  upgrade(data: SocketData, key: string, protocol: string, extensions: string, context: UpgradeContext): void;
}

interface AddonSocket extends WebSocketChannel {
  getUserData(): SocketData;
}

export interface WebSocketBehavior {
  readonly maxPayloadLength: number;
  readonly maxBackpressure: number;
  readonly idleTimeout: number;
  readonly compression: number;
  upgrade(response: UpgradableResponse, request: HttpRequest, context: UpgradeContext): void;
  open(socket: AddonSocket): void;
  message(socket: AddonSocket, message: ArrayBuffer, isBinary: boolean): void;
  /** The client has read some of what was buffered. */
  drain(socket: AddonSocket): void;
  /** Answered by the addon already. */
  ping(socket: AddonSocket): void;
  close(socket: AddonSocket): void;
}

type RouteHandler = (response: HttpResponse, request: HttpRequest) => void;

export interface App {
  get(pattern: string, handler: RouteHandler): App;
  head(pattern: string, handler: RouteHandler): App;
  post(pattern: string, handler: RouteHandler): App;
  any(pattern: string, handler: RouteHandler): App;
  /**
   * Called with 1 for each new connection, which may be closed then, and with -1 for each that has ended and is no
   * WebSocket.
   */
  filter(handler: (response: HttpResponse, change: 1 | -1) => void): App;
  ws(pattern: string, behavior: WebSocketBehavior): App;
  listen(host: string, port: number, options: number, done: (socket: ListenSocket | false) => void): App;
  /** Cuts every connection. */
  close(): App;
}

export interface Uws {
  App(): App;
  /** Reads both files; throws when they cannot be served. TLS 1.2 or later. */
  SSLApp(options: { readonly cert_file_name: string; readonly key_file_name: string }): App;
  us_listen_socket_close(socket: ListenSocket): void;
  us_socket_local_port(socket: ListenSocket): number;
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  readonly DISABLED: number;
}
