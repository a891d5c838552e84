// Finds one top-level member of a JSON object without parsing the rest: WebSocket frames are routed by their "model"
// and refused with their "id", and neither may cost the main thread a parse of the features. Pure; any thread.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const MEMBER_BYTES_MAX = 4096;
/** An escaped character takes six. */
const ESCAPE_BYTES = 6;

/**
 * Returns the value of the first top-level member of this name, or undefined when there is none, the bytes do not begin
 * like an object, or the value is no valid JSON of at most 4096 bytes.
 */
export function topLevelMember(bytes: Buffer, key: string): unknown {
  const text = topLevelText(bytes, key);
  return text === undefined ? undefined : (JSON.parse(text) as unknown);
}

/** The same as it was written. */
export function topLevelText(bytes: Buffer, key: string): string | undefined {
  const name = Buffer.from(`"${key}"`);
  let depth = 0;
  let atName = false;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case QUOTE: {
        const end = textEnd(bytes, at);
        if (atName && depth === 1 && isName(bytes, at, end, name)) return textAfter(bytes, end);
        atName = false;
        at = end - 1;
        break;
      }
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (depth === 0 && bytes[at] !== OPEN_BRACE) return undefined;
        depth += 1;
        atName = depth === 1;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth -= 1;
        if (depth <= 0) return undefined;
        break;
      case COMMA:
        atName = depth === 1;
        break;
    }
  }
  return undefined;
}

// `name` in quotes, or the same with escapes.
function isName(bytes: Buffer, start: number, end: number, name: Buffer): boolean {
  if (end - start === name.length) return name.compare(bytes, start, end) === 0;
  if (end - start > name.length * ESCAPE_BYTES || !bytes.subarray(start, end).includes(BACKSLASH)) return false;
  try {
    return JSON.stringify(JSON.parse(bytes.toString('utf8', start, end))) === name.toString();
  } catch {
    return false;
  }
}

/** The index after the closing quote of the text that opens at `quote`, or the end of the bytes. */
export function textEnd(bytes: Uint8Array, quote: number): number {
  let at = quote + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return Math.min(at + 1, bytes.length);
}

function textAfter(bytes: Buffer, nameEnd: number): string | undefined {
  const start = bytes.indexOf(COLON, nameEnd) + 1;
  if (start === 0) return undefined;
  let depth = 0;
  let end = start;
  for (; end < bytes.length && end - start < MEMBER_BYTES_MAX; end += 1) {
    const byte = bytes[end];
    if (byte === QUOTE) end = textEnd(bytes, end) - 1;
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (depth === 0 && (byte === COMMA || byte === CLOSE_BRACE)) break;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
  }
  if (end - start > MEMBER_BYTES_MAX) return undefined;
  const text = bytes.toString('utf8', start, end).trim();
  try {
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
