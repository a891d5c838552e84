// Clients that want more memory than there is, each without an end: sequences whose runs grow with the square of their
// length, many long rows, bodies that do not end, connections that say nothing, frames nobody waits for.
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { http } from '../../support/http.ts';
import { WebSocketClient } from '../../support/websocket-client.ts';
import { WIDTH } from './models.ts';

/** Between two requests of a client: the server is to be short of memory, and not of processors. */
const PAUSE_MS = 400;
const HELD_MS = 8_000;
const SLOW_BODIES = 24;
const SLOW_BODY_BYTES = 14_000_000;
const CONNECTIONS = 2_000;
const CONNECTIONS_EVERY_MS = 20_000;
/** More than there may be, once in so many times. */
const CROWD = 9_000;
const CROWD_EVERY = 2;
/** How long it takes until the server has seen them go. */
const CROWD_SPARE_MS = 4_000;
const FRAMES = 50;
const FRAME_ROWS = 2_000;
/** Of the length that a request may have; what is longer is refused. */
const LENGTHS = [0.5, 1, 1, 0.9, 1.1, 8] as const;

export interface Target {
  readonly port: number;
  /** The longest sequence that the models `attention-1` and `attention-2` take. */
  readonly longest: number;
  readonly random: () => number;
  readonly isOver: () => boolean;
  /** Told when there are more connections than there may be, and when there are not any more. */
  readonly crowd: (isThere: boolean) => void;
  /** Told of each answer, or of how the connection ended. */
  readonly note: (attack: string, answer: string) => void;
}

const answerOf = ({ status, json }: { status: number; json: Record<string, unknown> }): string =>
  status === 200 ? '200' : `${status} ${String(json['code'])}`;
const endOf = (error: unknown): string => `connection: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;

/** One row of a sequence, as raw tensors. */
async function sequences(target: Target, model: string, rows: number): Promise<string> {
  const share = LENGTHS[Math.floor(target.random() * LENGTHS.length)] ?? 1;
  const length = Math.max(1, Math.floor(target.longest * share));
  const raw = Buffer.alloc(rows * length * WIDTH * 4);
  const input = {
    name: 'x', datatype: 'FP32', shape: [rows, length, WIDTH], parameters: { binary_data_size: raw.length },
  };
  const head = JSON.stringify({ inputs: [input] });
  const headers = { 'inference-header-content-length': String(head.length) };
  return http(target.port, `/v2/models/${model}/infer`, { body: [head, raw], headers }).then(answerOf, endOf);
}

async function again(target: Target, attack: string, once: () => Promise<string>, pauseMs: number): Promise<void> {
  while (!target.isOver()) {
    target.note(attack, await once());
    await sleep(pauseMs);
  }
}

// Sends all but the last byte of a body, and waits.
async function slowBody({ port }: Target): Promise<string> {
  const head = `POST /models/housing/predict HTTP/1.1\r\nHost: x\r\nContent-Length: ${SLOW_BODY_BYTES}\r\n\r\n`;
  const held = open(port);
  held.socket.write(head);
  held.socket.write(Buffer.alloc(SLOW_BODY_BYTES - 1, '1'));
  await Promise.race([held.ended, sleep(HELD_MS)]);
  held.socket.destroy();
  const answer = held.received();
  return answer === '' ? 'no answer' : /"code":"(\w+)"/.exec(answer)?.[1] ?? answer.slice(0, 20);
}

interface Held {
  readonly socket: Socket;
  readonly ended: Promise<void>;
  readonly received: () => string;
}

function open(port: number): Held {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')));
  return { socket, ended: new Promise((resolve) => socket.on('close', () => resolve())), received: () => received };
}

async function connections({ port, crowd }: Target, count: number): Promise<string> {
  const isCrowd = count > CONNECTIONS;
  if (isCrowd) crowd(true);
  const held = Array.from({ length: count }, () => open(port));
  for (const [at, { socket }] of held.entries()) if (at % 2 === 0) socket.write('POST /models/housing/predict HTTP');
  await sleep(HELD_MS);
  for (const { socket } of held) socket.destroy();
  if (isCrowd) {
    await sleep(CROWD_SPARE_MS);
    crowd(false);
  }
  return `${count} held`;
}

// Large answers to large frames, of which none is waited for.
async function frames({ port }: Target): Promise<string> {
  const client = await WebSocketClient.connect(port, { protocols: 'lastgood.json', path: '/ws' });
  const instances = Array.from({ length: FRAME_ROWS }, () => new Array<number>(8).fill(1));
  for (let id = 0; id < FRAMES; id += 1) client.send(JSON.stringify({ id, model: 'housing', instances }));
  await sleep(HELD_MS / 4);
  client.destroy();
  return 'sent';
}

/** Resolves when it is over. */
export async function attack(target: Target): Promise<void> {
  let rounds = 0;
  const nextCount = (): number => ((rounds += 1) % CROWD_EVERY === 0 ? CROWD : CONNECTIONS);
  await Promise.all([
    ...['attention-1', 'attention-2'].map((model) =>
      again(target, 'long sequences', () => sequences(target, model, 1), PAUSE_MS)),
    again(target, 'many long rows', () => sequences(target, 'attention-1', 16), PAUSE_MS * 2),
    ...Array.from({ length: SLOW_BODIES }, () => again(target, 'slow bodies', () => slowBody(target), HELD_MS)),
    again(target, 'idle connections', () => connections(target, nextCount()), CONNECTIONS_EVERY_MS),
    again(target, 'frames', () => frames(target).catch(endOf), HELD_MS),
  ]);
}
