// How results look to a person: tables, durations, bytes, times, colours. Colours appear only on a terminal and
// without NO_COLOR; everything but `print` and `paint` is pure.
import { styleText } from 'node:util';
import { plainly } from '../../base/plain-text.ts';

export { bytesText, countText, durationText } from '../../judge/types/amount-text.ts';

export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow';
export interface Cell {
  readonly text: string;
  readonly style?: Style;
}

const GAP = '  ';

/** Writes lines to stdout. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** Writes one JSON document to stdout, on one line so that several can be told apart. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Prints `value` as JSON, or what `view` makes of it with its texts made harmless to a terminal. */
export function printResult<T>(flags: { readonly json?: boolean }, value: T, view: (value: T) => string): void {
  if (flags.json === true) printJson(value);
  else print(view(plainly(value)));
}

/** Colours `text` for stdout where that is wanted. */
export function paint(style: Style, text: string): string {
  const wanted = process.stdout.isTTY && (process.env['NO_COLOR'] ?? '') === '';
  return wanted ? styleText(style, text) : text;
}

/** Lines up `rows` below `head`; columns are as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly (string | Cell)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'string' ? { text: cell } : cell)));
  const all = [head.map((text): Cell => ({ text, style: 'dim' })), ...cells];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.text.length ?? 0)));
  const line = (row: readonly Cell[]): string =>
    row
      .map(({ text, style }, column) => {
        // Padded first: a colour's escape codes have no width.
        const padded = column === row.length - 1 ? text : text.padEnd(widths[column] ?? 0);
        return style === undefined ? padded : paint(style, padded);
      })
      .join(GAP)
      .trimEnd();
  return all.map(line).join('\n');
}

/** Lines up `name: text` pairs under each other. */
export function facts(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, text]) => `${paint('dim', name.padEnd(width))}${GAP}${text}`).join('\n');
}

/** A wall-clock time in local time: "2026-03-01 14:05:09". */
export function timeText(atMs: number): string {
  const at = new Date(atMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
