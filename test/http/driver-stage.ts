// What the tests of drivers serve with: routes, a count of connections and sockets that note what they are told.
import type { TestContext } from 'node:test';
import type {
  DriverRoute, HttpDriver, HttpListener, HttpResponse, HttpSite, WebSocketChannel, WebSocketHandler, WebSocketRoute,
} from '../../src/http/driver.ts';
import { openTlsPair, type TlsPair } from '../../src/http/tls/tls-pair.ts';
import { type Certificate, putCertificate } from '../support/certificate.ts';
import { temporaryDirectory } from '../support/temporary.ts';

export const HOST = '127.0.0.1';
export const LARGE_BYTES = 8 * 1024 * 1024;
export const UNREAD_BYTES_MAX = 4 * 1024 * 1024;
export const MESSAGE_BYTES_MAX = 64 * 1024;

/** Counts the connections of a site; with `admits` false all are turned away. */
export class Doorkeeper {
  openedCount = 0;
  closedCount = 0;
  admits = true;

  opened(): boolean {
    this.openedCount += 1;
    return this.admits;
  }
  closed(): void {
    this.closedCount += 1;
  }
}

/** One end of a WebSocket that notes what it is told. */
export class NotedSocket implements WebSocketHandler {
  channel: WebSocketChannel | undefined;
  readonly messages: (string | Buffer)[] = [];
  changes = 0;
  closes = 0;

  opened(channel: WebSocketChannel): void {
    this.channel = channel;
  }
  received(message: ArrayBuffer, isBinary: boolean): void {
    const bytes = Buffer.from(Buffer.from(message));
    this.messages.push(isBinary ? bytes : bytes.toString());
  }
  unreadChanged(): void {
    this.changes += 1;
  }
  closed(): void {
    this.closes += 1;
  }
}

/** Accepts every WebSocket on /ws, and keeps the noted one. */
export class Sockets implements WebSocketRoute {
  readonly pattern = '/ws';
  readonly messageBytesMax = MESSAGE_BYTES_MAX;
  readonly unreadBytesMax = UNREAD_BYTES_MAX;
  readonly idleSeconds = 60;
  readonly accepted: NotedSocket[] = [];
  protocol = '';
  upgrade: WebSocketRoute['upgrade'] = (_response, _request, accept) => {
    const socket = new NotedSocket();
    this.accepted.push(socket);
    accept(socket, this.protocol);
  };
}

export function route(
  pattern: string, answer: (response: HttpResponse) => void, method: DriverRoute['method'] = 'GET',
): DriverRoute {
  return {
    method, pattern,
    handle: (response: HttpResponse) => {
      response.onAborted(() => undefined);
      answer(response);
    },
  };
}

export const saying = (pattern: string, text: string, method?: DriverRoute['method']): DriverRoute =>
  route(pattern, (response) => response.end(text), method);

// Text that tells its place, so that a lost or doubled piece shows.
export function pattern(bytes: number): Buffer {
  const words = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) words.writeUInt32LE(at, at);
  return words;
}

export function pairOf(t: TestContext, certificate: Certificate): TlsPair {
  const pair = openTlsPair(putCertificate(temporaryDirectory(), certificate), Date.now());
  t.after(() => pair.close());
  return pair;
}

/** Serves on a free port until the test ends. */
export async function serve(
  t: TestContext, driver: HttpDriver, routes: readonly DriverRoute[],
  more: Partial<HttpSite> & { readonly pair?: TlsPair } = {},
): Promise<HttpListener> {
  const { webSocket = new Sockets(), connections = new Doorkeeper(), pair = null } = more;
  const listener = await driver.listen({ routes, webSocket, connections }, { host: HOST, port: 0 }, pair);
  t.after(() => listener.close());
  return listener;
}
