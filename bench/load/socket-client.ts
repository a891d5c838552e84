// One WebSocket of the load generator speaking `lastgood.f32`: many frames in flight, all frames of one turn in one
// write. A client must mask its frames; the mask is zero, so the payload goes out as it is.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { LoadClient, OnAnswer } from './http-client.ts';

const BINARY_FRAME = 0x82;
const MASKED = 0x80;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const ID_BYTES = 4;
const STATUS_OK = 200;

/** A frame of `payload` behind an id that is filled in later, and where the id stands. */
export function frameBytes(payload: Uint8Array): { readonly frame: Buffer; readonly idAt: number } {
  const length = payload.length + ID_BYTES;
  const isShort = length < LENGTH_16;
  const head = Buffer.alloc(isShort ? 6 : length < 0x10000 ? 8 : 14);
  head[0] = BINARY_FRAME;
  head[1] = MASKED | (isShort ? length : length < 0x10000 ? LENGTH_16 : LENGTH_64);
  if (head.length === 8) head.writeUInt16BE(length, 2);
  if (head.length === 14) head.writeBigUInt64BE(BigInt(length), 2);
  return { frame: Buffer.concat([head, Buffer.alloc(ID_BYTES), payload]), idAt: head.length };
}

export class SocketClient implements LoadClient {
  free: number;
  readonly answer = '';
  readonly #frame: Buffer;
  readonly #idAt: number;
  readonly #onAnswer: OnAnswer;
  readonly #socket: Socket;
  #unsent: Buffer[] = [];
  #rest: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, frame: Buffer, idAt: number, inFlight: number, onAnswer: OnAnswer) {
    this.#socket = socket;
    this.#frame = frame;
    this.#idAt = idAt;
    this.free = inFlight;
    this.#onAnswer = onAnswer;
  }

  static open(
    host: string, port: number, path: string, payload: Uint8Array, inFlight: number, onAnswer: OnAnswer,
  ): Promise<SocketClient> {
    const { frame, idAt } = frameBytes(payload);
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      const client = new SocketClient(socket, frame, idAt, inFlight, onAnswer);
      socket.once('error', reject);
      socket.once('connect', () => socket.write(upgradeRequest(host, path)));
      socket.once('data', (bytes: Buffer) => {
        const end = bytes.indexOf('\r\n\r\n');
        if (end < 0 || !bytes.toString('latin1', 0, end).startsWith('HTTP/1.1 101')) {
          reject(new Error(`open a WebSocket: ${bytes.toString('latin1')}`));
          return;
        }
        socket.on('data', (more: Buffer) => client.#received(more));
        socket.on('close', () => onAnswer(client, -1, false));
        resolve(client);
      });
    });
  }

  send(id: number): void {
    this.free -= 1;
    if (this.#unsent.length === 0) setImmediate(() => this.#flush());
    const frame = Buffer.from(this.#frame);
    frame.writeUInt32LE(id, this.#idAt);
    this.#unsent.push(frame);
  }

  end(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #flush(): void {
    const frames = this.#unsent;
    this.#unsent = [];
    this.#socket.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
  }

  #received(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (at + 2 <= all.length) {
      let length = all[at + 1]! & 0x7f;
      let start = at + 2;
      if (length === LENGTH_16) {
        if (all.length < at + 4) break;
        length = all.readUInt16BE(at + 2);
        start = at + 4;
      } else if (length === LENGTH_64) {
        if (all.length < at + 10) break;
        length = Number(all.readBigUInt64BE(at + 2));
        start = at + 10;
      }
      if (start + length > all.length) break;
      if (all[at] === BINARY_FRAME) {
        this.free += 1;
        this.#onAnswer(this, all.readUInt32LE(start), all.readUInt32LE(start + ID_BYTES) === STATUS_OK);
      }
      at = start + length;
    }
    this.#rest = at === all.length ? Buffer.alloc(0) : all.subarray(at);
  }
}

function upgradeRequest(host: string, path: string): string {
  return [
    `GET ${path} HTTP/1.1`, `Host: ${host}`, 'Upgrade: websocket', 'Connection: Upgrade',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`, 'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: lastgood.f32', '', '',
  ].join('\r\n');
}
