// Every example in docs/files.md is read as it stands.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/base/package-root.ts';
import { parseBaseline } from '../../src/judge/baseline/baseline-file.ts';

const page = readFileSync(join(packageRoot(), 'docs', 'files.md'), 'utf8');
const examplesOf = (mark: string): string[] =>
  [...page.matchAll(/^```(?<mark>[a-z ]+)\n(?<text>.*?)^```$/gms)]
    .filter(({ groups }) => groups!['mark'] === mark).map(({ groups }) => groups!['text']!);

test('every baseline on the page is read, and has the rows that it says', () => {
  const files = examplesOf('json baseline').map((text) => parseBaseline('docs/files.md', JSON.parse(text)));
  assert.equal(files.length, 2);
  assert.deepEqual([...files[0]!.outputs.keys(), ...files[0]!.inputs!.keys()],
    ['label', 'probabilities', 'features', 'city']);
  assert.deepEqual(files[1]!.outputs.get('scores')!.rows.map(({ shape }) => shape), [[2, 2], [1, 2]]);
});
