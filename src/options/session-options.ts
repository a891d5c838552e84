// How the runtime is to run a version, as an operator may say it at registration: part of the version's record, because
// it can change answers, so that a rollback goes back to it. What is left out is the engine's. Schemas; nothing here
// knows the runtime.
import { z } from 'zod';

const NAME_CHARACTERS_MAX = 128;
const VALUE_CHARACTERS_MAX = 1_024;
const PROVIDERS_MAX = 8;
const ENTRIES_MAX = 64;
const THREADS_MAX = 256;
const DIMENSIONS_MAX = 64;
const DIMENSION_MAX = 2 ** 31 - 1;
const THREADS = z.int().min(1).max(THREADS_MAX);
/**
 * How a file is read, and what is written or shared beside it, the engine decides itself; what the runtime does with
 * denormal numbers it decides once for all sessions of a process.
 */
const REFUSED_ENTRIES = /load_model|external_initializers|optimized_model|prepacked|ep\.context|denormal/;

export const sessionOptionsSchema = z.strictObject({
  /** Execution providers in the order in which they are asked; without cpu among them none of the work falls to it. */
  providers: z.array(z.string().regex(/^[a-z][a-z0-9]{1,31}$/, 'wanted a name such as cpu or webgpu')).min(1)
    .max(PROVIDERS_MAX).refine((names) => new Set(names).size === names.length, 'wanted each once').exactOptional(),
  graph: z.enum(['disabled', 'basic', 'extended', 'layout', 'all']).exactOptional(),
  intraOpThreads: THREADS.exactOptional(),
  /** More than one lets branches of the graph run beside one another. */
  interOpThreads: THREADS.exactOptional(),
  arena: z.boolean().exactOptional(),
  memoryPattern: z.boolean().exactOptional(),
  /** Sizes for open dimensions, by the name that the model has for them: see onnx/derive/fix-dimensions.ts. */
  freeDimensions: z.record(z.string().min(1).max(NAME_CHARACTERS_MAX), z.int().min(1).max(DIMENSION_MAX))
    .refine((sizes) => Object.keys(sizes).length <= DIMENSIONS_MAX, `wanted at most ${DIMENSIONS_MAX}`).exactOptional(),
  /** Entries of the runtime's own, such as session.intra_op.allow_spinning. */
  entries: z.record(z.string().min(1).max(NAME_CHARACTERS_MAX), z.string().max(VALUE_CHARACTERS_MAX))
    .refine((entries) => Object.keys(entries).length <= ENTRIES_MAX, `wanted at most ${ENTRIES_MAX}`)
    .refine((entries) => !Object.keys(entries).some((key) => REFUSED_ENTRIES.test(key)),
      'wanted none that says how files are read or written, which the engine decides, nor of denormal numbers, which ' +
      'the runtime decides once for the whole process')
    .exactOptional(),
});

export type SessionOptions = z.output<typeof sessionOptionsSchema>;

/** A session's options as a line of text; empty when all are the engine's. */
export const sessionText = (options: SessionOptions = {}): string =>
  sorted(options).map(([name, value]) => `${name} ${valueText(value)}`).join(', ');

const sorted = (members: object): [string, unknown][] => Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1));

const valueText = (value: unknown): string => {
  if (typeof value !== 'object' || value === null) return String(value);
  return JSON.stringify(Array.isArray(value) ? value : Object.fromEntries(sorted(value)));
};

/** What is said for one version over what is said for all of its model; undefined where neither says anything. */
export function mergedSession(
  ofModel: SessionOptions = {}, ofVersion: SessionOptions = {},
): SessionOptions | undefined {
  const merged: SessionOptions = { ...ofModel, ...ofVersion };
  const inner = { entries: { ...ofModel.entries, ...ofVersion.entries } };
  const sizes = { freeDimensions: { ...ofModel.freeDimensions, ...ofVersion.freeDimensions } };
  if (Object.keys(merged).length === 0) return undefined;
  return { ...merged, ...(merged.entries && inner), ...(merged.freeDimensions && sizes) };
}
