// The columns of a table as a model's inputs. A column is called like an input of one value a row, or like one value of
// a larger one: features[3]. The columns of a table for a model of one input may be called anything, and go to it in
// their order. Pure.
import { rowElements } from '../domain/prediction.ts';
import type { Datatype, TensorSignature } from '../domain/records.ts';
import type { CsvTable } from './csv.ts';
import type { Dataset, FileRow, RowValue } from './rows.ts';

const ELEMENT = /^(?<input>.+)\[(?<element>\d{1,9})\]$/;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const WHOLE = /^[+-]?\d{1,20}$/;
const MISSING = /^(?:|nan|na)$/i;
const SHOWN_CHARACTERS = 40;

/** Where the values of one input stand in a line. */
interface Source {
  readonly input: TensorSignature;
  /** Fields, by the place of the value in the row. */
  readonly fields: readonly number[];
}

/** The rows of a table; throws an Error that names the column, or the line and the field. */
export function tableRows(
  { header, rows }: CsvTable, inputs: readonly TensorSignature[], dropped: readonly string[],
): Dataset {
  const gone = dropped.find((name) => !header.includes(name));
  if (gone !== undefined) throw new Error(`it has no column "${gone}" to drop; it has ${quoted(header)}`);
  const kept = header.map((name, field) => ({ name, field })).filter(({ name }) => !dropped.includes(name));
  const sources = namedSources(kept, inputs) ?? [onlySource(kept, inputs)];
  return {
    rows: rows.length,
    row: (row) => Object.fromEntries(sources.map(({ input, fields }): [string, FileRow] => {
      const { line, fields: texts } = rows[row]!;
      const values = fields.map((field) => {
        const value = valueIn(texts[field]!, input.datatype);
        if (value !== null) return value;
        const shown = JSON.stringify(texts[field]!.slice(0, SHOWN_CHARACTERS));
        const where = `line ${line}, field ${field + 1} ("${header[field]!}")`;
        throw new Error(`${where} holds ${shown}; wanted ${wantedOf(input.datatype)}`);
      });
      const shape = input.shape.slice(1);
      return [input.name, { values, shape: shape.some((size) => size < 0) ? [values.length] : shape }];
    })),
  };
}

interface Kept {
  readonly name: string;
  readonly field: number;
}
const quoted = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(', ');

// By their names; null when none is called as an input is.
function namedSources(kept: readonly Kept[], inputs: readonly TensorSignature[]): Source[] | null {
  const found = new Map<string, Map<number, number>>(inputs.map(({ name }) => [name, new Map()]));
  const strangers: string[] = [];
  for (const { name, field } of kept) {
    const { input = name, element = '0' } = found.has(name) ? {} : ELEMENT.exec(name)?.groups ?? {};
    const fields = found.get(input);
    if (fields === undefined) strangers.push(name);
    else fields.set(Number(element), field);
  }
  if (strangers.length === kept.length && inputs.length === 1) return null;
  if (strangers.length > 0) {
    const names = quoted(inputs.map(({ name }) => name));
    throw new Error(`its columns ${quoted(strangers)} are no inputs of the model, which has ${names}; wanted columns ` +
      'called so (or NAME[0], NAME[1], …), or --drop COLUMN');
  }
  return inputs.map((input) => {
    const fields = found.get(input.name)!;
    const size = rowElements(input.shape) < 0 ? fields.size : rowElements(input.shape);
    const places = Array.from({ length: size }, (_, element) => fields.get(element));
    const missing = places.indexOf(undefined);
    if (missing >= 0 || fields.size !== size || size === 0) {
      throw new Error(`input "${input.name}" has ${size} values a row, of which the file has ${fields.size}` +
        (missing < 0 ? '' : `: there is no column "${input.name}[${missing}]"`));
    }
    return { input, fields: places as number[] };
  });
}

function onlySource(kept: readonly Kept[], inputs: readonly TensorSignature[]): Source {
  const input = inputs[0]!;
  const size = rowElements(input.shape);
  if (size >= 0 && size !== kept.length) {
    throw new Error(`it has ${kept.length} columns and input "${input.name}" ${size} values a row; wanted as many, ` +
      'or --drop COLUMN for each that is none');
  }
  return { input, fields: kept.map(({ field }) => field) };
}

// Null for what the datatype does not hold.
function valueIn(text: string, datatype: Datatype): RowValue | null {
  switch (datatype) {
    case 'BYTES': return text;
    case 'FP16':
    case 'FP32':
    case 'FP64': return MISSING.test(text) ? NaN : DECIMAL.test(text) ? Number(text) : null;
    case 'BOOL': return /^(?:1|true)$/i.test(text) ? 1 : /^(?:0|false)$/i.test(text) ? 0 : null;
    default: return WHOLE.test(text) ? (Number.isSafeInteger(Number(text)) ? Number(text) : text) : null;
  }
}

function wantedOf(datatype: Datatype): string {
  if (datatype === 'BOOL') return 'true, false, 1 or 0';
  return datatype.startsWith('FP') ? 'a number, or nothing for a missing one' : `a whole number of ${datatype}`;
}
