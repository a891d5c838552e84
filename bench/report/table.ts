// Tables and goals as text for a terminal.
import type { Cell, Goal, PartResult, Table } from '../parts/part.ts';

const GAP = '  ';

const textOf = (cell: Cell): string => {
  if (cell === null) return '–';
  if (typeof cell === 'string') return cell;
  return Number.isInteger(cell) ? cell.toLocaleString('en-US') : String(cell);
};

/** Columns as wide as their widest cell, numbers to the right. */
export function tableText({ title, columns, rows }: Table): string {
  const widths = columns.map((name, at) => Math.max(name.length, ...rows.map((row) => textOf(row[at] ?? null).length)));
  const isNumeric = columns.map((_, at) => rows.some((row) => typeof row[at] === 'number'));
  const line = (cells: readonly string[]): string =>
    cells.map((text, at) => (isNumeric[at] === true ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0)))
      .join(GAP).trimEnd();
  return [title, line(columns), ...rows.map((row) => line(columns.map((_, at) => textOf(row[at] ?? null))))].join('\n');
}

/** What a goal measured, with its unit. */
export const figureText = ({ measured, unit }: Goal): string => `${Number(measured.toPrecision(3))}${unit}`;

/** All goals of the parts that ran. */
export function goalTable(goals: readonly Goal[]): Table {
  return {
    title: 'goals',
    columns: ['measure', 'goal', 'measured', ''],
    rows: goals.map((goal) => [goal.measure, goal.goal, figureText(goal), goal.isMet ? 'met' : 'MISSED']),
  };
}

/** Everything one part found. */
export function partText({ name, tables, notes }: PartResult): string {
  return [`\n== ${name}`, ...tables.map(tableText), ...notes.map((note) => `note: ${note}`)].join('\n\n');
}
