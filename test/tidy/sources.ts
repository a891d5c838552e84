// The files of this repository as the tidy rules read them: by path from the root, with their text.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.ts';

export interface Source {
  /** From the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const GENERATED = new Set(['node_modules', 'dist', '.build', '.git', 'data', 'coverage']);
const TEXT = /\.(ts|js|mjs|json|md|yml|yaml|service|npmrc|gitignore)$|^\.[a-z]+$|^(LICENSE|run)$/;

/** Every text file that is part of the project, whether it is committed yet or not. */
export function projectFiles(root = packageRoot(), folder = ''): Source[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (GENERATED.has(entry.name)) return [];
    if (entry.isDirectory()) return projectFiles(root, path);
    return entry.isFile() && TEXT.test(entry.name) ? [{ path, text: readFileSync(join(root, path), 'utf8') }] : [];
  });
}
