// Which test files are pure: neither they nor anything that they import opens a port, a process, a thread or a native
// addon. Found from the imports of the compiled files, so that no list has to be kept.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a pure test never reaches; the addons' packages among them. */
const IMPURE: ReadonlySet<string> = new Set([
  'node:child_process', 'node:worker_threads', 'node:net', 'node:http', 'node:https', 'node:cluster',
  'uWebSockets.js', 'lmdb', 'onnxruntime-node', 'piscina',
]);
// Static imports and re-exports; and those that are loaded later, by a literal name.
const STATIC = /(?:^|\n)\s*(?:import|export)\b(?:[^'"=;]*?\bfrom)?\s*['"]([^'"]+)['"]/g;
const LATER = /\b(?:import|require)\(\s*['"]([^'"]+)['"]\s*\)/g;

/** Those of the compiled test files that are pure. */
export function pureTests(files: readonly string[]): string[] {
  const known = new Map<string, boolean>();
  const isPure = (file: string): boolean => {
    const before = known.get(file);
    if (before !== undefined) return before;
    // A circle of imports is as pure as the rest of it.
    known.set(file, true);
    const pure = importsOf(file).every((from) =>
      from.startsWith('.') ? isPure(join(dirname(file), from)) : !IMPURE.has(from));
    known.set(file, pure);
    return pure;
  };
  return files.filter(isPure);
}

function importsOf(file: string): string[] {
  if (!file.endsWith('.js') || !existsSync(file)) return [];
  const text = readFileSync(file, 'utf8');
  return [STATIC, LATER].flatMap((pattern) => [...text.matchAll(pattern)].map(([, from = '']) => from));
}
