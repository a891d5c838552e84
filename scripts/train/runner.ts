// Runs ONNX files over rows with ONNX Runtime, and makes of the answers what is committed beside each file: the
// baseline (answers on validation rows) and the golden cases (a few rows with their answers).
import ort from 'onnxruntime-node';
import type { Table } from './data.ts';
import type { OutputShape } from './graphs.ts';
import { INPUT_NAME } from './onnx-writer.ts';

const GOLDEN_CASES = 4;
const GOLDEN_RTOL = 1e-3;
const GOLDEN_ATOL = 1e-4;
const SIGNIFICANT_DIGITS = 6;
// Nine digits name every float32 exactly.
const float32Digits = (value: number): number => Number(value.toPrecision(9));

/** One row's answer, or null where ONNX Runtime refused to run the row. */
export type Answer = readonly number[] | null;

export interface TensorJson {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface BaselineFile {
  readonly format: 'lastgood.baseline/1';
  readonly source: 'validation';
  readonly rows: number;
  readonly outputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: number[][] }>>;
}

export interface GoldenFile {
  readonly format: 'lastgood.golden/1';
  readonly rtol: number;
  readonly atol: number;
  readonly cases: readonly {
    readonly inputs: Readonly<Record<string, TensorJson>>;
    readonly outputs: Readonly<Record<string, TensorJson>>;
  }[];
}

/** Loads a file the way the engine does: one thread, sequential. */
export async function openSession(bytes: Uint8Array): Promise<ort.InferenceSession> {
  return ort.InferenceSession.create(bytes, {
    executionMode: 'sequential', intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4,
  });
}

async function runRows(
  session: ort.InferenceSession,
  rows: readonly (readonly number[])[],
  output: OutputShape,
): Promise<number[][]> {
  const features = new ort.Tensor('float32', Float32Array.from(rows.flat()), [rows.length, rows[0]!.length]);
  const results = await session.run({ [INPUT_NAME]: features });
  const data = results[output.name]?.data;
  if (!(data instanceof Float32Array) || data.length !== rows.length * output.width) {
    throw new Error(`run the model: output ${output.name} is not ${rows.length} x ${output.width} float32`);
  }
  return rows.map((_, row) => [...data.subarray(row * output.width, (row + 1) * output.width)]);
}

/** Runs all rows in one batch; when that fails, row by row, so that only the bad rows have no answer. */
export async function answer(
  bytes: Uint8Array,
  rows: readonly (readonly number[])[],
  output: OutputShape,
): Promise<Answer[]> {
  const session = await openSession(bytes);
  try {
    return await runRows(session, rows, output).catch(async () => {
      const answers: Answer[] = [];
      for (const row of rows) answers.push(await runRows(session, [row], output).then(([first]) => first!, () => null));
      return answers;
    });
  } finally {
    await session.release();
  }
}

/** Makes the baseline of answers that are all there. */
export function baselineFile(answers: readonly Answer[], output: OutputShape): BaselineFile {
  const data = answers.map((values) => {
    if (values?.every(Number.isFinite) !== true) {
      throw new Error('make a baseline: a validation row has no finite answer; wanted one for every row');
    }
    return values.map((value) => Number(value.toPrecision(SIGNIFICANT_DIGITS)));
  });
  return {
    format: 'lastgood.baseline/1',
    source: 'validation',
    rows: data.length,
    outputs: { [output.name]: { shape: [output.width], data } },
  };
}

/** Makes golden cases of the first validation rows that the file itself answers with finite numbers. */
export async function goldenFile(bytes: Uint8Array, validation: Table, output: OutputShape): Promise<GoldenFile> {
  const rows = validation.rows.slice(0, GOLDEN_CASES * 8);
  const answers = await answer(bytes, rows, output);
  const cases = rows.flatMap((row, index) => {
    const values = answers[index];
    if (values?.every(Number.isFinite) !== true) return [];
    return [{
      inputs: { [INPUT_NAME]: { shape: [1, row.length], data: row } },
      outputs: { [output.name]: { shape: [1, output.width], data: values.map(float32Digits) } },
    }];
  });
  return { format: 'lastgood.golden/1', rtol: GOLDEN_RTOL, atol: GOLDEN_ATOL, cases: cases.slice(0, GOLDEN_CASES) };
}
