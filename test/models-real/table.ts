// The table of the real models in docs/models.md: written by a run, and compared with another one. What differs between
// processors, the largest error, is written and not compared.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.ts';
import { shapeText } from '../../src/domain/datatype.ts';
import type { TensorSignature } from '../../src/domain/records.ts';
import { realModels } from './collection.ts';
import type { RealModel } from './collection.ts';
import type { Evidence } from './proof.ts';
import { LIBRARY, WAYS } from './ways.ts';

const PAGE = join(packageRoot(), 'docs', 'models.md');
const BEGIN = '<!-- the table of a whole run: npm run models -->';
const END = '<!-- end of the table -->';
const PACKAGED_BEGIN = '<!-- the packaged models: npm run models:packaged -->';
const PACKAGED_END = '<!-- end of the packaged models -->';
const COLUMNS = [
  'model', 'what it is', 'made by', 'bytes', 'inputs', 'outputs', 'stacking', 'asked over', 'answers', 'largest error',
  'allowed',
];
const HEAD = [`| ${COLUMNS.join(' | ')} |`, '|---|---|---|--:|---|---|---|---|--:|--:|---|'];
const columnOf = (name: string): number => COLUMNS.indexOf(name);

type Cells = readonly string[];

const nameCell = ({ name }: RealModel): string => `\`${name}\``;
const bytesOf = ({ model }: Evidence): number =>
  model.files['1']!.reduce((sum, file) => sum + statSync(file).size, 0);
const tensors = (all: readonly TensorSignature[]): string =>
  all.map(({ name, datatype, shape }) => `${name} ${datatype}${shapeText(shape)}`).join(', ');

function allowed({ model: { tolerance: { rtol, atol } } }: Evidence): string {
  return rtol === 0 && atol === 0 ? 'none' : `${atol} + ${rtol} × value`;
}

function ways({ ways: own }: Evidence): string {
  const missing = [...WAYS.map(({ name }) => name), LIBRARY].filter((name) => !own.includes(name));
  if (missing.length === 0) return 'all';
  return missing.length <= own.length ? `all but ${missing.join(', ')}` : own.join(', ');
}

/** By mathematics, or as the engine says. */
const whyNot = ({ model: { why }, stackingReason }: Evidence): string => why ?? stackingReason;

function cellsOf(seen: Evidence): Cells {
  const { model, signature, stacking, answers, worst } = seen;
  return [
    nameCell(model), model.about, model.madeBy, String(bytesOf(seen)), tensors(signature.inputs),
    tensors(signature.outputs), stacking === 'rows' ? stacking : `${stacking}: ${whyNot(seen)}`, ways(seen),
    String(answers), worst === 0 ? '0' : worst.toExponential(1), allowed(seen),
  ];
}

/** The rows of the page, by their first cell. */
function rowsOn(page: string): Map<string, Cells> {
  const [, table = ''] = page.split(BEGIN);
  const [rows = ''] = table.split(END);
  return new Map(rows.split('\n').filter((line) => line.startsWith('| `')).map((line) => {
    const cells = line.slice(2, -2).split(' | ');
    return [cells[0]!, cells];
  }));
}

/** Puts what was seen into the page, beside what it says of other models; of models that are gone it says nothing. */
export function writeTable(all: readonly Evidence[]): void {
  const known = rowsOn(readFileSync(PAGE, 'utf8'));
  for (const seen of all) known.set(nameCell(seen.model), cellsOf(seen));
  const rows = realModels().toSorted((a, b) => a.group.localeCompare(b.group) || a.name.localeCompare(b.name))
    .map((model) => known.get(nameCell(model)) ?? []).filter((cells) => cells.length > 0);
  const count = rows.reduce((sum, cells) => sum + Number(cells[columnOf('answers')]), 0);
  const stacked = rows.filter((cells) => cells[columnOf('stacking')] === 'rows').length;
  const said = `${rows.length} models, ${stacked} of them stacked by rows; ${count} answers were compared, ` +
    'and none was further from Python\'s than is allowed.';
  writeBetween(BEGIN, END, [said, '', ...HEAD, ...rows.map(lineOf)]);
}

const lineOf = (cells: Cells): string => `| ${cells.join(' | ')} |`;

function writeBetween(begin: string, end: string, lines: readonly string[]): void {
  const [before = '', rest = ''] = readFileSync(PAGE, 'utf8').split(begin);
  const [, after = ''] = rest.split(end);
  writeFileSync(PAGE, `${before}${begin}\n\n${lines.join('\n')}\n\n${end}${after}`);
}

/** A packaged model, and what its engine took. */
export interface PackagedEvidence {
  readonly seen: Evidence;
  /** Anonymous memory of the engine in MiB: without a model, and after everything was asked. */
  readonly memory: readonly [number, number];
}

/** Puts the packaged models into the page, in place of what it said of them. */
export function writePackagedTable(all: readonly PackagedEvidence[]): void {
  writeBetween(PACKAGED_BEGIN, PACKAGED_END, [
    `${HEAD[0]!} MiB before, after |`, `${HEAD[1]!}---|`,
    ...all.map(({ seen, memory }) => lineOf([...cellsOf(seen), memory.join(', ')])),
  ]);
}

/** What the page says of the models otherwise than the run saw it, one line each. */
export function tableOffences(all: readonly Evidence[]): string[] {
  const known = rowsOn(readFileSync(PAGE, 'utf8'));
  return all.flatMap((seen) => {
    const found = known.get(nameCell(seen.model));
    if (found === undefined) return [`${seen.model.name}: has no row`];
    return cellsOf(seen).flatMap((cell, at) => at === columnOf('largest error') || cell === found[at] ? [] :
      [`${seen.model.name}: ${COLUMNS[at]!} is "${found[at] ?? ''}"; this run saw "${cell}"`]);
  });
}
