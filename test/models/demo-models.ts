// Reads the committed demo models for the tests of this folder.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Table } from '../../scripts/train/data.ts';
import { RECIPES, type Recipe } from '../../scripts/train/recipes.ts';
import type { BaselineFile, GoldenFile } from '../../scripts/train/runner.ts';
import { packageRoot } from '../../src/base/package-root.ts';

export interface VersionEntry {
  readonly version: string;
  readonly file: string;
  readonly baseline: string;
  readonly golden: string;
  readonly role: 'good' | 'better' | 'failing' | 'harmless';
  readonly failure?: string;
  readonly sha256: string;
}

export interface Manifest {
  readonly models: readonly {
    readonly name: string;
    readonly versions: readonly VersionEntry[];
    readonly active: string;
  }[];
}

export interface DemoVersion {
  readonly entry: VersionEntry;
  readonly bytes: Uint8Array;
  readonly baseline: BaselineFile;
  readonly golden: GoldenFile;
}

export interface DemoModel {
  readonly recipe: Recipe;
  readonly active: string;
  readonly traffic: Table;
  readonly versions: ReadonlyMap<string, DemoVersion>;
}

const folder = join(packageRoot(), 'models');

/** Reads a file below models/. */
export const readModelFile = (name: string): Buffer => readFileSync(join(folder, name));

const readJson = (name: string): unknown => JSON.parse(readModelFile(name).toString('utf8'));

/** Reads everything the manifest names. */
export function readDemoModels(): readonly DemoModel[] {
  const manifest = readJson('manifest.json') as Manifest;
  return manifest.models.map(({ name, versions, active }) => {
    const recipe = RECIPES.find(({ model }) => model === name);
    if (recipe === undefined) throw new Error(`read the demo models: no recipe makes "${name}"`);
    const entries = versions.map((entry) => [entry.version, {
      entry,
      bytes: readModelFile(entry.file),
      baseline: readJson(entry.baseline) as BaselineFile,
      golden: readJson(entry.golden) as GoldenFile,
    }] as const);
    return { recipe, active, traffic: readJson(`${name}/traffic.json`) as Table, versions: new Map(entries) };
  });
}

/** Returns a version that must be there. */
export function versionOf(model: DemoModel, version: string): DemoVersion {
  const found = model.versions.get(version);
  if (found === undefined) throw new Error(`find version "${version}" of "${model.recipe.model}": it is not there`);
  return found;
}
