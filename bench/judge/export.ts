// Writes streams of scores to a file for the libraries in bench/judge/peers: the validation rows that each begins with
// and the live answers of some hours at one a second, healthy ones and damaged ones. Seeded, as the simulation is.
//   node dist/bench/judge/export.js FILE [SEED]
import { writeFileSync } from 'node:fs';
import { DAMAGES } from './damages.ts';
import { STREAMS } from './nasty-streams.ts';
import { Random } from './random.ts';
import { hashText } from './seeds.ts';
import { BASELINE_ROWS, baselineOf, samplesOf } from './simulate.ts';
import type { Stream } from './streams.ts';

const HOURS = 2;
const PER_SECOND = 1;
/** Only answers are exported, and only streams of one number a row: that is what all of the libraries take. */
const isOfNumbers = ({ answers }: Stream): boolean => answers.kind === 'score' || answers.kind === 'regression';

interface Exported {
  readonly name: string;
  readonly isHealthy: boolean;
  readonly hours: number;
  readonly reference: readonly number[];
  readonly live: readonly number[];
}

function exported(name: string, healthy: Stream, served: Stream, isHealthy: boolean, seed: number): Exported {
  const random = new Random(hashText(`${seed} ${name}`));
  const reference = Array.from({ length: BASELINE_ROWS }, () => healthy.answers.row(random)[0]!);
  const live: number[] = [];
  samplesOf(served, PER_SECOND, random, baselineOf(healthy, random), (sample) => {
    if (Number.isFinite(sample.value)) live.push(Number(sample.value.toPrecision(6)));
    return sample.atUs < HOURS * 3_600e6;
  });
  return { name, isHealthy, hours: HOURS, reference, live };
}

const [path, seedText = '1'] = process.argv.slice(2);
if (path === undefined || !Number.isInteger(Number(seedText))) {
  console.error('node dist/bench/judge/export.js FILE [SEED]: wanted a file, and an integer');
  process.exitCode = 2;
} else {
  const seed = Number(seedText);
  const streams = [
    ...STREAMS.filter(isOfNumbers).map((stream) => exported(stream.name, stream, stream, true, seed)),
    ...DAMAGES.filter(({ healthy, damaged }) => isOfNumbers(healthy) && damaged.answers !== healthy.answers)
      .map(({ name, healthy, damaged }) => exported(name, healthy, damaged, false, seed)),
  ];
  writeFileSync(path, JSON.stringify(streams));
}
