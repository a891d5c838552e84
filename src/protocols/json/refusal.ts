// What every protocol says of a request that it refuses, {"error":"…","code":"…"}, and the ids by which clients match
// answers to requests. Pure; any thread.
import { errorBody } from '../../base/errors.ts';
import { topLevelText } from './member-scan.ts';

/** The answer to a request that is refused, in the encoding of its protocol. */
export interface Refusal {
  /** The HTTP status, also where no HTTP answer says it. */
  readonly status: number;
  readonly bytes: Uint8Array;
}

/**
 * Encodes an error as JSON. In a frame the id stands first, as JSON text or null, or nobody could tell which frame was
 * refused; without `id` there is none.
 */
export function refusalJson(error: unknown, id?: string | null): Refusal {
  const { status, body } = errorBody(error);
  const json = JSON.stringify(body);
  return { status, bytes: Buffer.from(id === undefined ? json : `{"id":${id ?? 'null'},${json.slice(1)}`) };
}

/**
 * The id in the JSON of a request, as it was written, also where the JSON is broken further behind; null when it has
 * none that an error can repeat, a text or a number: nothing is refused a second time for its id.
 */
export function idIn(json: Uint8Array): string | null {
  const text = topLevelText(Buffer.from(json.buffer, json.byteOffset, json.length), 'id');
  return text !== undefined && /^["\d-]/.test(text) ? text : null;
}
