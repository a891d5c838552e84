// Parses a whole /predict body with JSON.parse, within limits: the general path, and the last word on what is JSON.
// Pure; worker thread.
import { isUtf8 } from 'node:buffer';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { textEnd, topLevelMember } from '../json/member-scan.ts';
import { idText } from '../json/refusal.ts';
import { describeValue } from '../json/element.ts';

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;

/** JSON.parse needs seconds for millions of nested brackets; no tensor is nested this deep. */
const NESTING_MAX = 64;

/** Returns the object in `bytes`; throws INVALID_JSON for anything else. */
export function parseObject(bytes: Uint8Array): object {
  if (!isUtf8(bytes)) throw lastgoodError('INVALID_JSON', { reason: 'it is no valid UTF-8' });
  if (nestsDeeper(bytes, NESTING_MAX)) {
    throw lastgoodError('INVALID_JSON', { reason: `it is nested more than ${NESTING_MAX} deep` });
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
  } catch (error) {
    throw lastgoodError('INVALID_JSON', { reason: reasonOf(error) });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw lastgoodError('INVALID_JSON', { reason: `it is ${describeValue(value)}` });
}

/** The id of a frame as JSON text, for an answer that does not depend on its rows; null when it has none. */
export function frameId(bytes: Uint8Array): string | null {
  try {
    const { id } = parseObject(bytes) as { readonly id?: unknown };
    return idText(id);
  } catch {
    // Broken further behind, perhaps.
    return idText(topLevelMember(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 'id'));
  }
}

/** Tells whether brackets nest deeper than `depthMax`, without parsing. */
export function nestsDeeper(bytes: Uint8Array, depthMax: number): boolean {
  let depth = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = textEnd(bytes, at) - 1;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      depth += 1;
      if (depth > depthMax) return true;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      depth -= 1;
    }
  }
  return false;
}
