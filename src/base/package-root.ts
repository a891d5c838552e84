// Finds the folder of this package at run time, wherever the compiled files lie below it.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface PackageJson {
  readonly name?: string;
  readonly version?: string;
}

function readPackage(folder: string): PackageJson | undefined {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, 'utf8')) as PackageJson;
}

/** Returns the absolute path of the folder that holds lastgood's package.json. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (readPackage(folder)?.name !== 'lastgood') {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('find the lastgood package: no package.json above this file names it');
    folder = parent;
  }
  return folder;
}

/** Returns the version that package.json states. */
export function packageVersion(): string {
  return readPackage(packageRoot())?.version ?? '0.0.0';
}
