// The small models of test/models/small, as paths and bytes, with rows that they can be asked. make.py beside them says
// what each of them is, and makes them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.ts';

export const smallModel = (name: string): string => join(packageRoot(), 'test', 'models', 'small', name);
export const smallModelBytes = (name: string): Uint8Array => readFileSync(smallModel(name));

/** A flower of the iris data that nobody doubts, with a number that makes it another one. */
const FLOWERS = {
  setosa: [5, 3.4, 1.4, 0.2], versicolor: [5.9, 2.8, 4.2, 1.3], virginica: [6.6, 3, 5.8, 2.2],
} as const;
export type Species = keyof typeof FLOWERS;
export const SPECIES = Object.keys(FLOWERS) as Species[];
export const flower = (species: Species, variant: number): number[] =>
  FLOWERS[species].map((size) => size + (variant % 100) / 1_000);
