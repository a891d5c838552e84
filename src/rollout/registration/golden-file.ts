// Reads a file of golden vectors: real inputs with the answers that every load of the artefact has to give. Either
// JSON, whose tensors stand in it or in .npy files beside it, or one .npz of all arrays. docs/files.md has examples.
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { readRegularBytes, utf8TextOf } from '../../base/regular-file.ts';
import type { ArrayInFile } from '../../datasets/npy.ts';
import { readNpy } from '../../datasets/npy.ts';
import { readNpz } from '../../datasets/npz.ts';
import { valuesOf, type WantedTensor } from '../../datasets/elements.ts';
import { readRows } from '../../datasets/rows.ts';
import type { Golden, GoldenCase } from '../../domain/records.ts';

/** The file, and all that it unpacks to or names. */
const GOLDEN_BYTES_MAX = 64 * 1024 ** 2;
/** Values of all cases: thirteen images of 3 × 224 × 224. They are kept with the version. */
const GOLDEN_VALUES_MAX = 2_000_000;
const CASES_MAX = 100;
const RTOL = 1e-3;
const ATOL = 1e-4;

const FILE_NAME = /^[^/\\]+\.npy$/;
const inPlace = z.strictObject({ shape: z.array(z.int().min(0)).max(16), data: z.array(z.unknown()) });
const besideIt = z.strictObject({ npy: z.string().regex(FILE_NAME, 'wanted the name of a .npy file beside this one') });
const tensors = z.record(z.string(), z.union([inPlace, besideIt]));
const schema = z.strictObject({
  format: z.literal('lastgood.golden/1'),
  rtol: z.number().min(0).default(RTOL),
  atol: z.number().min(0).default(ATOL),
  cases: z.array(z.strictObject({ inputs: tensors, outputs: tensors })).min(1).max(CASES_MAX),
});
type GivenTensor = z.output<typeof inPlace> | z.output<typeof besideIt>;

/** Reads golden vectors; throws INVALID_GOLDEN. */
export function readGoldenFile(path: string): Golden {
  try {
    const bytes = readRegularBytes(path, GOLDEN_BYTES_MAX);
    const golden = isZip(bytes) ? goldenOfArrays(readNpz(bytes, GOLDEN_BYTES_MAX)) : goldenOfJson(bytes, dirname(path));
    const values = golden.cases.flatMap(({ inputs, outputs }) => [...Object.values(inputs), ...Object.values(outputs)])
      .reduce((sum, { data }) => sum + data.length, 0);
    if (values > GOLDEN_VALUES_MAX) throw new Error(`it has ${values} values; wanted at most ${GOLDEN_VALUES_MAX}`);
    return golden;
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : reasonOf(error);
    throw lastgoodError('INVALID_GOLDEN', { path, reason });
  }
}

const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b;

function goldenOfJson(bytes: Uint8Array, folder: string): Golden {
  const { rtol, atol, cases } = schema.parse(JSON.parse(utf8TextOf(bytes)));
  const read = (given: Readonly<Record<string, GivenTensor>>): Record<string, WantedTensor> =>
    Object.fromEntries(Object.entries(given).map(([name, one]) => [name, tensorOf(name, one, folder)]));
  return { rtol, atol, cases: cases.map(({ inputs, outputs }) => ({ inputs: read(inputs), outputs: read(outputs) })) };
}

function tensorOf(name: string, given: GivenTensor, folder: string): WantedTensor {
  try {
    if ('npy' in given) return arrayTensor(readNpy(readRegularBytes(join(folder, given.npy), GOLDEN_BYTES_MAX)));
    const { shape, data } = given;
    // As one row of this shape, flat or nested.
    const row = readRows(shape, [data.length === 1 && shape.length === 0 ? data[0] : data], 1, 'row').rows[0]!;
    return { shape, data: row.values };
  } catch (error) {
    throw new Error(`tensor "${name}": ${reasonOf(error)}`);
  }
}

const arrayTensor = ({ datatype, shape, data }: ArrayInFile): WantedTensor =>
  ({ shape, data: valuesOf(datatype, data) });

const ARRAY = /^(?:(?<number>\d{1,3})\/)?(?<side>inputs|outputs)\/(?<name>.+)$/s;

// "inputs/x" and "outputs/y" are one case; "0/inputs/x", "1/inputs/x", … are several. "rtol" and "atol" are numbers.
function goldenOfArrays(arrays: ReadonlyMap<string, ArrayInFile>): Golden {
  const cases = new Map<number, { inputs: Record<string, WantedTensor>; outputs: Record<string, WantedTensor> }>();
  const tolerances = { rtol: RTOL, atol: ATOL };
  for (const [path, array] of arrays) {
    if (path === 'rtol' || path === 'atol') {
      tolerances[path] = toleranceOf(path, array);
      continue;
    }
    const { number = '0', side, name } = ARRAY.exec(path)?.groups ?? {};
    if (name === undefined) {
      throw new Error(`it has an array "${path}"; wanted inputs/NAME, outputs/NAME (with 0/, 1/, … before them for ` +
        'several cases), rtol or atol');
    }
    const one = cases.get(Number(number)) ?? { inputs: {}, outputs: {} };
    cases.set(Number(number), one);
    one[side as keyof GoldenCase][name] = arrayTensor(array);
  }
  const { size } = cases;
  if (size === 0 || size > CASES_MAX) throw new Error(`it has ${size} cases; wanted 1 to ${CASES_MAX}`);
  const ordered = [...cases].sort(([a], [b]) => a - b).map(([, one]) => one);
  const bare = ordered.findIndex(({ outputs }) => Object.keys(outputs).length === 0);
  if (bare >= 0) throw new Error(`case ${bare} has no outputs; wanted at least one`);
  return { ...tolerances, cases: ordered };
}

function toleranceOf(name: string, { data }: ArrayInFile): number {
  const value = Number(data[0]);
  if (data.length === 1 && value >= 0 && Number.isFinite(value)) return value;
  throw new Error(`"${name}" is no single number of at least 0`);
}
