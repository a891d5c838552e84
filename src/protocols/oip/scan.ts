// Cuts the element arrays out of an Open Inference Protocol request, so that JSON.parse reads what is around them and
// the arrays themselves go straight from bytes into typed arrays, 64-bit integers included. Pure; worker thread.
//   {"inputs":[{"name":"x","data":[1,2]}]}   ->   {"inputs":[{"name":"x","data":[0]}]}  and the range of [1,2]
// Invariant: an array that is left in the parsed object is the index of a range, or its key was written with escapes.
import { isUtf8 } from 'node:buffer';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { describeValue } from '../json/element.ts';
import { textEnd, topLevelMember } from '../json/member-scan.ts';
import { idText } from '../json/refusal.ts';

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;
const COLON = 0x3a;

/** Deeper documents are refused: no tensor needs it, and JSON.parse needs seconds for millions of levels. */
const NESTING_MAX = 100;

/** An object in an array in the top object: where inputs stand. */
const DATA_DEPTH = 3;
/** What that leaves for an element array. */
export const DATA_NESTING_MAX = NESTING_MAX - DATA_DEPTH;
const DATA_KEY = Buffer.from('"data"');
const ID_CHARACTERS_MAX = 1_024;

export interface DataRange {
  readonly start: number;
  readonly end: number;
}

export interface SplitRequest {
  /** The document; each element array is replaced by `[k]`, k being its place in `ranges`. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly ranges: readonly DataRange[];
}

/** Splits the JSON part of a request; throws INVALID_JSON. What the ranges hold is not checked yet. */
export function splitRequest(bytes: Uint8Array): SplitRequest {
  if (!isUtf8(bytes)) throw lastgoodError('INVALID_JSON', { reason: 'it is no valid UTF-8' });
  const ranges = findData(bytes);
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = '';
  let from = 0;
  ranges.forEach(({ start, end }, index) => {
    text += `${buffer.toString('utf8', from, start)}[${index}]`;
    from = end;
  });
  text += buffer.toString('utf8', from);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw lastgoodError('INVALID_JSON', { reason: reasonOf(error) });
  }
  if (typeof document === 'object' && document !== null && !Array.isArray(document)) {
    return { document: document as Record<string, unknown>, ranges };
  }
  throw lastgoodError('INVALID_JSON', { reason: `it is ${describeValue(document)}` });
}

/** The id as JSON text, or null; throws INVALID_REQUEST. */
export function readId(id: unknown): string | null {
  if (id === undefined || id === null) return null;
  const isText = typeof id === 'string' && id.length <= ID_CHARACTERS_MAX;
  if (isText || Number.isSafeInteger(id)) return JSON.stringify(id);
  const reason = `"id" is ${describeValue(id)}; wanted a text of at most ${ID_CHARACTERS_MAX} characters`;
  throw lastgoodError('INVALID_REQUEST', { reason });
}

/** The id of a request whose JSON part could not be read in full; null when even that is not to be had. */
export function requestId(json: Uint8Array): string | null {
  try {
    return readId(splitRequest(json).document['id']);
  } catch {
    // Broken further behind, perhaps.
    return idText(topLevelMember(Buffer.from(json.buffer, json.byteOffset, json.length), 'id'));
  }
}

function findData(bytes: Uint8Array): DataRange[] {
  const ranges: DataRange[] = [];
  let depth = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case QUOTE: {
        const start = depth === DATA_DEPTH ? dataStart(bytes, at) : -1;
        if (start < 0) {
          at = textEnd(bytes, at) - 1;
        } else {
          const end = arrayEnd(bytes, start, DATA_DEPTH);
          ranges.push({ start, end });
          at = end - 1;
        }
        break;
      }
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        if (depth > NESTING_MAX) throw tooDeep();
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
        break;
    }
  }
  return ranges;
}

// At a quote: where the array begins that `"data"` is the key of, or -1.
function dataStart(bytes: Uint8Array, quote: number): number {
  for (let index = 0; index < DATA_KEY.length; index += 1) {
    if (bytes[quote + index] !== DATA_KEY[index]) return -1;
  }
  let at = spaceEnd(bytes, quote + DATA_KEY.length);
  if (bytes[at] !== COLON) return -1;
  at = spaceEnd(bytes, at + 1);
  return bytes[at] === OPEN_BRACKET ? at : -1;
}

function spaceEnd(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at += 1;
  return at;
}

// The index after the bracket that closes the array at `start`, or the end of the bytes.
function arrayEnd(bytes: Uint8Array, start: number, outerDepth: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = textEnd(bytes, at) - 1;
    } else if (byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      depth += 1;
      if (depth + outerDepth > NESTING_MAX) throw tooDeep();
    } else if (byte === CLOSE_BRACKET || byte === CLOSE_BRACE) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return bytes.length;
}

const tooDeep = (): Error => lastgoodError('INVALID_JSON', { reason: `it is nested more than ${NESTING_MAX} deep` });
