// The interface between a driver, which moves the bytes of one port, and everything else in http/ and api/, which sees
// no other part of a driver. Types only; all of it runs on the main thread.
//
// A driver hands over its own objects: members are shaped so that those of the fastest driver fit as they are, and a
// request costs no wrapper. What every driver promises, and callers rely on, stands at each member;
// `test/http/driver-contract.ts` tries it. Bytes that go out are written or copied during the call, because they may
// lie in shared memory that is used again at once.
import type { TlsPair } from './tls/tls-pair.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface HttpDriver {
  /** Puts a status line, such as `200 OK`, and headers together, once for many answers that begin with them. */
  prepareHead(status: string, headers: readonly (readonly [name: string, value: string])[]): PreparedHead;
  /**
   * Listens on an address that nobody else holds, on any free port for port 0, and serves `site` there: in TLS (1.2 or
   * later) with a pair, which may be closed afterwards. Rejects with LISTEN_FAILED, and with TLS_UNUSABLE for the pair.
   */
  listen(site: HttpSite, address: Address, pair: TlsPair | null): Promise<HttpListener>;
}

/** What is served on one port. */
export interface HttpSite {
  readonly routes: readonly DriverRoute[];
  readonly webSocket: WebSocketRoute;
  readonly connections: ConnectionCount;
}

export interface HttpListener {
  readonly port: number;
  /**
   * Shows another certificate to new connections; the open ones keep theirs, and no connection is refused meanwhile.
   * Does nothing once it has stopped; rejects with TLS_UNUSABLE or LISTEN_FAILED, and goes on as before then.
   */
  replacePair(pair: TlsPair): Promise<void>;
  /** Accepts nothing more; open connections are served on. May be called again. */
  stop(): void;
  /** Stops, and cuts every connection: the abort handlers and `closed` of WebSockets are called. */
  close(): void;
}

/** Told of all connections, those that are WebSockets or become one included. */
export interface ConnectionCount {
  /** One was accepted; with false it is cut at once. */
  opened(): boolean;
  /** One is over: called once for each that opened, one that was cut at once too. */
  closed(): void;
}

/** `*` is every method that has no route of its own on the pattern. */
export type DriverMethod = 'GET' | 'HEAD' | 'POST' | '*';

/**
 * A pattern is a path whose segments are literal (`/a/b`) or a parameter (`/a/:name`), which takes one segment that is
 * not empty; the last may be `*` for any rest. At each segment a literal goes before a parameter, and that before `*`;
 * a route of the method goes before all of `*` methods.
 */
export interface DriverRoute {
  readonly method: DriverMethod;
  readonly pattern: string;
  /** Called when the whole head is there. Registers `onAborted` before anything else; throws nothing. */
  readonly handle: (response: HttpResponse, request: HttpRequest) => void;
}

/** The head of a request, readable only until the handler returns. */
export interface HttpRequest {
  /** The first value of a header, or ''. */
  getHeader(lowerCaseName: string): string;
  /** The text of the pattern's parameter, not percent-decoded. */
  getParameter(index: number): string;
  /** The path without the query. */
  getUrl(): string;
  /** In lower case. */
  getMethod(): string;
  /** Without the question mark; empty, null or undefined when there is none. */
  getQuery(): string | null | undefined;
  /** Visits every header, one that comes twice twice. */
  forEach(visit: (lowerCaseName: string, value: string) => void): void;
}

declare const preparedHead: unique symbol;
/** Belongs to the driver that made it. */
export interface PreparedHead {
  readonly [preparedHead]: true;
}

/**
 * The way out of one request. After the answer (`end`, `endWithoutBody`, a `tryEnd` that is done) or the abort it is
 * not to be used again, and may throw. Status, headers and body are written in this order, inside `cork` when the
 * handler has returned. While an answer is outstanding, a further request on the connection may end the connection.
 */
export interface HttpResponse {
  /** A status line or a prepared head; 200 when it is not called. */
  writeStatus(status: string | PreparedHead): unknown;
  writeHeader(name: string, value: string): unknown;
  /** Sends the body with its length; `closeConnection` says `Connection: close` and closes when all is sent. */
  end(body: Uint8Array | string, closeConnection?: boolean): unknown;
  /** Sends no body and adds no Content-Length: for HEAD, whose length was written as a header. */
  endWithoutBody(): unknown;
  /** Sends a part of a body whose length nobody knows, in chunks; false when the client has not read all of it yet. */
  write(part: Uint8Array | string): boolean;
  /**
   * Sends as much of `body` as the connection takes now, of an answer of `totalBytes`, and keeps none of it. `isDone`:
   * all of it is sent. Else it is called again with the rest, from the handler of `onWritable`.
   */
  tryEnd(body: Uint8Array, totalBytes: number): readonly [isTaken: boolean, isDone: boolean];
  /** Bytes of the body that `tryEnd` has sent. */
  getWriteOffset(): number;
  /** The connection takes more, after `tryEnd` or `write`; the handler returns true to send nothing more now. */
  onWritable(handler: (writtenBytes: number) => boolean): unknown;
  /** The client's, in 4 or 16 bytes; empty when the connection is gone. Costs about a microsecond. */
  getRemoteAddress(): ArrayBuffer;
  /** Cuts the connection; the abort handler is called before it returns. */
  close(): unknown;
  /**
   * The client went away before the answer was out: called at most once, and possibly after `end`, as long as the
   * answer waits to be sent.
   */
  onAborted(handler: () => void): unknown;
  /**
   * Hands over the body in chunks, from now on, and possibly after an answer too; the last may be empty, and is the
   * only one of a request without a body. A chunk starts at byte 0 of its buffer and is valid only until the handler
   * returns. `Expect: 100-continue` has been answered.
   */
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): unknown;
  /** Calls `write` at once; what is written in it leaves in one piece. */
  cork(write: () => void): unknown;
}

/** Plain requests for the pattern go to the routes. */
export interface WebSocketRoute {
  readonly pattern: string;
  /** A message that is longer ends its socket. */
  readonly messageBytesMax: number;
  /** With more than this unread by the client, messages are dropped. */
  readonly unreadBytesMax: number;
  /** A client that neither sends nor answers pings for this long is cut. */
  readonly idleSeconds: number;
  /**
   * Calls `accept` before it returns, or answers the response; throws nothing. A protocol of '' names none. There is no
   * compression.
   */
  upgrade(
    response: HttpResponse, request: HttpRequest, accept: (handler: WebSocketHandler, protocol: string) => void,
  ): void;
}

/** The server's side of one WebSocket. Pings are answered by the driver. */
export interface WebSocketHandler {
  opened(channel: WebSocketChannel): void;
  /** `message` is valid only until this returns. */
  received(message: ArrayBuffer, isBinary: boolean): void;
  /** The client has read some of what waited for it, or the driver has sent something by itself. */
  unreadChanged(): void;
  /** The socket is over, whoever ended it; called once. */
  closed(): void;
}

/** What became of a message: it waits for the client, is on its way, or was dropped. */
export const SendResult = { waits: 0, sent: 1, dropped: 2 } as const;

/** The way out of one WebSocket; not to be used after `closed`. */
export interface WebSocketChannel {
  /** Returns a SendResult. */
  send(message: Uint8Array | string, isBinary: boolean): number;
  /** Bytes that wait for the client to read. */
  getBufferedAmount(): number;
  /** Calls `write` at once; what is sent in it leaves in one piece. */
  cork(write: () => void): unknown;
  /** Sends a close frame, and calls `closed` before it returns. */
  end(code: number, reason: string): void;
}
