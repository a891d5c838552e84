// `npm run fuzz -- [TARGET…] [--seconds N] [--seed N]`: every decoder in turn with new seeds until the time is up.
// A failure prints the seed and the message, and the exit code is 1.
import { parseArgs } from 'node:util';
import { FuzzFailure, TARGETS, fuzz } from './fuzz.ts';

const ROUNDS = 50;
const SEED_MAX = 2 ** 32;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' }, help: { type: 'boolean' } },
});
const names = TARGETS.map(({ name }) => name);
const unknown = positionals.find((name) => !names.includes(name));
const seconds = Number(values.seconds);
const say = (text: string): unknown => process.stdout.write(`${text}\n`);
const complain = (text: string): unknown => process.stderr.write(`${text}\n`);

if (values.help === true) {
  say(`npm run fuzz -- [TARGET…] [--seconds N] [--seed N]

Targets: ${names.join(', ')} (all of them without one)
  --seconds N   how long (default 60)
  --seed N      the first seed (default: of the clock); each next one is one more`);
} else if (unknown !== undefined || !(seconds > 0)) {
  complain(`fuzz: there is no target "${unknown ?? ''}" or no time; wanted some of ${names.join(', ')}`);
  process.exitCode = 2;
} else {
  await run(TARGETS.filter(({ name }) => positionals.length === 0 || positionals.includes(name)));
}

async function run(targets: typeof TARGETS): Promise<void> {
  const endMs = performance.now() + seconds * 1e3;
  const counts = new Map<string, number>();
  let seed = Number(values.seed ?? Date.now()) % SEED_MAX || 1;
  const first = seed;
  say(`first seed ${first}`);
  try {
    for (; performance.now() < endMs; seed = (seed + 1) % SEED_MAX || 1) {
      for (const target of targets) {
        counts.set(target.name, (counts.get(target.name) ?? 0) + await fuzz(target, seed, ROUNDS));
      }
    }
  } catch (error) {
    complain(error instanceof FuzzFailure ? error.message : String(error));
    if (error instanceof FuzzFailure && error.bytes !== null) {
      complain(`  base64 ${Buffer.from(error.bytes).toString('base64')}`);
    }
    complain(`again: npm run fuzz -- --seconds 1 --seed ${seed}`);
    process.exitCode = 1;
    return;
  }
  for (const [name, count] of counts) say(`${name.padEnd(20)} ${count} messages`);
  say(`seeds ${first} to ${seed - 1}: every one answered right or refused`);
}
