// What `lastgood tune` tries, and which of it it recommends. Pure.
import type { FailedTask } from '../../base/errors.ts';
import type { VersionRecord } from '../../domain/records.ts';
import { rowLayout } from '../../domain/row-layout.ts';
import type { RowInput } from '../../domain/row-layout.ts';

/** Figures of one setting differ by about this from run to run; within it the shorter waits decide. */
const EQUAL_SHARE = 0.95;
const BATCH_SIZES = [1, 8, 32, 64];
const INTRA_OP_THREADS = [1, 2, 4];
/** Rows of a body are counted one by one elsewhere; here only the shape of one is asked for. */
const ROWS_MAX = 1;

/** One way to serve a model; the names are those of the options. */
export interface Tuning {
  readonly workers: number;
  readonly intraOpThreads: number;
  readonly batchSizeMax: number;
}

export interface TuneLists {
  readonly workers?: readonly number[];
  readonly intraOpThreads?: readonly number[];
  readonly batchSizeMax?: readonly number[];
}

/** What one setting gave under full load. */
export interface TuneFigures {
  readonly requestsPerSecond: number;
  /** Milliseconds from handing a request over to its answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Resident memory of a process that serves the model like this and does nothing else. */
  readonly residentBytes: number;
}

/** A setting with its figures, or why it has none. */
export interface Tried extends Tuning {
  readonly figures: TuneFigures | null;
  readonly failure: string | null;
}

/** The order to a process that tries one setting. */
export interface TuneOrder {
  readonly dataDir: string;
  readonly version: VersionRecord;
  readonly tuning: Tuning;
  /** A body of POST /predict. */
  readonly body: string;
  readonly seconds: number;
  readonly loadMs: number;
}
export type TuneMessage = { readonly kind: 'figures'; readonly figures: TuneFigures } | FailedTask;

/** All settings to try on a host with so many cores: no more threads than cores, unless the lists ask for them. */
export function tunings(cores: number, lists: TuneLists): Tuning[] {
  const workers = lists.workers ?? ascending([1, cores >> 1, cores - 1, cores]);
  const threads = lists.intraOpThreads ?? ascending([...INTRA_OP_THREADS.filter((count) => count < cores), cores]);
  const isAsked = lists.workers !== undefined || lists.intraOpThreads !== undefined;
  return workers.flatMap((count) => threads
    .filter((intraOpThreads) => isAsked || count * intraOpThreads <= cores)
    .flatMap((intraOpThreads) => (lists.batchSizeMax ?? BATCH_SIZES)
      .map((batchSizeMax) => ({ workers: count, intraOpThreads, batchSizeMax }))));
}

const ascending = (counts: readonly number[]): number[] =>
  [...new Set(counts.filter((count) => count >= 1))].sort((a, b) => a - b);

/**
 * The setting to recommend: of those whose throughput is within 5 % of the highest, the one with the least p99, and of
 * equal ones the first, which has the fewest threads. Null when none has figures.
 */
export function recommended(tried: readonly Tried[]): Tried | null {
  const good = tried.flatMap((one) => (one.figures === null ? [] : [{ one, figures: one.figures }]));
  const best = Math.max(...good.map(({ figures }) => figures.requestsPerSecond));
  const near = good.filter(({ figures }) => figures.requestsPerSecond >= best * EQUAL_SHARE);
  near.sort((a, b) => a.figures.p99Ms - b.figures.p99Ms);
  return near[0]?.one ?? null;
}

/** The section of a config file that sets it. */
export function configOf(model: string, { workers, intraOpThreads, batchSizeMax }: Tuning): object {
  return { models: { [model]: { workers, intraOpThreads, batchSizeMax } } };
}

/** A body of POST /predict with one row of zeros (or empty texts), open dimensions being 1. */
export function zerosBody({ signature }: VersionRecord): string {
  const { inputs } = rowLayout(signature, ROWS_MAX);
  const [only] = inputs;
  const features = inputs.length === 1 && only !== undefined
    ? zerosOf(only)
    : Object.fromEntries(inputs.map((input) => [input.name, zerosOf(input)]));
  return JSON.stringify({ features });
}

function zerosOf({ datatype, shape }: RowInput): unknown {
  const zero = datatype === 'BYTES' ? '' : datatype === 'BOOL' ? false : 0;
  return shape.reduceRight<unknown>((inner, size) => new Array<unknown>(Math.max(1, size)).fill(inner), zero);
}
