// The part of uWebSockets.js that the front end uses, written from what the binaries do: the package ships one
// declaration file for builds of different age, so its own types promise functions that some of them lack. Types only.

declare const listenSocketBrand: unique symbol;
/** A native pointer: never use it after the socket was closed. */
export interface ListenSocket {
  readonly [listenSocketBrand]: true;
}

declare const upgradeContextBrand: unique symbol;
export interface UpgradeContext {
  readonly [upgradeContextBrand]: true;
}

/** Lives on the native stack: readable only until the route handler returns. */
export interface HttpRequest {
  /** The first value of a header, or ''. */
  getHeader(lowerCaseName: string): string;
  /** The raw text, not percent-decoded. */
  getParameter(index: number): string;
  getUrl(): string;
  /** In lower case. */
  getMethod(): string;
  /** Without the question mark; old builds return null when there is none. */
  getQuery(): string | null | undefined;
  forEach(visit: (lowerCaseName: string, value: string) => void): void;
}

/** Any use after the end or after an abort throws. */
export interface HttpResponse {
  writeStatus(status: string | ArrayBuffer): HttpResponse;
  writeHeader(name: string, value: string): HttpResponse;
  end(body?: Uint8Array | string, closeConnection?: boolean): HttpResponse;
  endWithoutBody(): HttpResponse;
  /**
   * Sends as much of `body` as the connection takes now, of an answer of `totalBytes`. `isDone`: all of it is sent, the
   * response is gone. Else call it again with the rest, from the handler of `onWritable`.
   */
  tryEnd(body: Uint8Array, totalBytes: number): readonly [ok: boolean, isDone: boolean];
  /** Bytes of the body that were sent. */
  getWriteOffset(): number;
  /** Return true from it when nothing more is to be sent now. */
  onWritable(handler: (writtenBytes: number) => boolean): HttpResponse;
  /** Cuts the connection; the abort handler is called before it returns. */
  close(): HttpResponse;
  onAborted(handler: () => void): HttpResponse;
  /** `chunk` is detached when the handler returns. */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): HttpResponse;
  cork(write: () => void): HttpResponse;
  /** Copies the keys of `userData` onto the socket object in old builds, keeps the object in new ones. */
  upgrade(userData: object, key: string, protocol: string, extensions: string, context: UpgradeContext): void;
}

/** Any use after the close handler ran throws. */
export interface WebSocket<UserData> {
  /** 1 sent, 0 buffered by the addon, 2 dropped. */
  send(message: Uint8Array | string, isBinary: boolean): number;
  getBufferedAmount(): number;
  /** What is sent in `write` leaves in one piece. */
  cork(write: () => void): void;
  /** Sends a close frame and calls the close handler before it returns. */
  end(code: number, reason: string): void;
  getUserData(): UserData;
}

export interface WebSocketBehavior<UserData> {
  readonly maxPayloadLength: number;
  readonly maxBackpressure: number;
  readonly idleTimeout: number;
  readonly compression: number;
  upgrade(response: HttpResponse, request: HttpRequest, context: UpgradeContext): void;
  open(socket: WebSocket<UserData>): void;
  message(socket: WebSocket<UserData>, message: ArrayBuffer, isBinary: boolean): void;
  /** The client has read some of what was buffered. */
  drain(socket: WebSocket<UserData>): void;
  /** Answered by the addon already. */
  ping(socket: WebSocket<UserData>, message: ArrayBuffer): void;
  close(socket: WebSocket<UserData>, code: number, reason: ArrayBuffer): void;
}

export type RouteHandler = (response: HttpResponse, request: HttpRequest) => void;

export interface App {
  get(pattern: string, handler: RouteHandler): App;
  head(pattern: string, handler: RouteHandler): App;
  post(pattern: string, handler: RouteHandler): App;
  any(pattern: string, handler: RouteHandler): App;
  /** Called with 1 for each new connection, which may be closed then, and with -1 for each that has ended. */
  filter(handler: (response: HttpResponse, change: 1 | -1) => void): App;
  ws<UserData>(pattern: string, behavior: WebSocketBehavior<UserData>): App;
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
