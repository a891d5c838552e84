// GET /ws: negotiates the upgrade and gives each socket a Connection. Main thread.
import { lastgoodError } from '../../base/errors.ts';
import type { DriverRoute, HttpRequest, HttpResponse, WebSocketRoute } from '../../http/driver.ts';
import { CloseCode, OUTBOX_BACKLOG_BYTES_MAX } from '../../http/outbox.ts';
import { Reply } from '../../http/reply.ts';
import { readHead } from '../../http/request-head.ts';
import type { FrontState } from '../../http/state.ts';
import type { ServingApi } from '../serving-api.ts';
import { Connection, OpenSockets } from './connection.ts';
import { DEFAULT_DIALECT, SOCKET_DIALECTS } from './dialects.ts';
import type { SocketDialect } from './dialects.ts';

/** A socket that neither sends nor answers pings for this long is closed. */
const IDLE_SECONDS = 120;

type Accept = Parameters<WebSocketRoute['upgrade']>[2];

/** All WebSockets of one front. */
export class WebSockets implements WebSocketRoute {
  readonly pattern = '/ws';
  readonly messageBytesMax: number;
  // Only a second net, Connection closes earlier; the margin lets one large answer and the close frame through.
  readonly unreadBytesMax = OUTBOX_BACKLOG_BYTES_MAX * 2;
  readonly idleSeconds = IDLE_SECONDS;
  readonly #api: ServingApi;
  readonly #state: FrontState;
  readonly #open: OpenSockets;

  /** A message longer than `messageBytesMax` ends its socket. */
  constructor(api: ServingApi, state: FrontState, messageBytesMax: number) {
    this.#api = api;
    this.#state = state;
    this.#open = new OpenSockets(state);
    this.messageBytesMax = messageBytesMax;
  }

  upgrade(response: HttpResponse, request: HttpRequest, accept: Accept): void {
    let isFramed = false;
    try {
      const { sources, limits, origins } = this.#state;
      const head = readHead(request, limits.headerBytesMax, sources.header);
      // What follows belongs to the WebSocket, or to a request for whoever refuses the upgrade.
      if (head.contentLength !== 0) throw lastgoodError('INVALID_REQUEST', { reason: 'an upgrade has no body' });
      isFramed = true;
      // Pages may open a WebSocket to anywhere, and read what comes: only this says where they are from.
      origins.admit(head);
      this.#upgrade(request, accept, sources.of(response.getRemoteAddress(), head.source));
    } catch (error) {
      new Reply(response, this.#state).fail(error, { close: !isFramed });
    }
  }

  /** 426 for plain requests. */
  get plainRoute(): DriverRoute {
    return {
      method: '*', pattern: this.pattern,
      handle: (response, request) => {
        const reply = new Reply(response, this.#state, request.getMethod() === 'head');
        reply.fail(lastgoodError('UPGRADE_REQUIRED'), { header: ['Upgrade', 'websocket'], close: true });
      },
    };
  }

  /** Sends every client a close frame 1001. */
  endAll(): void {
    this.#open.endAll(CloseCode.goingAway, 'the engine stops');
  }

  #upgrade(request: HttpRequest, accept: Accept, source: number): void {
    const api = this.#api;
    const state = this.#state;
    if (state.draining) throw lastgoodError('DRAINING');
    if (request.getHeader('sec-websocket-version') !== '13') throw lastgoodError('UPGRADE_REQUIRED');
    const { socketsMax } = state.limits;
    if (state.sockets >= socketsMax) throw lastgoodError('SOCKETS_FULL', { open: state.sockets, limit: socketsMax });
    const offer = request.getHeader('sec-websocket-protocol');
    const dialect = chooseDialect(offer);
    const query = new URLSearchParams(request.getQuery() ?? '');
    const target = { model: query.get('model') ?? undefined, version: query.get('version') ?? undefined };
    dialect.accept(api, target);
    // No offer is answered with no protocol.
    const connection = new Connection(api, state, dialect, { ...target, source }, this.#open);
    accept(connection, offer === '' ? '' : dialect.protocol);
  }
}

// The first of the offer that is known.
function chooseDialect(offer: string): SocketDialect {
  if (offer === '') return DEFAULT_DIALECT;
  for (const name of offer.split(',')) {
    const chosen = SOCKET_DIALECTS.find(({ protocol }) => protocol === name.trim());
    if (chosen !== undefined) return chosen;
  }
  const known = SOCKET_DIALECTS.map(({ protocol }) => protocol).join(' or ');
  const reason = `subprotocol "${offer.slice(0, 100)}" is unknown; wanted ${known}`;
  throw lastgoodError('INVALID_REQUEST', { reason });
}
