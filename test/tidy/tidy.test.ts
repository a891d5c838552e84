// The style of the house as a test: `npm run tidy`. Each failure lists all offenders.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ERRORS } from '../../src/base/error-table.ts';
import { packageRoot } from '../../src/base/package-root.ts';
import {
  COLUMNS_MAX, FILE_LINES_MAX, FUNCTION_LINES_MAX, consoleOffences, dependencyOffences, driverOffences,
  errorCodeOffences, errorTextOffences, functionOffences, headerOffences, innerLayerOffences, layerOffences,
  placeOffences, sizeOffences, threadOffences, versionOffences,
} from './rules.ts';
import type { PackageJson } from './rules.ts';
import { projectFiles } from './sources.ts';
import type { Source } from './sources.ts';

const files = projectFiles();
const packageJson = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as PackageJson;
const codes = Object.keys(ERRORS);

const THREAD_ENTRIES = [
  'src/judge/monitor/monitor.ts', 'src/worker/entry/worker.ts', 'src/record/recorder.ts',
  'src/rollout/registration/trial-child.ts', 'src/rollout/preparation/prepare-child.ts',
];

function none(offences: readonly string[]): void {
  if (offences.length > 0) assert.fail(`${offences.length} offences:\n  ${offences.join('\n  ')}`);
}

describe('The files of the project', () => {
  test('are found', () => assert.ok(files.some(({ path }) => path === 'src/engine/engine.ts') && files.length > 100));
  test('import only from lower floors or their own folder', () => none(layerOffences(files)));
  test('import within a folder that has floors only from lower ones', () => none(innerLayerOffences(files)));
  test('see a driver of http/ through its interface only', () => none(driverOffences(files)));
  test('load in other threads than the main one, and in trials, nothing that only the main one needs', () =>
    none(threadOffences(files, THREAD_ENTRIES)));
  test('import only declared packages, and src no development ones', () => none(dependencyOffences(files, packageJson)));
  test('keep to the lengths of files and lines', () => none(sizeOffences(files)));
  test('keep to the length of functions', () => none(functionOffences(files)));
  test('say in their first line and in their name what they hold', () => none(headerOffences(files)));
  test('write to the console only in the command line', () => none(consoleOffences(files)));
  test('use every error code of the table and no other', () => none(errorCodeOffences(files, codes)));
  test('hand errors on whole, and cut nothing out of their texts', () => none(errorTextOffences(files)));
  test('name no home path, no working copy and no registry host', () => none(placeOffences(files)));
  test('declare exact versions', () => none(versionOffences(packageJson)));
});

