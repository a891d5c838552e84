// The heads that nearly every answer has, put together once: one call of the driver writes all of it. Main thread.
import type { HttpDriver, PreparedHead } from './driver.ts';

export const JSON_TYPE = 'application/json';
export const TENSOR_TYPE = 'application/octet-stream';
/** The length of the JSON part of a body with raw tensors behind it. */
export const TENSOR_HEADER = 'Inference-Header-Content-Length';

/** The answers of one model have few lengths of the JSON part; beyond this many it begins anew. */
const TENSOR_HEADS_MAX = 256;

export class AnswerHeads {
  /** 200 with JSON. */
  readonly json: PreparedHead;
  readonly #prepare: HttpDriver['prepareHead'];
  readonly #tensor = new Map<number, PreparedHead>();

  constructor(prepare: HttpDriver['prepareHead']) {
    this.#prepare = prepare;
    this.json = prepare('200 OK', [['Content-Type', JSON_TYPE]]);
  }

  /** 200 with raw tensors behind a JSON part of `headerBytes`. */
  tensor(headerBytes: number): PreparedHead {
    const known = this.#tensor.get(headerBytes);
    if (known !== undefined) return known;
    if (this.#tensor.size >= TENSOR_HEADS_MAX) this.#tensor.clear();
    const head = this.#prepare('200 OK', [['Content-Type', TENSOR_TYPE], [TENSOR_HEADER, String(headerBytes)]]);
    this.#tensor.set(headerBytes, head);
    return head;
  }
}
