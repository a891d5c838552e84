// Columns that a graph computes from the raw features: a value looked up by band, or a logarithm. The training code
// clamps what it looks up or takes the logarithm of; an export without that clamp fails on some real rows.
import { INPUT_NAME, integerAttribute, type GraphWriter } from './onnx-writer.ts';
import type { Table } from './data.ts';

export interface ExtraColumn {
  /** Computes the column for one row as the training code does, clamped. */
  readonly valueOf: (row: readonly number[]) => number;
  /** Adds the nodes and returns the name of a [batch, 1] value. */
  readonly emit: (graph: GraphWriter, clamped: boolean) => string;
}

/** Sums some columns of a row and counts in bands of `step`; the highest band of the table is the last clamped one. */
export interface BandRule {
  /** In words, for the documentation. */
  readonly what: string;
  /** One column, or all of them (their sum). */
  readonly column: number | 'sum';
  readonly step: number;
  readonly bands: number;
  /** What the table holds for a band: this, averaged over the training rows of the band. */
  readonly meaning: (row: readonly number[], label: number) => number;
}

/** The logarithm of how far a column lies below a limit; the clamp is the least distance. */
export interface LogRule {
  /** In words, for the documentation. */
  readonly what: string;
  readonly column: number;
  readonly limit: number;
  readonly least: number;
}

function emitColumn(graph: GraphWriter, column: number | 'sum', prefix: string): string {
  const axis = graph.integers(`${prefix}_column`, [1], [column === 'sum' ? 1 : column]);
  if (column === 'sum') return graph.node('ReduceSum', [INPUT_NAME, axis], `${prefix}_value`);
  return graph.node('Gather', [INPUT_NAME, axis], `${prefix}_value`, [integerAttribute('axis', 1)]);
}

/** Fits the table of a band column to training rows. */
export function fitBands(rule: BandRule, table: Table): ExtraColumn {
  const measure = (row: readonly number[]): number =>
    rule.column === 'sum' ? row.reduce((sum, value) => sum + value, 0) : row[rule.column]!;
  const bandOf = (row: readonly number[]): number => Math.min(rule.bands - 1, Math.floor(measure(row) / rule.step));
  const total = Array<number>(rule.bands).fill(0);
  const count = Array<number>(rule.bands).fill(0);
  let all = 0;
  table.rows.forEach((row, index) => {
    const value = rule.meaning(row, table.labels[index]!);
    total[bandOf(row)]! += value;
    count[bandOf(row)]! += 1;
    all += value;
  });
  // An empty band answers the average of all rows.
  const values = total.map((sum, band) => (count[band] === 0 ? all / table.rows.length : sum / count[band]!));
  return {
    valueOf: (row) => values[bandOf(row)]!,
    emit: (graph, clamped) => {
      const measured = emitColumn(graph, rule.column, 'band');
      const step = graph.floats('band_step', [1], [rule.step]);
      const whole = graph.node('Floor', [graph.node('Div', [measured, step], 'band_share')], 'band_floor');
      let index = graph.node('Cast', [whole], 'band_index', [integerAttribute('to', 7)]);
      if (clamped) {
        index = graph.node('Min', [index, graph.integers('band_last', [1], [rule.bands - 1])], 'band_clamped');
      }
      return graph.node('Gather', [graph.floats('band_values', [rule.bands], values), index], 'band');
    },
  };
}

/** Makes a logarithm column. */
export function logColumn(rule: LogRule): ExtraColumn {
  return {
    valueOf: (row) => Math.log(Math.max(rule.limit - row[rule.column]!, rule.least)),
    emit: (graph, clamped) => {
      const measured = emitColumn(graph, rule.column, 'log');
      let rest = graph.node('Sub', [graph.floats('log_limit', [1], [rule.limit]), measured], 'log_rest');
      if (clamped) rest = graph.node('Max', [rest, graph.floats('log_least', [1], [rule.least])], 'log_clamped');
      return graph.node('Log', [rest], 'log');
    },
  };
}

/** Appends the extra column to a table. */
export function withExtraColumn(table: Table, extra: ExtraColumn, name: string): Table {
  return {
    columns: [...table.columns, name],
    rows: table.rows.map((row) => [...row, extra.valueOf(row)]),
    labels: table.labels,
  };
}
