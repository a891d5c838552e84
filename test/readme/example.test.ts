// The README's library example runs as written.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { resolveOptions } from '../../src/options/options.ts';
import { packageRoot } from '../../src/base/package-root.ts';

const compiled = fileURLToPath(new URL('../../', import.meta.url));

describe('README.md', () => {
  test('has a config file that is accepted, and a table of all checks with all their defaults', () => {
    const text = readFileSync(join(packageRoot(), 'README.md'), 'utf8');
    const { models } = resolveOptions(JSON.parse(/```json\n([\s\S]*?)```/.exec(text)?.[1] ?? ''));
    assert.deepEqual(Object.keys(models), ['housing']);
    const { checks } = resolveOptions({}).judge;
    for (const [check, { mode, ...limits }] of Object.entries(checks)) {
      const row = text.split('\n').find((line) => line.startsWith(`| \`${check}\` |`));
      assert.ok(row !== undefined, check);
      assert.equal(mode, check === 'input_drift' ? 'warn' : 'on');
      for (const [key, value] of Object.entries(limits)) assert.ok(row.includes(`\`${key}\` ${value}`), row + key);
    }
  });

  test('has a library example that runs as written', async () => {
    const text = readFileSync(join(packageRoot(), 'README.md'), 'utf8');
    const example = /```js\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
    // Below the package, where its own name resolves to it.
    const folder = mkdtempSync(join(compiled, 'example-'));
    try {
      writeFileSync(join(folder, 'example.mjs'), example);
      symlinkSync(join(packageRoot(), 'models'), join(folder, 'models'));
      const run = await promisify(execFile)(process.execPath, ['example.mjs'], { cwd: folder });
      assert.match(run.stdout, /^version 1 says 2\.7465\d*\n$/);
      assert.equal(run.stderr, '');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
