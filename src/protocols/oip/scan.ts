// Reads the JSON part of an Open Inference Protocol request around the element arrays, which go straight from bytes
// into typed arrays; and the id, also of a request that is broken. Pure; any thread.
//   {"inputs":[{"name":"x","data":[1,2]}]}   ->   the same with the place of [1,2] in the bytes
import { lastgoodError } from '../../base/errors.ts';
import { readJsonObject } from '../json/json-values.ts';
import { idIn } from '../json/refusal.ts';
import { describeValue } from '../json/value.ts';
import type { JsonObject, JsonValue } from '../json/value.ts';

const ID_CHARACTERS_MAX = 1_024;
const READ = { tokens: true, cut: 'data' } as const;

/** The JSON part of a request, its element arrays cut out and not checked yet; throws INVALID_JSON. */
export const readRequestJson = (bytes: Uint8Array): JsonObject => readJsonObject(bytes, READ);

/** The id as JSON text, or null; throws INVALID_REQUEST. */
export function readId(id: JsonValue | undefined): string | null {
  if (id === undefined || id === null) return null;
  const isText = typeof id === 'string' && id.length <= ID_CHARACTERS_MAX;
  if (isText || Number.isSafeInteger(id)) return JSON.stringify(id);
  const reason = `"id" is ${describeValue(id)}; wanted a text of at most ${ID_CHARACTERS_MAX} characters`;
  throw lastgoodError('INVALID_REQUEST', { reason });
}

/** The id of a request whose JSON part could not be read in full; null when even that is not to be had. */
export function requestId(json: Uint8Array): string | null {
  try {
    return readId(readRequestJson(json)['id']);
  } catch {
    // Broken further behind, perhaps.
    return idIn(json);
  }
}
