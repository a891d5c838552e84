// Writes the values of a program as JSON so that nothing of them changes, or says why it cannot. Pure; any thread.
//   numbers as they are, minus zero too; NaN as null, which is read as NaN; bigints digit by digit; typed arrays as
//   arrays
import { JSON_DEPTH_MAX } from './json-values.ts';
import { describeValue } from './value.ts';

/** The JSON of `value`; throws an Error that says what it holds that JSON has no word for. */
export function jsonText(value: unknown, depth = 0): string {
  switch (typeof value) {
    case 'number':
      return numberText(value);
    case 'bigint':
      return String(value);
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'object': {
      if (value === null) return 'null';
      if (depth > JSON_DEPTH_MAX) throw new Error(`it is nested more than ${JSON_DEPTH_MAX} deep`);
      if (Array.isArray(value)) return arrayText(value, depth);
      if (isTypedArray(value)) return arrayText(value, depth);
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype === null || Object.getPrototypeOf(prototype) === null) return objectText(value, depth);
      throw new Error(`it holds ${describeValue(value)} of a class; wanted numbers, texts, arrays and plain objects`);
    }
    default:
      throw new Error(`it holds ${typeof value}; wanted numbers, texts, arrays and plain objects`);
  }
}

const isTypedArray = (value: object): value is object & ArrayLike<number | bigint> =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

function numberText(value: number): string {
  if (value - value === 0) return value === 0 && 1 / value < 0 ? '-0' : String(value);
  if (Number.isNaN(value)) return 'null';
  throw new Error(`it holds ${value}, which JSON has no word for`);
}

// A loop: holes count as missing, and what is missing is refused.
function arrayText(values: ArrayLike<unknown>, depth: number): string {
  let text = '[';
  for (let index = 0; index < values.length; index += 1) {
    if (index > 0) text += ',';
    const value = values[index];
    text += typeof value === 'number' ? numberText(value) : jsonText(value, depth + 1);
  }
  return `${text}]`;
}

const objectText = (value: object, depth: number): string =>
  `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}:${jsonText(one, depth + 1)}`).join(',')}}`;
