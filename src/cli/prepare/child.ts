// Entry of the process that runs the model for `lastgood prepare`: asks it the rows of the validation data one by one,
// as any request that comes alone, and writes the baseline file and the golden file. A process of its own, so that a
// model that crashes or hangs is a sentence to the operator.
import '../../base/telemetry-off.ts';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { reasonOf } from '../../base/errors.ts';
import { answerParent, tellParent } from '../../base/managed-child.ts';
import { readDataset } from '../../datasets/dataset.ts';
import { valuesOf } from '../../datasets/elements.ts';
import { type FileRow, type RowValue, nestedValues } from '../../datasets/rows.ts';
import { declaredOutput } from '../../domain/judged-output.ts';
import type { Signature, TensorSignature } from '../../domain/records.ts';
import {
  BASELINE_FILE_BYTES_MAX, baselineOfFile, parseBaseline, unwatchedInputs,
} from '../../judge/baseline/baseline-file.ts';
import { answerRow } from '../../rollout/registration/answered-rows.ts';
import { Session } from '../../worker/session/session.ts';
import type { Prepared, ValidationMessage, ValidationOrder } from './order.ts';

const PROGRESS_MS = 250;
const OWNER_ONLY = 0o600;

/** One row with its answers, by name. */
interface Answered {
  readonly row: number;
  readonly inputs: Readonly<Record<string, FileRow>>;
  readonly outputs: Readonly<Record<string, FileRow>>;
}

async function prepare(order: ValidationOrder): Promise<ValidationMessage> {
  const session = await Session.open({ ...order.file, intraOpThreads: 1, rowsMax: 1 });
  try {
    const { signature } = session;
    const dataset = readDataset(order.data, signature, order.dropped);
    const answered = await answerAll(session, dataset, order.rowsMax);
    const judged = declaredOutput(signature, {});
    const finite = answered.filter(({ outputs }) => judged === null || outputs[judged.name]!.values.every(isFinite));
    if (finite.length === 0) throw new Error('the model has no finite answer to any row');
    const content = baselineContent(finite, signature);
    const about = judgedAbout(content, signature, judged);
    const text = JSON.stringify(content);
    if (Buffer.byteLength(text) > BASELINE_FILE_BYTES_MAX) {
      throw new Error(`the baseline file of ${finite.length} rows would have ${Buffer.byteLength(text)} bytes; ` +
        `wanted at most ${BASELINE_FILE_BYTES_MAX} (--rows N takes fewer)`);
    }
    const golden = evenly(finite.length, order.goldenRows).map((at) => finite[at]!);
    writeAll([
      [order.baseline, text],
      [order.golden, JSON.stringify(goldenContent(golden, session.layout.batching === 'none'))],
    ]);
    const prepared: Prepared = {
      rowsInFile: dataset.rows, rows: finite.length, notFinite: answered.length - finite.length,
      goldenRows: golden.length, ...about,
    };
    return { kind: 'prepared', prepared };
  } finally {
    await session.release();
  }
}

const isFinite = (value: RowValue): boolean => typeof value === 'string' || Number.isFinite(value);

async function answerAll(
  session: Session, dataset: ReturnType<typeof readDataset>, rowsMax: number,
): Promise<Answered[]> {
  const rows = evenly(dataset.rows, rowsMax);
  const answered: Answered[] = [];
  let toldMs = performance.now();
  for (const row of rows) {
    if (performance.now() - toldMs > PROGRESS_MS) {
      toldMs = performance.now();
      await tellParent({ kind: 'progress', asked: answered.length, rows: rows.length } satisfies ValidationMessage);
    }
    const inputs = dataset.row(row);
    const answers = await answerRow(session, inputs).catch((error: unknown) => {
      throw new Error(`row ${row} (counted from 0): ${reasonOf(error)}`);
    });
    const outputs = Object.fromEntries(session.signature.outputs.map(({ name, datatype }, index) => {
      const { data, shape } = answers[index]!;
      return [name, { values: valuesOf(datatype, data), shape }];
    }));
    answered.push({ row, inputs, outputs });
  }
  return answered;
}

/** The places of some of so many, spread evenly, and always the same. */
function evenly(count: number, most: number): number[] {
  const taken = Math.min(count, most);
  return Array.from({ length: taken }, (_, at) => Math.floor((at * count) / taken));
}

function baselineContent(rows: readonly Answered[], { inputs, outputs }: Signature): Record<string, unknown> {
  const tensors = (side: 'inputs' | 'outputs', known: readonly TensorSignature[]): Record<string, unknown> =>
    Object.fromEntries(known.map(({ name }) => {
      const all = rows.map((row) => row[side][name]!);
      const shape = all[0]!.shape.map((size, axis) =>
        (all.every((row) => row.shape[axis] === size) ? size : -1));
      return [name, { shape: [rows.length, ...shape], data: all.map(nestedValues) }];
    }));
  return {
    format: 'lastgood.baseline/1', source: 'validation', rows: rows.length,
    outputs: tensors('outputs', outputs), inputs: tensors('inputs', inputs),
  };
}

// Reads what is about to be written as `register` will: what that refuses is refused here.
function judgedAbout(
  content: Record<string, unknown>, signature: Signature, judged: TensorSignature | null,
): Pick<Prepared, 'output' | 'kind' | 'warnings'> {
  if (judged === null) {
    return { output: null, kind: null, warnings: ['no output is numeric: name one of text with register --output'] };
  }
  const file = parseBaseline('of the answers', JSON.parse(JSON.stringify(content)));
  const baseline = baselineOfFile(file, signature, { createdAtMs: 0 });
  return { output: judged.name, kind: baseline.kind, warnings: unwatchedInputs(file, baseline, { signature }) };
}

function goldenContent(rows: readonly Answered[], isWhole: boolean): Record<string, unknown> {
  const tensors = (given: Readonly<Record<string, FileRow>>): Record<string, unknown> =>
    Object.fromEntries(Object.entries(given).map(([name, { values, shape }]) =>
      [name, { shape: isWhole ? shape : [1, ...shape], data: values }]));
  return {
    format: 'lastgood.golden/1',
    cases: rows.map(({ inputs, outputs }) => ({ inputs: tensors(inputs), outputs: tensors(outputs) })),
  };
}

// All of them whole, or none of them.
function writeAll(files: readonly (readonly [path: string, text: string])[]): void {
  const temporaryOf = (path: string): string => `${path}.${process.pid}.part`;
  try {
    for (const [path, text] of files) {
      writeFileSync(temporaryOf(path), `${text}\n`, { flag: 'wx', mode: OWNER_ONLY });
    }
    for (const [path] of files) renameSync(temporaryOf(path), path);
  } finally {
    for (const [path] of files) rmSync(temporaryOf(path), { force: true });
  }
}

answerParent(prepare);
