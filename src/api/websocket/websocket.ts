// GET /ws: negotiates the upgrade and hands frames to one Connection per socket. Main thread.
import { lastgoodError } from '../../base/errors.ts';
import type { FrontPort } from '../serving-api.ts';
import { Reply } from '../../http/reply.ts';
import { CloseCode, Gathering, OUTBOX_BACKLOG_BYTES_MAX } from '../../http/outbox.ts';
import { Connection } from './connection.ts';
import { DEFAULT_DIALECT, SOCKET_DIALECTS } from './dialects.ts';
import type { SocketDialect } from './dialects.ts';
import type { FrontState } from '../../http/state.ts';
import type { App, HttpRequest, HttpResponse, UpgradeContext } from '../../http/uws/uws-types.ts';

const PATTERN = '/ws';

/** A socket that neither sends nor answers pings for this long is closed. */
const IDLE_SECONDS = 120;

interface SocketData {
  readonly connection: Connection;
}

export interface WebSocketOptions {
  /** A frame that is longer ends its socket. */
  readonly frameBytesMax: number;
  /** The addon's constant for no compression. */
  readonly uncompressed: number;
}

/** All WebSockets of one front. */
export interface WebSockets {
  /** Sends every client a close frame 1001. */
  endAll(): void;
}

/** Registers the WebSocket route and 426 for plain requests on it; call it before `registerRoutes`. */
export function registerWebSocket(app: App, port: FrontPort, state: FrontState, options: WebSocketOptions): WebSockets {
  const connections = new Set<Connection>();
  const gathering = new Gathering();
  app.ws<SocketData>(PATTERN, {
    maxPayloadLength: options.frameBytesMax,
    // Only a second net, Connection closes earlier; the margin lets one large answer and the close frame through.
    maxBackpressure: OUTBOX_BACKLOG_BYTES_MAX * 2,
    idleTimeout: IDLE_SECONDS,
    compression: options.uncompressed,
    upgrade(response, request, context) {
      try {
        upgrade(response, request, context, port, state);
      } catch (error) {
        new Reply(response, state).fail(error);
      }
    },
    drain(socket) {
      socket.getUserData().connection.countUnread();
    },
    ping(socket) {
      // The addon answers by itself, and buffers what is not read.
      socket.getUserData().connection.countUnread();
    },
    open(socket) {
      const { connection } = socket.getUserData();
      connections.add(connection);
      state.sockets = connections.size;
      connection.opened(socket, gathering);
    },
    message(socket, message, isBinary) {
      socket.getUserData().connection.received(message, isBinary);
    },
    close(socket) {
      const { connection } = socket.getUserData();
      connections.delete(connection);
      state.sockets = connections.size;
      // An upgraded connection is no HTTP connection any more: its end is told here and not to the app's filter.
      state.connections -= 1;
      connection.closed();
    },
  });
  app.any(PATTERN, (response, request) => {
    const reply = new Reply(response, state, request.getMethod() === 'head');
    reply.fail(lastgoodError('UPGRADE_REQUIRED'), { header: ['Upgrade', 'websocket'], close: true });
  });
  return {
    endAll() {
      for (const connection of [...connections]) connection.end(CloseCode.goingAway, 'the engine stops');
    },
  };
}

function upgrade(
  response: HttpResponse,
  request: HttpRequest,
  context: UpgradeContext,
  port: FrontPort,
  state: FrontState,
): void {
  if (state.draining) throw lastgoodError('DRAINING');
  if (request.getHeader('sec-websocket-version') !== '13') throw lastgoodError('UPGRADE_REQUIRED');
  const { socketsMax } = state.limits;
  if (state.sockets >= socketsMax) throw lastgoodError('SOCKETS_FULL', { open: state.sockets, limit: socketsMax });
  const offer = request.getHeader('sec-websocket-protocol');
  const dialect = chooseDialect(offer);
  const query = new URLSearchParams(request.getQuery() ?? '');
  const target = { model: query.get('model') ?? undefined, version: query.get('version') ?? undefined };
  dialect.accept(port, target);
  const data: SocketData = { connection: new Connection(port, state, dialect, target) };
  response.upgrade(
    data,
    request.getHeader('sec-websocket-key'),
    // No offer is answered with no protocol.
    offer === '' ? '' : dialect.protocol,
    request.getHeader('sec-websocket-extensions'),
    context,
  );
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
