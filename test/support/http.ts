// HTTP for tests: whole requests through node:http, and raw bytes over a socket for what no client sends.
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import { connect, type Socket } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The local port of the connection that was used: equal for two answers over one kept-alive connection. */
  readonly localPort: number;
  /** The parsed body. */
  readonly json: Record<string, unknown>;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  /** Several pieces are sent chunked, one piece with its Content-Length. */
  readonly body?: string | readonly (string | Uint8Array)[];
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
  /** PEM of the certificate that the server must show: the request goes over TLS. */
  readonly ca?: string;
}

/** Sends one request to 127.0.0.1 and resolves with the whole answer. */
export function http(port: number, path: string, options: RequestOptions = {}): Promise<Answer> {
  const { body, method = body === undefined ? 'GET' : 'POST', headers = {}, signal, ca } = options;
  return new Promise((resolve, reject) => {
    const isTls = ca !== undefined || options.agent instanceof TlsAgent;
    const sent = (isTls ? httpsRequest : httpRequest)({
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: typeof body === 'string' ? { 'content-length': String(Buffer.byteLength(body)), ...headers } : headers,
      agent: options.agent ?? new (isTls ? TlsAgent : Agent)({ keepAlive: false }),
      ...(ca !== undefined && { ca }),
      ...(signal && { signal }),
    });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const localPort = response.socket.localPort ?? 0;
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        const json = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, localPort, json });
      });
    });
    if (typeof body === 'string') sent.end(body);
    else {
      for (const piece of body ?? []) sent.write(piece);
      sent.end();
    }
  });
}

/** A TCP connection whose bytes the test writes itself. */
export class RawConnection {
  readonly socket: Socket;
  received = '';
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => (this.received += bytes.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.closed = true));
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** Writes lines ended by CRLF, an empty line, and the body as it is. */
  write(lines: readonly string[], body = ''): void {
    this.socket.write(lines.join('\r\n') + '\r\n\r\n' + body);
  }

  /** Status codes of all answers received so far. */
  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }
}
