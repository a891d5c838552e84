// Asks a session rows one by one, as any request that came alone, and compares its answers with those that a file says
// the model gives. Of the trial process and of `lastgood prepare`.
import { performance } from 'node:perf_hooks';
import { reasonOf } from '../../base/errors.ts';
import { differenceOf, elementsFrom, type Tolerance } from '../../datasets/elements.ts';
import type { FileRow } from '../../datasets/rows.ts';
import { elementCount, type Tensor } from '../../domain/datatype.ts';
import type { ValidationRow } from '../../domain/known-answers.ts';
import type { Datatype } from '../../domain/records.ts';
import type { Session } from '../../worker/session/session.ts';

/** Of the rows that there are, as many are compared as fit this time. */
const COMPARE_MS_MAX = 10_000;
/** What the arithmetic of another processor may make of the same model. */
const TOLERANCE: Tolerance = { rtol: 1e-3, atol: 1e-4 };
const HALF_TOLERANCE: Tolerance = { rtol: 1e-2, atol: 1e-3 };
const EXACT: Tolerance = { rtol: 0, atol: 0 };

/** How a version's answers compare with its file's. */
interface Comparison {
  readonly compared: number;
  readonly differing: number;
  /** The row that is furthest off, by its number in the file; null when none is. */
  readonly worst: { readonly row: number; readonly reason: string } | null;
}

/** What the model answers to one row, alone, by the outputs' order in the signature; without the rows' dimension. */
export async function answerRow(session: Session, inputs: Readonly<Record<string, FileRow>>): Promise<Tensor[]> {
  const sources = session.signature.inputs.map(({ name, datatype }) => {
    const row = inputs[name];
    if (row === undefined) throw new Error(`the row has no input "${name}"`);
    try {
      return { data: elementsFrom(datatype, row.values), shape: row.shape, elements: elementCount(row.shape) };
    } catch (error) {
      throw new Error(`input "${name}" ${reasonOf(error)}`);
    }
  });
  const { blocks } = await session.run(sources, 0, 1);
  return blocks[0]!.outputs.map(({ data, rowShape, rowElements }) => ({
    shape: rowShape, data: data.slice(0, rowElements),
  }));
}

/** Compares the model's answers to these rows with those that they have, for a while. */
export async function compareRows(session: Session, rows: readonly ValidationRow[]): Promise<Comparison> {
  const endMs = performance.now() + COMPARE_MS_MAX;
  let [compared, differing] = [0, 0];
  let worst: { readonly row: number; readonly size: number; readonly reason: string } | null = null;
  for (const one of rows) {
    if (performance.now() >= endMs) break;
    compared += 1;
    const found = await differenceAt(session, one);
    if (found === null) continue;
    differing += 1;
    if (worst === null || found.size > worst.size) worst = { row: one.row, ...found };
  }
  return { compared, differing, worst: worst === null ? null : { row: worst.row, reason: worst.reason } };
}

async function differenceAt(
  session: Session, { inputs, outputs }: ValidationRow,
): Promise<{ readonly size: number; readonly reason: string } | null> {
  let answers: Tensor[];
  try {
    answers = await answerRow(session, inputs);
  } catch (error) {
    return { size: Infinity, reason: reasonOf(error) };
  }
  let worst: { readonly size: number; readonly reason: string } | null = null;
  for (const [index, { name, datatype }] of session.signature.outputs.entries()) {
    const wanted = outputs[name];
    if (wanted === undefined) continue;
    const got = answers[index]!;
    // A flat list of an output without open dimensions has its shape from here.
    const { length } = wanted.values;
    const isFlat = elementCount(got.shape) === length && elementCount(wanted.shape) === length;
    const shape = isFlat ? got.shape : wanted.shape;
    const found = differenceOf(datatype, got, { shape, data: wanted.values }, toleranceOf(datatype));
    if (found === null || (worst !== null && found.size <= worst.size)) continue;
    worst = { size: found.size, reason: `output "${name}": ${found.reason}` };
  }
  return worst;
}

const toleranceOf = (datatype: Datatype): Tolerance =>
  (datatype === 'FP16' ? HALF_TOLERANCE : datatype === 'FP32' || datatype === 'FP64' ? TOLERANCE : EXACT);
