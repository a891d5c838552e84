// Samples whose every field follows from their number, so that a record made of two is recognised.
import { emptySample } from '../../src/shared-memory/sample-ring.ts';
import type { Sample } from '../../src/shared-memory/sample-ring.ts';

const mixed = (number: number, salt: number): number => Math.imul(number + salt, 0x9e3779b1) & 0x7fffffff;

/** The sample with this number; `rows` carries the number itself. */
export function checkedSample(number: number, into: Sample = emptySample()): Sample {
  into.rows = number;
  into.generation = mixed(number, 1);
  into.batchRows = mixed(number, 2);
  into.latencyUs = mixed(number, 3);
  into.queueUs = mixed(number, 4);
  into.runUs = mixed(number, 5);
  into.classIndex = mixed(number, 6);
  into.hash = mixed(number, 7);
  into.input = mixed(number, 8);
  into.atUs = number + 0.5;
  into.value = -number;
  into.track = (mixed(number, 9) % 3) as Sample['track'];
  into.isRunFirst = mixed(number, 10) % 2 === 1;
  into.entropy = (number & 0xffff) / 0x10000;
  return into;
}

/** Tells whether all fields belong to the same number. */
export function isWhole(sample: Readonly<Sample>): boolean {
  const wanted = checkedSample(sample.rows);
  return (Object.keys(wanted) as (keyof Sample)[]).every((field) => Object.is(sample[field], wanted[field]));
}
