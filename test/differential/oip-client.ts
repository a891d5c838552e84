// A client of the Open Inference Protocol for tests, over HTTP and over oip.v2 frames, with JSON or raw tensors either
// way. Written from the protocol, not from the product's code.
import { request as httpRequest } from 'node:http';
import type { Agent } from 'node:http';
import type { WebSocketClient } from '../support/websocket-client.ts';
import { fromJson, fromRaw, jsonData, rawBytes } from './tensors.ts';
import type { Tensor } from './tensors.ts';

/** Which inputs and outputs travel as raw bytes; FP16 always does. */
export type IsRaw = (name: string) => boolean;

interface Message {
  readonly json: Buffer;
  readonly tail: Buffer;
}

interface AnswerJson {
  readonly error?: string;
  readonly outputs?: readonly {
    readonly name: string;
    readonly datatype: Tensor['datatype'];
    readonly shape: readonly number[];
    readonly data?: readonly unknown[];
    readonly parameters?: { readonly binary_data_size: number };
  }[];
}

export function message(tensors: readonly Tensor[], outputs: readonly string[], isRaw: IsRaw, id: string): Message {
  const tails: Buffer[] = [];
  const inputs = tensors.map((tensor, at) => {
    const { name, datatype, shape } = tensor;
    const head = `"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(',')}]`;
    if (datatype !== 'FP16' && !isRaw(name)) return `{${head},"data":${jsonData(tensor, at % 2 === 0)}}`;
    const bytes = rawBytes(tensor);
    tails.push(bytes);
    return `{${head},"parameters":{"binary_data_size":${bytes.length}}}`;
  });
  const wanted = outputs.map((name) =>
    `{"name":"${name}","parameters":{"binary_data":${name.includes('FP16') || isRaw(name)}}}`);
  const json = `{"id":"${id}","inputs":[${inputs.join(',')}],"outputs":[${wanted.join(',')}]}`;
  return { json: Buffer.from(json), tail: Buffer.concat(tails) };
}

/** The outputs of an answer, by name; throws what the server said when it is an error. */
export function outputsOf(json: Buffer, tail: Buffer): ReadonlyMap<string, Tensor> {
  // Large integers and what JSON has no word for become texts.
  const text = json.toString().replaceAll(/(?<=[[,])(-?\d{16,}|NaN|-?Infinity)(?=[,\]])/g, '"$1"');
  const { error, outputs = [] } = JSON.parse(text) as AnswerJson;
  if (error !== undefined) throw new Error(error);
  let at = 0;
  return new Map(outputs.map(({ name, datatype, shape, data, parameters }) => {
    const size = parameters?.binary_data_size ?? 0;
    const elements = data === undefined ? fromRaw(datatype, tail.subarray(at, at + size)) : fromJson(datatype, data);
    at += size;
    return [name, { name, datatype, shape, data: elements }];
  }));
}

/** POST /v2/models/…/infer. */
export function overHttp(
  port: number, agent: Agent, model: string, { json, tail }: Message,
): Promise<ReadonlyMap<string, Tensor>> {
  const length = tail.length === 0 ? {} : { 'inference-header-content-length': json.length };
  return new Promise((resolve, reject) => {
    const headers = { ...length, 'content-length': json.length + tail.length };
    const path = `/v2/models/${model}/infer`;
    const sent = httpRequest({ host: '127.0.0.1', port, agent, method: 'POST', path, headers });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(pieces);
        const said = response.headers['inference-header-content-length'];
        const jsonBytes = said === undefined ? body.length : Number(said);
        try {
          resolve(outputsOf(body.subarray(0, jsonBytes), body.subarray(jsonBytes)));
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    sent.end(Buffer.concat([json, tail]));
  });
}

/** One oip.v2 socket to one model; answers may come in any order. */
export class OipSocket {
  readonly #client: WebSocketClient;
  readonly #waiting = new Map<string, (frame: Buffer) => void>();

  constructor(client: WebSocketClient) {
    this.#client = client;
  }

  send(id: string, { json, tail }: Message): Promise<ReadonlyMap<string, Tensor>> {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(json.length);
    const answered = new Promise<Buffer>((resolve) => this.#waiting.set(id, resolve));
    this.#client.send(Buffer.concat([length, json, tail]));
    void this.#read();
    return answered.then((frame) => {
      const jsonBytes = frame.readUInt32LE();
      return outputsOf(frame.subarray(4, 4 + jsonBytes), frame.subarray(4 + jsonBytes));
    });
  }

  async #read(): Promise<void> {
    const frame = await this.#client.nextBinary();
    const { id } = JSON.parse(frame.toString('utf8', 4, 4 + frame.readUInt32LE())
      .replaceAll(/(?<=[[,])(NaN|-?Infinity)(?=[,\]])/g, '0')) as { readonly id: string };
    this.#waiting.get(id)?.(frame);
    this.#waiting.delete(id);
  }

  destroy(): void {
    this.#client.destroy();
  }
}
