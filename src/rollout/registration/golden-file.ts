// Reads a file of golden vectors: real input rows with the answers that every load of the artefact has to give.
import { z } from 'zod';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { readRegularFile } from '../../base/regular-file.ts';
import type { Golden } from '../../domain/records.ts';

const GOLDEN_BYTES_MAX = 1024 * 1024;
const CASES_MAX = 100;

const tensor = z.strictObject({ shape: z.array(z.int().min(0)), data: z.array(z.number()) });
const schema = z.strictObject({
  format: z.literal('lastgood.golden/1'),
  rtol: z.number().min(0).default(1e-3),
  atol: z.number().min(0).default(1e-4),
  cases: z
    .array(z.strictObject({ inputs: z.record(z.string(), tensor), outputs: z.record(z.string(), tensor) }))
    .min(1)
    .max(CASES_MAX),
});

/** Reads golden vectors; throws INVALID_GOLDEN. */
export function readGoldenFile(path: string): Golden {
  try {
    const { rtol, atol, cases } = schema.parse(JSON.parse(readRegularFile(path, GOLDEN_BYTES_MAX)));
    return { rtol, atol, cases };
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : reasonOf(error);
    throw lastgoodError('INVALID_GOLDEN', { path, reason });
  }
}
