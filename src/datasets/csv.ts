// Reads CSV strictly (RFC 4180): one header line, the same number of fields in every line, quotes doubled within quoted
// fields, a comma, semicolon or tab between fields as the header has it. Pure. What is wrong is told with its line and
// field; both count from 1.
export interface CsvTable {
  readonly header: readonly string[];
  readonly rows: readonly CsvRow[];
}

interface CsvRow {
  /** The line on which it begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

const SEPARATORS = [',', ';', '\t'] as const;
const QUOTE = '"';
const BYTE_ORDER_MARK = '\ufeff';
const CSV_COLUMNS_MAX = 100_000;

class CsvScanner {
  readonly #text: string;
  readonly #separator: string;
  #at: number;
  line = 1;

  constructor(text: string) {
    this.#text = text;
    this.#at = text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
    this.#separator = separatorOf(text);
  }

  isDone(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The fields of the next record. */
  record(): string[] {
    const fields: string[] = [];
    for (;;) {
      fields.push(this.#text[this.#at] === QUOTE ? this.#quoted(fields.length + 1) : this.#plain(fields.length + 1));
      if (fields.length > CSV_COLUMNS_MAX) throw wrong(this.line, null, `it has more than ${CSV_COLUMNS_MAX} fields`);
      if (this.#text[this.#at] === this.#separator) this.#at += 1;
      else break;
    }
    if (this.#text[this.#at] === '\r') this.#at += 1;
    if (this.#text[this.#at] === '\n') this.#at += 1;
    else if (!this.isDone()) throw wrong(this.line, fields.length, 'something follows the closing quote');
    this.line += 1;
    return fields;
  }

  #plain(field: number): string {
    const from = this.#at;
    for (; this.#at < this.#text.length; this.#at += 1) {
      const character = this.#text[this.#at]!;
      if (character === this.#separator || character === '\n') break;
      if (character === '\r' && (this.#text[this.#at + 1] ?? '\n') === '\n') break;
      if (character === QUOTE) throw wrong(this.line, field, 'a quote stands within an unquoted field');
      if (character === '\r') throw wrong(this.line, field, 'a carriage return stands alone');
    }
    return this.#text.slice(from, this.#at);
  }

  #quoted(field: number): string {
    const line = this.line;
    let value = '';
    for (let from = this.#at + 1; ; ) {
      const end = this.#text.indexOf(QUOTE, from);
      if (end < 0) throw wrong(line, field, 'its quote is never closed');
      value += this.#text.slice(from, end);
      if (this.#text[end + 1] !== QUOTE) {
        this.#at = end + 1;
        this.line += value.split('\n').length - 1;
        return value;
      }
      value += QUOTE;
      from = end + 2;
    }
  }
}

/** Reads the text of a CSV file with at most `rowsMax` rows below its header; throws an Error. */
export function readCsv(text: string, rowsMax: number): CsvTable {
  const scanner = new CsvScanner(text);
  if (scanner.isDone()) throw new Error('it is empty; wanted a header line and rows below it');
  const header = scanner.record();
  const names = new Set<string>();
  for (const [index, name] of header.entries()) {
    if (names.has(name)) throw wrong(1, index + 1, `the column "${name}" is there twice`);
    names.add(name);
  }
  const rows: CsvRow[] = [];
  while (!scanner.isDone()) {
    const { line } = scanner;
    const fields = scanner.record();
    if (fields.length !== header.length) {
      throw wrong(line, null, `it has ${fields.length} fields; wanted ${header.length} as in the header`);
    }
    if (rows.length >= rowsMax) throw new Error(`it has more than ${rowsMax} rows; wanted at most that many`);
    rows.push({ line, fields });
  }
  if (rows.length === 0) throw new Error('it has no rows below its header');
  return { header, rows };
}

// The one that is most often in the header, outside of quotes.
function separatorOf(text: string): string {
  const header = text.slice(0, text.search(/\n|$/)).replace(/"(?:[^"]|"")*"/g, '');
  const counts = SEPARATORS.map((one) => header.split(one).length);
  return SEPARATORS[counts.indexOf(Math.max(...counts))]!;
}

function wrong(line: number, field: number | null, reason: string): Error {
  return new Error(`line ${line}${field === null ? '' : `, field ${field}`}: ${reason}`);
}