describe('The rules find', () => {
  const file = (path: string, ...lines: string[]): Source[] => [{ path, text: `${lines.join('\n')}\n` }];
  const count = (offences: readonly string[], wanted: number): void =>
    assert.equal(offences.length, wanted, offences.join('\n'));

  test('imports that go up, sideways, out of src, or to an unknown folder', () => {
    const imports = (path: string, from: string, type = ''): string[] =>
      layerOffences(file(path, `import ${type}{ x } from '${from}';`));
    count(imports('src/batch/a.ts', '../rollout/b.ts'), 1);
    count(imports('src/batch/a.ts', '../rollout/b.ts', 'type '), 1);
    count(imports('src/batch/a.ts', '../judge/b.ts'), 1);
    count(imports('src/base/errors.ts', '../registry/b.ts'), 1);
    count(imports('src/base/clock.ts', '../index.ts'), 1);
    count(imports('src/batch/a.ts', '../../test/b.ts'), 1);
    count(imports('src/batch/a.ts', '../new/b.ts'), 1);
    count(imports('src/new/a.ts', './b.ts'), 1);
    const twice = ["export * from '../judge/b.ts';", "await import('../judge/b.ts');"];
    count(layerOffences(file('src/domain/a.ts', ...twice)), 2);
    count(imports('src/batch/a.ts', '../judge/b.ts', 'type '), 0);
    count(imports('src/batch/a.ts', '../base/errors.ts'), 0);
    count(imports('src/batch/a.ts', './b.ts'), 0);
  });

  test('imports that go up within a folder, from a file beside its floors too, or lie on none of them', () => {
    const imports = (path: string, from: string): string[] =>
      innerLayerOffences(file(path, `import type { x } from '${from}';`));
    count(imports('src/judge/window/a.ts', '../checks/b.ts'), 1);
    count(imports('src/judge/window/a.ts', '../b.ts'), 1);
    count(imports('src/judge/window/a.ts', '../new/b.ts'), 1);
    count(imports('src/judge/new/a.ts', './b.ts'), 1);
    count(imports('src/judge/a.ts', './monitor/b.ts'), 0);
    count(imports('src/judge/checks/a.ts', '../window/b.ts'), 0);
    count(imports('src/judge/checks/a.ts', './b.ts'), 0);
    count(imports('src/judge/checks/a.ts', '../../rollout/b.ts'), 0);
  });

  test('imports between folders that are to know nothing of each other', () => {
    const imports = (path: string, from: string): string[] =>
      innerLayerOffences(file(path, `import type { x } from '${from}';`));
    count(imports('src/protocols/tfs/a.ts', '../oip/b.ts'), 1);
    count(imports('src/protocols/oip/a.ts', '../protocol.ts'), 1);
    count(imports('src/protocols/oip/a.ts', '../tensor-request.ts'), 0);
    count(imports('src/protocols/oip/a.ts', './b.ts'), 0);
    count(imports('src/protocols/a.ts', './b.ts'), 0);
    count(imports('src/protocols/a.ts', './tfs/b.ts'), 0);
  });

  test('who sees into a driver of http/', () => {
    const imports = (path: string, from: string): string[] =>
      driverOffences(file(path, `import type { X } from '${from}';`));
    count(imports('src/http/reply.ts', './uws/addon-types.ts'), 1);
    count(imports('src/api/oip.ts', '../http/uws/driver.ts'), 1);
    count(imports('src/api/server.ts', '../http/uws/addon.ts'), 1);
    count(imports('src/api/server.ts', 'uWebSockets.js'), 1);
    count(imports('src/api/server.ts', '../http/uws/driver.ts'), 0);
    count(imports('src/http/uws/driver.ts', './addon.ts'), 0);
    count(imports('src/http/reply.ts', './driver.ts'), 0);
  });

  test('packages that come into a thread by detours, and not those whose types alone do, or that come later', () => {
    const thread = (...lines: string[]): string[] => threadOffences([
      ...file('src/judge/a.ts', "import { x } from './b.ts';"), ...file('src/judge/b.ts', ...lines),
    ], ['src/judge/a.ts']);
    assert.deepEqual(
      thread("import { z } from 'zod';"), ['src/judge/a.ts: loads "zod", which src/judge/b.ts imports']);
    count(thread("export * from 'pino';"), 1);
    count(thread("import type { z } from 'zod';", "await import('pino');", "import x from 'hdr-histogram-js';"), 0);
    assert.throws(() => threadOffences([], ['src/judge/a.ts']), /there is no src/);
  });

  test('packages that are not declared', () => {
    const declared = { dependencies: { zod: '1.0.0' }, devDependencies: { '@a/b': '1.0.0' } };
    const text = ['zod/mini', '@a/b/c', 'node:fs', 'x'].map((from) => `import x from '${from}';`);
    count(dependencyOffences(file('src/a.ts', ...text), declared), 2);
    count(dependencyOffences(file('test/a.ts', ...text), declared), 1);
    count(versionOffences({ dependencies: { a: '^1.0.0', b: 'latest', c: '1.2', d: 'npm:e@^1.0.0' } }), 4);
    count(versionOffences({ dependencies: { a: '1.0.0', b: 'npm:@x/e@1.0.0', c: '1.0.0-1' } }), 0);
  });

  test('what is too long', () => {
    const lines = (length: number): string[] => new Array<string>(length).fill('x();');
    count(sizeOffences(file('src/a.ts', ...lines(FILE_LINES_MAX))), 0);
    count(sizeOffences(file('src/a.ts', ...lines(FILE_LINES_MAX + 1))), 1);
    count(sizeOffences(file('test/a.ts', 'x'.repeat(COLUMNS_MAX), 'x'.repeat(COLUMNS_MAX + 1))), 1);
    count(functionOffences(file('src/a.ts', 'function f() {', ...lines(FUNCTION_LINES_MAX - 2), '}')), 0);
    count(functionOffences(file('src/a.ts', 'function f() {', '// why', ...lines(FUNCTION_LINES_MAX - 2), '}')), 0);
    count(functionOffences(file('src/a.ts', 'const f = () => {', ...lines(FUNCTION_LINES_MAX - 1), '};')), 1);
    count(functionOffences(file('src/a.ts', 'class A {', '#f() {', ...lines(FUNCTION_LINES_MAX - 1), '}', '}')), 1);
  });

  test('files without a header, with a name that says nothing, and talk to the console', () => {
    count(headerOffences(file('src/a.ts', "import x from 'x';")), 1);
    count(headerOffences(file('src/a.ts', '#!/usr/bin/env node', '// Says what it is.')), 0);
    count(headerOffences(file('src/wire/utils.ts', '// Things.')), 1);
    count(headerOffences(file('test/helpers/a.ts', '// Things.')), 1);
    count(consoleOffences(file('src/a.ts', '// A.', 'console.log(1);')), 1);
    count(consoleOffences(file('src/cli/a.ts', '// A.', 'console.log(1);')), 0);
  });

  test('error codes that nobody uses and codes that do not exist', () => {
    const text = ["lastgoodError('KNOWN');", "x = error.code === 'OTHER';", "x = error.code === 'ENOENT';"];
    assert.deepEqual(errorCodeOffences(file('src/a.ts', ...text), ['KNOWN', 'UNUSED']), [
      'src/base/error-table.ts: nothing in src uses UNUSED', 'src/a.ts: OTHER is not in the table of errors',
    ]);
  });

  test('texts of errors that are cut, or sent where the error belongs', () => {
    count(errorTextOffences(file('src/a.ts', "throw wrong(error.message.replace(/^read: /, ''));")), 1);
    const sent = "  return { kind: 'failed', reason: reasonOf(error) };";
    count(errorTextOffences(file('src/a.ts', "import { tellParent } from './b.ts';", sent)), 1);
    count(errorTextOffences(file('src/a.ts', sent)), 0);
  });

  test('what belongs to one machine', () => {
    count(placeOffences(file('README.md', 'see', ['', 'home', 'me', 'x'].join('/'))), 1);
    count(placeOffences(file('.npmrc', ['registry=https:/', 'registry.example.org', ''].join('/'))), 1);
    count(placeOffences(file('README.md', 'https://example.org/docs and ./data')), 0);
  });
});
