// lastgood prepare: runs a model on validation data and writes the files that register takes beside it.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { addArtifact } from '../../artifacts/add.ts';
import { addDerived } from '../../artifacts/derived.ts';
import { modelFileOf } from '../../artifacts/verify.ts';
import { decodeError, lastgoodError, reasonOf } from '../../base/errors.ts';
import { ManagedChild } from '../../base/managed-child.ts';
import { GOLDEN_ROWS_DEFAULT, PREPARED_ROWS_DEFAULT } from '../prepare/order.ts';
import type { Prepared, ValidationMessage, ValidationOrder } from '../prepare/order.ts';
import { countText, paint, printResult } from '../views/output.ts';
import { RowsProgress } from '../views/progress.ts';
import { positiveInteger, verb } from '../verb.ts';
import type { CommonFlags } from '../verb.ts';

const CHILD = fileURLToPath(new URL('../prepare/child.js', import.meta.url));
/** A child that has answered leaves by itself; one that does not is not waited for beyond this. */
const LEAVE_MS = 5_000;
/** One row that takes longer ends the child; reading the data and loading the model likewise. */
const SILENT_MS_MAX = 120_000;

interface PrepareFlags extends CommonFlags {
  readonly out: string;
  readonly rows: number;
  readonly golden: number;
  readonly drop: readonly string[];
  readonly force?: boolean;
}

/** What it answers, with where the files are. */
interface Result extends Prepared {
  readonly baseline: string;
  readonly golden: string;
}

const DATA_TEXT = `
DATA is one of
  .csv   a header line and a row each; columns called as the inputs are (age), or features[0], features[1], …; for a
         model of one input any names, in the input's order. An empty field is a missing number.
  .json  {"inputs": {"NAME": {"shape": […], "data": […]}}}, as in a baseline file; or a list of rows, or
         {"rows": […]}, for one input
  .npy   one array, a row each along the first axis, for a model of one input
  .npz   arrays called as the inputs are (numpy.savez)
The model is run in a process of its own, on one row at a time, on at most --rows rows, spread evenly over the file.`;

export function prepareCommand(): Command {
  return verb({
    name: 'prepare',
    summary: 'run a model on validation data and write its baseline and golden files',
    purpose:
      'Asks the model rows of validation data where it is known to be right, and writes MODEL.baseline.json (what ' +
      'drift is judged against, with the inputs and the answers row by row) and MODEL.golden.json (rows that every ' +
      'load has to answer alike). Given to register on the host that serves, they also find out whether the file ' +
      'that arrived is still the model that was validated.',
    examples: [
      ['lastgood prepare digits.onnx test.csv --drop label', 'writes digits.baseline.json and digits.golden.json'],
      ['lastgood prepare m.onnx images.npz --rows 200 --golden 3', 'large rows: fewer of them'],
      ['lastgood prepare m.onnx rows.json --out prepared --force', 'into a folder, in the place of old files'],
    ],
  })
    .addHelpText('after', DATA_TEXT)
    .argument('<model>', 'the .onnx or .ort file with its data files beside it, their folder, or a .tar of it')
    .argument('<data>', 'the validation data')
    .option('--out <dir>', 'where the files go', '.')
    .option('--rows <n>', 'rows to ask at most', positiveInteger, PREPARED_ROWS_DEFAULT)
    .option('--golden <n>', 'rows of the golden file', positiveInteger, GOLDEN_ROWS_DEFAULT)
    .option('--drop <column>', 'a column or array that is no input, such as the label; may be given again',
      (name: string, before: readonly string[]) => [...before, name], [] as readonly string[])
    .option('--force', 'put new files in the place of old ones')
    .action(async (model: string, data: string, flags: PrepareFlags) => {
      printResult(flags, await prepare(model, data, flags), resultText);
    });
}

async function prepare(model: string, data: string, { out, rows, golden, drop, force }: PrepareFlags): Promise<Result> {
  const name = basename(model, extname(model));
  const paths = { baseline: join(out, `${name}.baseline.json`), golden: join(out, `${name}.golden.json`) };
  const taken = Object.values(paths).find((path) => existsSync(path));
  if (taken !== undefined && force !== true) {
    throw lastgoodError('PREPARE_FAILED', { model, data, reason: `"${taken}" is there already; --force replaces it` });
  }
  let folder: string | null = null;
  try {
    folder = mkdtempSync(join(out, '.lastgood-prepare-'));
    const copied = await addArtifact(folder, model);
    const made = await addDerived(folder, copied);
    const artifact = { ...copied, ...(made === null ? {} : { derived: made.derived }) };
    const file = { ...modelFileOf(folder, artifact), labels: made?.labels ?? {}, defaults: made?.defaults ?? {} };
    const order = { file, data, dropped: drop, rowsMax: rows, goldenRows: golden, ...paths };
    return { ...await inChild(order), ...paths };
  } catch (error) {
    throw lastgoodError('PREPARE_FAILED', { model, data, reason: reasonOf(error) });
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}

async function inChild(order: ValidationOrder): Promise<Prepared> {
  const progress = new RowsProgress('asking the model');
  let last: Exclude<ValidationMessage, { kind: 'progress' }> | null = null;
  let ending = '';
  const child = new ManagedChild<ValidationOrder, ValidationMessage>({
    entry: CHILD, stderr: 'keep',
    onReport: (message) => {
      silence.refresh();
      if (message.kind === 'progress') progress.draw(message.asked, message.rows);
      else last = message;
    },
  });
  const silence = setTimeout(() => {
    ending = `the model had no answer within ${SILENT_MS_MAX / 1e3} s`;
    child.kill();
  }, SILENT_MS_MAX);
  try {
    child.post(order);
    const how = await child.ended;
    const answer = last as Exclude<ValidationMessage, { kind: 'progress' }> | null;
    if (answer?.kind === 'prepared') return answer.prepared;
    if (answer !== null) throw decodeError(answer.error);
    const hint = child.lastWords === '' ? '' : `: ${child.lastWords}`;
    throw new Error(ending || `the process that ran the model ended with ${how}${hint}`);
  } finally {
    clearTimeout(silence);
    progress.clear();
    await child.endWithin(LEAVE_MS);
  }
}

function resultText(result: Result): string {
  const { rowsInFile, rows, notFinite, goldenRows, output, kind, warnings, baseline, golden } = result;
  return [
    `${baseline}: ${countText(rows)} of ${countText(rowsInFile)} rows, inputs and answers` +
      (output === null ? '' : `; judged by ${output} as ${kind ?? 'vector'}`),
    `${golden}: ${countText(goldenRows)} rows that every load has to answer alike`,
    ...(notFinite === 0 ? [] : [paint('yellow', `left out: ${countText(notFinite)} rows whose answer is not finite`)]),
    ...warnings.map((warning) => paint('yellow', `warning: ${warning}`)),
    `to register it: lastgood register NAME FILE --baseline ${baseline} --golden ${golden}`,
  ].join('\n');
}
