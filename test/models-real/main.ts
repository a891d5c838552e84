// Runs the collection, or those groups and models that are named, and writes their rows of the table in docs/models.md:
// `npm run models`. When an answer was wrong it writes nothing and exits with 1.
import { realModels } from './collection.ts';
import { Proof } from './proof.ts';
import type { Evidence } from './proof.ts';
import { writeTable } from './table.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function proveGroup(group: string, wanted: readonly string[]): Promise<Evidence[]> {
  const models = realModels([group]).filter(({ name }) =>
    wanted.length === 0 || wanted.includes(group) || wanted.includes(name));
  const proof = new Proof();
  try {
    await proof.start();
    for (const model of models) {
      const { stacking, answers, worst } = await proof.prove(model);
      say(`${model.name}: stacking ${stacking}, ${answers} answers, largest error ${worst}`);
    }
    await proof.restart();
    await proof.library();
  } finally {
    await proof.close();
  }
  const seen = models.map((model) => proof.evidenceOf(model));
  for (const line of seen.flatMap(({ wrong }) => wrong)) say(`WRONG: ${line}`);
  return seen;
}

const wanted = process.argv.slice(2);
const groups = [...new Set(realModels()
  .filter(({ name, group }) => wanted.length === 0 || wanted.includes(name) || wanted.includes(group))
  .map(({ group }) => group))];
const all: Evidence[] = [];
for (const group of groups) all.push(...(await proveGroup(group, wanted)));
if (all.some(({ wrong }) => wrong.length > 0)) process.exitCode = 1;
else writeTable(all);
