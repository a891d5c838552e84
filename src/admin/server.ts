// The admin socket: the operator's verbs as HTTP and JSON over a Unix socket, so that curl can ask too. Main thread.
//   GET /            every verb with its arguments
//   GET /v1/VERB?…   reads          POST /v1/VERB {…}   changes; X-Lastgood-By says who asks
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { errorBody, lastgoodError, reasonOf } from '../base/errors.ts';
import { packageVersion } from '../base/package-root.ts';
import { carryOut, COMMANDS, usageOf, VERBS } from './commands.ts';
import type { ControlPlane } from './commands.ts';
import { Conversations } from './conversations.ts';
import { claimSocket } from './socket-claim.ts';
import type { SocketClaim } from './socket-claim.ts';

/** Arguments are names and paths; nothing needs more. */
const BODY_BYTES_MAX = 1024 * 1024;
const CONNECTIONS_MAX = 64;
/** Only the path of a URL counts on this socket. */
const ADMIN_ORIGIN = 'http://admin';
/** For the request to come in; a verb itself may take as long as it needs. */
const RECEIVE_MS_MAX = 10_000;
export const BY_HEADER = 'x-lastgood-by';
const BY_PATTERN = /^[\x21-\x7e]{1,64}$/;

export interface AdminServer {
  readonly path: string;
  /** From now on verbs are carried out; before, they are answered with ENGINE_STARTING. */
  attach(control: ControlPlane): void;
  /** It keeps no process alive that has nothing else to do. */
  unref(): void;
  /** Answers what is under way and lets the socket go; resolves with why its file stays, or null when it is gone. */
  close(): Promise<string | null>;
}

/** Claims the directory's admin socket and answers on it; throws ADMIN_IN_USE or ADMIN_SOCKET_FAILED. */
export async function startAdminServer(dataDir: string): Promise<AdminServer> {
  let control: ControlPlane | null = null;
  const server = createServer((request, response) => {
    response.once('close', () => conversations.end(request.socket));
    void answer(control, request, response, () => conversations.begin(request.socket));
  });
  const conversations = new Conversations(server);
  server.maxConnections = CONNECTIONS_MAX;
  server.requestTimeout = RECEIVE_MS_MAX;
  server.headersTimeout = RECEIVE_MS_MAX;
  const claim = await claimSocket(dataDir, server);
  return {
    path: claim.path,
    attach: (attached) => {
      control = attached;
    },
    unref: () => void server.unref(),
    close: () => close(server, claim, conversations),
  };
}

async function close(server: Server, claim: SocketClaim, conversations: Conversations): Promise<string | null> {
  const left = claim.release();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    conversations.endAll();
  });
  return left;
}

async function answer(
  control: ControlPlane | null,
  request: IncomingMessage,
  response: ServerResponse,
  onReceived: () => void,
): Promise<void> {
  try {
    send(response, 200, await handle(control, request, onReceived));
  } catch (error) {
    const { status, body } = errorBody(error);
    send(response, status, body);
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

async function handle(
  control: ControlPlane | null, request: IncomingMessage, onReceived: () => void,
): Promise<unknown> {
  const path = request.url ?? '/';
  if (!URL.canParse(path, ADMIN_ORIGIN)) throw lastgoodError('INVALID_REQUEST', { reason: 'its URL cannot be read' });
  const url = new URL(path, ADMIN_ORIGIN);
  const method = request.method ?? '';
  if (url.pathname === '/' && method === 'GET') return listOfVerbs();
  const verb = VERBS.find((one) => url.pathname === `/v1/${one}`);
  if (verb === undefined) throw lastgoodError('ROUTE_NOT_FOUND', { method, path: url.pathname });
  const { method: allowed } = COMMANDS[verb];
  if (allowed !== method) throw lastgoodError('METHOD_NOT_ALLOWED', { method, path: url.pathname, allowed });
  const raw = method === 'GET' ? Object.fromEntries(url.searchParams) : await jsonOf(request);
  const by = byOf(request);
  onReceived();
  if (control === null) throw lastgoodError('ENGINE_STARTING');
  return carryOut(control, verb, raw, { by });
}

function listOfVerbs(): unknown {
  return { name: 'lastgood', version: packageVersion(), verbs: VERBS.map(usageOf) };
}

function byOf(request: IncomingMessage): string {
  const by = request.headers[BY_HEADER] ?? 'admin';
  if (typeof by === 'string' && BY_PATTERN.test(by)) return by;
  throw lastgoodError('INVALID_REQUEST', { reason: `${BY_HEADER} is not 1 to 64 visible ASCII characters` });
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  let bodyBytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bodyBytes += piece.length;
    if (bodyBytes > BODY_BYTES_MAX) {
      throw lastgoodError('BODY_TOO_LARGE', { got: bodyBytes, limitBytes: BODY_BYTES_MAX });
    }
    pieces.push(piece);
  }
  if (bodyBytes === 0) return {};
  try {
    return JSON.parse(Buffer.concat(pieces).toString()) as unknown;
  } catch (error) {
    throw lastgoodError('INVALID_JSON', { reason: reasonOf(error) });
  }
}
