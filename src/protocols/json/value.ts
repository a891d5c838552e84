// The values of a JSON document as they are read here, and what an error says of one. Pure; any thread.

const GOT_CHARACTERS_MAX = 40;

export type JsonValue =
  | null | boolean | number | bigint | string | WrittenNumber | CutArray
  | readonly JsonValue[] | { readonly [name: string]: JsonValue };
export type JsonObject = Readonly<Record<string, JsonValue>>;

/** A number that is more than a double holds, or one that is no integer though its double is. */
export class WrittenNumber {
  readonly text: string;
  /** The nearest double. */
  readonly value: number;

  constructor(text: string, value: number) {
    this.text = text;
    this.value = value;
  }
}

/** An array that was not read: its bytes are those from `start` to `end`. */
export class CutArray {
  readonly start: number;
  readonly end: number;

  constructor(start: number, end: number) {
    this.start = start;
    this.end = end;
  }
}

export const isJsonObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof WrittenNumber) &&
  !(value instanceof CutArray);

/** A text as an error repeats it: long ones are cut. */
export const clipped = (text: string): string =>
  text.length > GOT_CHARACTERS_MAX ? `${text.slice(0, GOT_CHARACTERS_MAX)}...` : text;

/** Names a JSON value in a sentence; long texts are cut. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(clipped(value));
  if (value instanceof WrittenNumber) return clipped(value.text);
  if (Array.isArray(value) || value instanceof CutArray) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  return clipped(String(value));
}
