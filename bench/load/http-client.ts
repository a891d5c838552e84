// One kept-alive HTTP connection of the load generator: one request in flight, bytes written as they are, and only so
// much of the answer read as tells its status and its end.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { RequestText } from '../workloads.ts';

const HEAD_END = '\r\n\r\n';
const STATUS_OK = 200;
const READ_BYTES = 64 * 1024;

/** The bytes of a request as they go over the wire. */
export function requestBytes(host: string, { path, headers, body }: RequestText): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\n${lines}Content-Length: ${body.length}${HEAD_END}`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** What a client tells its loop: `id` names the request, `ok` is false for another status or a broken connection. */
export type OnAnswer = (client: LoadClient, id: number, ok: boolean) => void;

/** A connection that requests can be sent on. */
export interface LoadClient {
  /** Requests that may be sent now. */
  readonly free: number;
  /** The last answer's text as far as it came with its head; '' where nobody reads it. */
  readonly answer: string;
  send(id: number): void;
  end(): void;
}

export class HttpClient implements LoadClient {
  free = 0;
  answer = '';
  readonly #request: Buffer;
  readonly #onAnswer: OnAnswer;
  readonly #socket: Socket;
  #id = 0;
  #head = '';
  #missingBytes = 0;
  #status = 0;

  private constructor(socket: Socket, request: Buffer, onAnswer: OnAnswer) {
    this.#socket = socket;
    this.#request = request;
    this.#onAnswer = onAnswer;
  }

  static open(host: string, port: number, request: Buffer, onAnswer: OnAnswer): Promise<HttpClient> {
    return new Promise((resolve, reject) => {
      // One buffer for all reads of a connection: no allocation per answer.
      const onread = {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (bytes: number, buffer: Uint8Array): boolean => {
          client.#received(buffer as Buffer, bytes);
          return true;
        },
      };
      const socket = connect({ host, port, noDelay: true, onread });
      const client = new HttpClient(socket, request, onAnswer);
      socket.once('connect', () => {
        client.free = 1;
        resolve(client);
      });
      socket.once('error', reject);
      socket.on('close', () => client.#closed());
    });
  }

  send(id: number): void {
    this.free = 0;
    this.#id = id;
    this.#status = 0;
    this.#socket.write(this.#request);
  }

  end(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #received(buffer: Buffer, length: number): void {
    if (this.#status === 0) {
      this.#head += buffer.toString('latin1', 0, length);
      const end = this.#head.indexOf(HEAD_END);
      if (end < 0) return;
      this.#status = Number(this.#head.slice(9, 12));
      this.#missingBytes = contentLength(this.#head, end) - (this.#head.length - end - HEAD_END.length);
    } else {
      this.#missingBytes -= length;
    }
    if (this.#missingBytes > 0) return;
    this.answer = this.#head;
    this.#head = '';
    this.free = 1;
    this.#onAnswer(this, this.#id, this.#status === STATUS_OK);
  }

  #closed(): void {
    if (this.free > 0) return;
    this.#onAnswer(this, this.#id, false);
  }
}

function contentLength(head: string, end: number): number {
  const at = head.search(/content-length:/i);
  return at < 0 || at > end ? 0 : Number.parseInt(head.slice(at + 15, at + 30), 10);
}
