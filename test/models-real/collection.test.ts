// What the collection itself has to be: large enough, small enough, complete, and all of it proven by some test.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/base/package-root.ts';
import { EXCEPTIONS, FOLDER, realModels } from './collection.ts';

const MODELS_MIN = 60;
const ROWS_MIN = 6;
const BYTES_MAX = 3_000_000;
const EXCEPTIONS_MAX = 5;
const MODEL_BYTES_MAX = 60_000;

describe('The collection of real models', () => {
  const models = realModels();
  const files = readdirSync(FOLDER);

  test('has enough of them, each with rows of its own and odd ones for company', () => {
    assert.ok(models.length >= MODELS_MIN, `${models.length} models`);
    for (const { name, questions, wild } of models) {
      assert.ok(questions.filter(({ form }) => form !== 'rows').length >= ROWS_MIN, name);
      assert.ok(wild.length >= 5, name);
      for (const { answers } of questions) assert.deepEqual(Object.keys(answers), ['1', '2'], name);
    }
  });

  test('has two versions of each that differ, and no file that belongs to none', () => {
    const named = models.flatMap(({ name, files: own }) =>
      [`${name}.json`, ...Object.values(own).flat().map((path) => basename(path))]);
    assert.deepEqual(files.toSorted(), named.toSorted());
    for (const { name, files: own } of models) {
      const bytes = (version: string): string => own[version]!.map((file) => readFileSync(file, 'hex')).join();
      assert.notEqual(bytes('1'), bytes('2'), name);
    }
  });

  test('is small', () => {
    const sizes = files.map((file) => statSync(join(FOLDER, file)).size);
    assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= BYTES_MAX);
    for (const file of files.filter((name) => !name.endsWith('.json'))) {
      assert.ok(statSync(join(FOLDER, file)).size <= MODEL_BYTES_MAX, file);
    }
  });

  test('has few that are row-wise by their mathematics and not stacked', () => {
    assert.ok(EXCEPTIONS.length <= EXCEPTIONS_MAX);
    const page = readFileSync(join(packageRoot(), 'docs', 'models.md'), 'utf8');
    for (const name of EXCEPTIONS) assert.match(page, new RegExp(`^\\| \`${name}\` \\|.*\\| none: `, 'm'));
  });

  test('says why a model may not be stacked', () => {
    for (const { name, stacking, why } of models) assert.equal(why !== undefined, stacking === 'none', name);
  });

  test('is proven whole: every group is named by a test', () => {
    const folder = join(packageRoot(), 'test', 'models-real');
    const texts = readdirSync(folder).filter((file) => file.endsWith('.test.ts'))
      .map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
    for (const group of new Set(models.map(({ group: one }) => one))) assert.ok(texts.includes(`'${group}'`), group);
  });
});
