// The guides against the tree: the map names every room with its floor, every path that a guide names is there, and the
// hops of a request and of a verdict are functions of the files that they are said to be in.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/base/package-root.ts';
import { SUPPRESSIONS } from '../../src/registry/rules.ts';
import { FLOORS } from './rules.ts';
import { projectFiles } from './sources.ts';

const REQUEST_HOPS_MAX = { functions: 45, files: 20 };
const VERDICT_HOPS_MAX = { functions: 40, files: 18 };

const read = (name: string): string => readFileSync(join(packageRoot(), name), 'utf8');

/** The rows `| floor | folder/ | … |` of the map: folder from the root, and its floor; rooms in a room have none. */
function mapOf(text: string): Map<string, string> {
  const rows = [...text.matchAll(/^\|\s*(\d*)\s*\|\s*`(src\/[^`]+)\/`\s*\|/gm)];
  return new Map(rows.map(([, floor = '', folder = '']) => [folder, floor]));
}

/** Paths of this repository in code spans; those with a placeholder in capitals or a wildcard are no paths. */
function pathsIn(text: string): string[] {
  const spans = [...text.matchAll(/`((?:src|test|bench|scripts|docs)\/[^`\s]+)`/g)].map(([, path = '']) => path);
  return spans.filter((path) => !/[A-Z*…<{]/.test(path.replace(/README\.md$/, '')));
}

interface Hop {
  readonly name: string;
  readonly file: string;
}

/** The numbered lines `1. `name` `file` …` below a heading, up to the next one. */
function hopsBelow(text: string, heading: string): Hop[] {
  const [, section = ''] = text.split(new RegExp(`^#+ ${heading}$`, 'm'));
  const [lines = ''] = section.split(/^#+ /m);
  return [...lines.matchAll(/^\d+\. `([^`]+)` `(src\/[^`]+)`/gm)].map(([, name = '', file = '']) => ({ name, file }));
}

/** One line for each hop whose function the file does not define. */
function hopOffences(hops: readonly Hop[], textOf: (file: string) => string | null): string[] {
  return hops.flatMap(({ name, file }) => {
    const text = textOf(file);
    if (text === null) return [`${file}: is not there`];
    const own = name.replace(/\(.*$/, '').split('.').at(-1) ?? '';
    const defined = new RegExp(
      `(function\\s+|const\\s+|^\\s*(?:static |async |readonly |private |get )*)` +
      `${own.replace('#', '\\#')}\\b\\s*[<(=:]|` +
      `^\\s*${own}:`, 'm');
    return defined.test(text) ? [] : [`${file}: defines no ${name}`];
  });
}

const textOf = (file: string): string | null => (existsSync(join(packageRoot(), file)) ? read(file) : null);

describe('The guides', () => {
  const architecture = read('ARCHITECTURE.md');
  const contributing = read('CONTRIBUTING.md');

  test('name every folder of src on the map, and no other', () => {
    const inSrc = projectFiles().filter(({ path }) => path.startsWith('src/') && path.endsWith('.ts'));
    const folders = new Set(inSrc.flatMap(({ path }) => {
      const [src = '', ...parts] = path.split('/').slice(0, -1);
      return parts.map((_, depth) => [src, ...parts.slice(0, depth + 1)].join('/'));
    }));
    assert.deepEqual([...mapOf(architecture).keys()].sort(), [...folders].sort());
  });

  test('give each room the floor that its imports are held to', () => {
    const floors = Object.fromEntries([...mapOf(architecture)].filter(([folder]) => folder.split('/').length === 2)
      .map(([folder, floor]) => [folder.slice('src/'.length), Number(floor)]));
    assert.deepEqual(floors, FLOORS);
  });

  test('name only paths that are there', () => {
    const missing = [architecture, contributing].flatMap(pathsIn)
      .filter((path) => !existsSync(join(packageRoot(), path)));
    assert.deepEqual(missing, []);
  });

  test('say of every reason to hold still whether it speaks against the version', () => {
    const rows = [...read('docs/judge.md').matchAll(/^\| `(\w+)` \|.*\| (yes|no) \|$/gm)];
    assert.deepEqual(Object.fromEntries(rows.map(([, name = '', says]) => [name, says === 'yes'])), SUPPRESSIONS);
  });

  test('link to pages that are there', () => {
    const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/README.md', 'docs/judge.md'];
    const linked = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, to = '']) => join(page, '..', to)));
    assert.deepEqual(linked.filter((path) => !existsSync(join(packageRoot(), path))), []);
  });

  for (const [heading, limits] of [
    ['The way of a request', REQUEST_HOPS_MAX], ['The way of a verdict', VERDICT_HOPS_MAX],
  ] as const) {
    test(`list ${heading.toLowerCase()} by functions that are where they are said to be, and few enough`, () => {
      const hops = hopsBelow(architecture, heading);
      assert.ok(hops.length > 10, `${hops.length} hops were found`);
      assert.deepEqual(hopOffences(hops, textOf), []);
      assert.ok(hops.length <= limits.functions, `${hops.length} functions`);
      assert.ok(new Set(hops.map(({ file }) => file)).size <= limits.files);
    });
  }
});

describe('What is read of the guides', () => {
  test('finds rooms, paths and hops', () => {
    assert.deepEqual([...mapOf('| 5 | `src/batch/` | x |\n| | `src/batch/a/` | y |')],
      [['src/batch', '5'], ['src/batch/a', '']]);
    assert.deepEqual(pathsIn('`src/a.ts`, `src/NAME.ts`, `test/*/b.ts`, `docs/c.md`'), ['src/a.ts', 'docs/c.md']);
    assert.deepEqual(hopsBelow('## A\n1. `f` `src/a.ts` x\n2. `B.#g` `src/b.ts`\n## C\n3. `h` `src/c.ts`', 'A'),
      [{ name: 'f', file: 'src/a.ts' }, { name: 'B.#g', file: 'src/b.ts' }]);
  });

  test('finds hops that are not where they are said to be', () => {
    const text = [
      'export function f(): void {}', '  async #g<T>(): T {}', '  readonly #h = () => 1;', 'const i = (): void => {};',
      '  handle: (reply) => 1,', '  static j(x) {}', '',
    ].join('\n');
    const hops = ['f', 'A.#g', 'A.#h', 'i', 'handle', 'A.j', 'gone', 'A.g'].map((name) => ({ name, file: 'src/a.ts' }));
    assert.deepEqual(hopOffences(hops, () => text), ['src/a.ts: defines no gone', 'src/a.ts: defines no A.g']);
    assert.deepEqual(hopOffences([hops[0]!], () => null), ['src/a.ts: is not there']);
  });
});
