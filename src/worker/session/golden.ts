// Compares a session with stored golden cases: input rows and the answers that every load of the artefact has to give.
import { differenceOf, elementsFrom } from '../../datasets/elements.ts';
import type { Golden, GoldenCase } from '../../domain/records.ts';
import { elementCount, shapeText } from '../../domain/datatype.ts';
import type { Tensor } from '../../domain/datatype.ts';
import { reasonOf } from '../../base/errors.ts';
import type { Session, TensorMap } from './session.ts';
import { rowsFrom } from './stacking.ts';

/** More are not described: the first ones tell what is wrong. */
const MISMATCHES_MAX = 20;
/** Rows that are tried in company. */
const KNOWN_ROWS_MAX = 16;

interface GoldenMismatch {
  /** Index of the golden case. */
  readonly case: number;
  readonly output: string;
  readonly reason: string;
}

/**
 * Runs every case and returns what differs: |got - wanted| > atol + rtol * |wanted|, another text, anything that is not
 * finite where it is not wanted, a wrong shape, a missing output, or a run that fails. An empty list means that the
 * session answers as it must.
 */
export async function compareGolden(golden: Golden, session: Session): Promise<GoldenMismatch[]> {
  const mismatches: GoldenMismatch[] = [];
  for (const [index, one] of golden.cases.entries()) {
    let answer: TensorMap;
    try {
      answer = await session.runTensors(goldenInputs(one, session));
    } catch (error) {
      mismatches.push({ case: index, output: '', reason: reasonOf(error) });
      continue;
    }
    for (const [output, wanted] of Object.entries(one.outputs)) {
      const { datatype = 'FP32' } = session.signature.outputs.find(({ name }) => name === output) ?? {};
      const got = answer[output];
      const reason = got === undefined
        ? 'there is no such output'
        : differenceOf(datatype, got, wanted, golden)?.reason ?? null;
      if (reason !== null) mismatches.push({ case: index, output, reason });
      if (mismatches.length >= MISMATCHES_MAX) return mismatches;
    }
  }
  return mismatches;
}

/** Those of the given inputs that this model takes, row by row, in the signature's order. */
export function rowsOfInputs(given: readonly GoldenCase['inputs'][], session: Session): Tensor[][] {
  const rows = given.flatMap((inputs): Tensor[][] => {
    try {
      const tensors = session.signature.inputs.map(({ name }) => goldenInputs({ inputs }, session)[name]!);
      const count = tensors[0]?.shape[0] ?? 0;
      if (tensors.some(({ shape }) => shape[0] !== count)) return [];
      return Array.from({ length: count }, (_, at) => tensors.map((tensor) => rowsFrom(tensor, at, 1)));
    } catch {
      // A file may have fewer inputs than the model, or others.
      return [];
    }
  });
  const shapesOf = (row: readonly Tensor[]): string => row.map(({ shape }) => shapeText(shape)).join();
  return rows.filter((row) => shapesOf(row) === shapesOf(rows[0]!)).slice(0, KNOWN_ROWS_MAX);
}

/** The inputs of a case by name; throws an Error when the model has others. */
export function goldenInputs({ inputs }: Pick<GoldenCase, 'inputs'>, session: Session): TensorMap {
  return Object.fromEntries(
    session.signature.inputs.map(({ name, datatype }) => {
      const given = inputs[name];
      if (given === undefined) throw new Error(`the golden case has no input "${name}"`);
      if (elementCount(given.shape) !== given.data.length) {
        throw new Error(`input "${name}" has ${given.data.length} values for shape ${shapeText(given.shape)}`);
      }
      try {
        return [name, { shape: given.shape, data: elementsFrom(datatype, given.data) }];
      } catch (error) {
        throw new Error(`input "${name}" ${reasonOf(error)}`);
      }
    }));
}
