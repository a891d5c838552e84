// Small JSON bodies that are read on the main thread: those of operators and of the repository extension, never those
// of predictions.
import { isUtf8 } from 'node:buffer';
import { lastgoodError, reasonOf } from '../base/errors.ts';
import { nestsDeeper } from '../wire/predict-body.ts';

/** JSON.parse needs seconds for millions of nested brackets. */
const NESTING_MAX = 64;

/** The object in `body`, an empty one for an empty body; throws INVALID_JSON. */
export function objectIn(body: Uint8Array): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {};
  if (!isUtf8(body)) throw lastgoodError('INVALID_JSON', { reason: 'it is no valid UTF-8' });
  if (nestsDeeper(body, NESTING_MAX)) {
    throw lastgoodError('INVALID_JSON', { reason: `it is nested more than ${NESTING_MAX} deep` });
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8'));
  } catch (error) {
    throw lastgoodError('INVALID_JSON', { reason: reasonOf(error) });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw lastgoodError('INVALID_JSON', { reason: 'the body is no object' });
}
