// The layout of the house as a test: no circles, no full folders, no crumbs, one thing for a name.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LISTS_OF_PEERS, SMALL_FOR_GOOD } from './allowed.ts';
import {
  FILE_LINES_MIN, FOLDER_FILES_MAX, circleOffences, crumbOffences, exportOffences, folderOffences, nameOffences,
  notAllowed,
} from './house-rules.ts';
import { projectFiles } from './sources.ts';
import type { Source } from './sources.ts';

const files = projectFiles();

function none(offences: readonly string[]): void {
  if (offences.length > 0) assert.fail(`${offences.length} offences:\n  ${offences.join('\n  ')}`);
}

const isFileOf = (folder: string, path: string): boolean =>
  path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/');

describe('The house', () => {
  test('has no circles of files, types included', () => none(circleOffences(files)));
  test('has no folder of more files than one look takes in', () =>
    none(notAllowed(folderOffences(files), LISTS_OF_PEERS)));
  test('has no crumbs', () => {
    const offences = crumbOffences(files).filter((line) => !LISTS_OF_PEERS.some((folder) => isFileOf(folder, line)));
    none(notAllowed(offences, SMALL_FOR_GOOD));
  });
  test('exports nothing that no other file takes', () => none(exportOffences(files)));
  test('has one thing for a name', () => none(nameOffences(files)));
});

describe('The rules of the house find', () => {
  const file = (path: string, ...lines: string[]): Source => ({ path, text: `${lines.join('\n')}\n` });
  const count = (offences: readonly string[], wanted: number): void =>
    assert.equal(offences.length, wanted, offences.join('\n'));

  test('circles of any length, by types too, and no file that only uses one', () => {
    const ring = [
      file('src/a.ts', "import type { B } from './b.ts';"), file('src/b.ts', "import { c } from './x/c.ts';"),
      file('src/x/c.ts', "export { a } from '../a.ts';"), file('src/d.ts', "import { a } from './a.ts';"),
    ];
    assert.deepEqual(circleOffences(ring).map((line) => line.slice(0, line.indexOf(':'))),
      ['src/a.ts', 'src/b.ts', 'src/x/c.ts']);
    count(circleOffences(ring.slice(1)), 0);
    count(circleOffences([
      file('src/a.ts', "import { b } from './b.ts';"), file('src/b.ts', "import { a } from './a.ts';"),
      file('src/c.ts', "await import('./d.ts');"), file('src/d.ts', "import { c } from './c.ts';"),
    ]), 4);
  });

  test('folders that are full, each by its own files', () => {
    const folder = (name: string, size: number): Source[] =>
      Array.from({ length: size }, (_, at) => file(`src/${name}/${at}.ts`, '// A file.'));
    count(folderOffences([...folder('a', FOLDER_FILES_MAX), ...folder('a/b', FOLDER_FILES_MAX)]), 0);
    count(folderOffences([...folder('a', FOLDER_FILES_MAX + 1), ...folder('a/b', FOLDER_FILES_MAX)]), 1);
  });

  test('crumbs', () => {
    const lines = (length: number): string[] => new Array<string>(length).fill('x();');
    count(crumbOffences([file('src/a.ts', ...lines(FILE_LINES_MIN)), file('test/b.ts', 'x();')]), 0);
    count(crumbOffences([file('src/a.ts', ...lines(FILE_LINES_MIN - 1))]), 1);
  });

  test('exports that no other file takes', () => {
    const declared = file('src/a.ts', 'export const a = 1, b = 2;', 'export type T = 1;', 'export class C {}', 'let d;',
      'function e() {}', 'export { e };');
    const by = (...lines: string[]): string[] => exportOffences([declared, file('test/b.ts', ...lines)]);
    count(by(), 5);
    count(by("import { a as x, e } from '../src/a.ts';", "export type { T } from '../src/a.ts';"), 2);
    count(by("import * as all from '../src/a.ts';"), 0);
    count(by("await import('../src/a.ts');"), 0);
    count(by("let t: import('../src/a.ts').T;"), 0);
    count(by("import { a } from '../src/other.ts';"), 5);
  });

  test('names that stand for two things, and not those that are passed on', () => {
    const names = nameOffences([
      file('src/a.ts', 'export const x = 1;'), file('src/b.ts', 'export type x = 1;'),
      file('src/c.ts', "export { y } from './d.ts';"), file('src/d.ts', 'export const y = 1;'),
    ]);
    assert.deepEqual(names, ['x: is exported by src/a.ts, src/b.ts']);
  });

  test('what is allowed and offends no more', () => {
    assert.deepEqual(notAllowed(['a: offends', 'b: offends'], ['a', 'c']),
      ['b: offends', 'c: is allowed and offends no more']);
  });
});
