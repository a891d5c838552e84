// A small WebSocket client for tests (Node 20 has none): handshake, masked frames out, text, binary and close in.
// It does what tests need and no more: no fragmentation, no extensions; pings are answered.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const Opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const DEADLINE_MS = 30_000;

export interface CloseEvent {
  /** 1006 when the connection ended without a close frame. */
  readonly code: number;
  readonly reason: string;
}

export interface ConnectOptions {
  readonly path?: string;
  readonly protocols?: string;
  readonly version?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** PEM of the certificate that the server must show: the connection goes over TLS. */
  readonly ca?: string;
}

type Message = string | Buffer;

export class WebSocketClient {
  /** The HTTP status of the handshake; 101 means that the socket is open. */
  readonly status: number;
  /** The head of the handshake's answer, and its body when it was refused. */
  readonly handshake: string;
  /** Settles when the connection is over. */
  readonly closed: Promise<CloseEvent>;
  readonly #socket: Socket;
  readonly #messages: Message[] = [];
  readonly #waiters: ((message: Message) => void)[] = [];
  #pending: Buffer;
  #close: CloseEvent | undefined;

  private constructor(socket: Socket, handshake: string, rest: Buffer) {
    this.#socket = socket;
    this.handshake = handshake;
    this.status = Number(/^HTTP\/1\.1 (\d{3})/.exec(handshake)?.[1]);
    this.#pending = rest;
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', () => resolve(this.#close ?? { code: 1006, reason: '' }));
    });
    socket.on('data', (bytes: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, bytes]);
      this.#parse();
    });
    if (this.status === 101) this.#parse();
  }

  /** Connects to 127.0.0.1 and resolves after the answer to the handshake, whatever it says. */
  static async connect(port: number, options: ConnectOptions = {}): Promise<WebSocketClient> {
    const { ca } = options;
    const socket = ca === undefined ? connect(port, '127.0.0.1') : connectTls({ host: '127.0.0.1', port, ca });
    await once(socket, ca === undefined ? 'connect' : 'secureConnect');
    const lines = [
      `GET ${options.path ?? '/ws'} HTTP/1.1`,
      'Host: 127.0.0.1',
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      `Sec-WebSocket-Version: ${options.version ?? '13'}`,
      ...Object.entries(options.headers ?? {}).map(([name, value]) => `${name}: ${value}`),
      ...(options.protocols === undefined ? [] : [`Sec-WebSocket-Protocol: ${options.protocols}`]),
    ];
    socket.write(lines.join('\r\n') + '\r\n\r\n');
    let received = Buffer.alloc(0);
    let end = -1;
    while (end < 0) {
      const [bytes] = (await once(socket, 'data', { signal: AbortSignal.timeout(DEADLINE_MS) })) as [Buffer];
      received = Buffer.concat([received, bytes]);
      end = received.indexOf('\r\n\r\n');
    }
    const upgraded = received.toString('latin1').startsWith('HTTP/1.1 101');
    const headBytes = upgraded ? end + 4 : received.length;
    return new WebSocketClient(socket, received.toString('utf8', 0, headBytes), received.subarray(headBytes));
  }

  /** The subprotocol that the server chose, if it named one. */
  get protocol(): string | undefined {
    return /^sec-websocket-protocol: (.*)\r$/im.exec(this.handshake)?.[1];
  }

  /** Sends messages, all of them in one piece. */
  send(...messages: readonly (string | Uint8Array)[]): void {
    this.#socket.write(Buffer.concat(messages.map((message) => typeof message === 'string'
      ? framed(Opcode.text, Buffer.from(message))
      : framed(Opcode.binary, Buffer.from(message)))));
  }

  /** The next text message. */
  async next(): Promise<string> {
    const message = await this.#next();
    if (typeof message === 'string') return message;
    throw new Error('wait for a text message: a binary one came');
  }

  /** The next binary message. */
  async nextBinary(): Promise<Buffer> {
    const message = await this.#next();
    if (typeof message !== 'string') return message;
    throw new Error(`wait for a binary message: a text came: ${message.slice(0, 200)}`);
  }

  #next(): Promise<Message> {
    const message = this.#messages.shift();
    if (message !== undefined) return Promise.resolve(message);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('wait for a WebSocket message: none came')), DEADLINE_MS);
      this.#waiters.push((came) => {
        clearTimeout(timer);
        resolve(came);
      });
    });
  }

  /** The next text message, parsed. */
  async nextJson(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.next()) as Record<string, unknown>;
  }

  /** Stops reading from the connection, so that the server sees a slow reader. */
  pause(): void {
    this.#socket.pause();
  }
  resume(): void {
    this.#socket.resume();
  }

  /** Cuts the connection without a close frame. */
  destroy(): void {
    this.#socket.destroy();
  }

  #parse(): void {
    for (;;) {
      if (this.#pending.length < 2) return;
      const short = this.#pending[1]! & 0x7f;
      const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#pending.length < headBytes) return;
      const length =
        short < 126 ? short : short === 126 ? this.#pending.readUInt16BE(2) : Number(this.#pending.readBigUInt64BE(2));
      if (this.#pending.length < headBytes + length) return;
      const payload = this.#pending.subarray(headBytes, headBytes + length);
      const opcode = this.#pending[0]! & 0x0f;
      this.#pending = this.#pending.subarray(headBytes + length);
      this.#take(opcode, payload);
    }
  }

  #take(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.text || opcode === Opcode.binary) {
      const message = opcode === Opcode.text ? payload.toString() : Buffer.from(payload);
      const waiter = this.#waiters.shift();
      if (waiter === undefined) this.#messages.push(message);
      else waiter(message);
    } else if (opcode === Opcode.close) {
      this.#close = { code: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) };
      this.#socket.write(framed(Opcode.close, payload.subarray(0, 2)));
      this.#socket.end();
    } else if (opcode === Opcode.ping) {
      this.#socket.write(framed(Opcode.pong, payload));
    }
  }
}

function framed(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const extendedBytes = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const head = Buffer.alloc(2 + extendedBytes);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (extendedBytes === 0 ? length : extendedBytes === 2 ? 126 : 127);
  if (extendedBytes === 2) head.writeUInt16BE(length, 2);
  if (extendedBytes === 8) head.writeBigUInt64BE(BigInt(length), 2);
  const mask = randomBytes(4);
  const masked = Buffer.from(payload);
  for (let at = 0; at < length; at += 1) masked[at] = masked[at]! ^ mask[at & 3]!;
  return Buffer.concat([head, mask, masked]);
}
