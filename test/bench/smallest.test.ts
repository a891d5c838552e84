import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PARTS } from '../../bench/settings.ts';
import type { PartResult } from '../../bench/parts/part.ts';

const RUN = fileURLToPath(new URL('../../bench/run.js', import.meta.url));
const run = promisify(execFile);

interface Result {
  readonly origin: { readonly node: string; readonly commit: string; readonly command: string };
  readonly parts: readonly PartResult[];
}

describe('npm run bench', () => {
  test('runs every part at its smallest size and writes tables, goals, result.json and chart.svg', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lastgood-bench-test-'));
    try {
      const { stdout } = await run(process.execPath, [RUN, '--smallest', '--no-peers', '--out', folder]);
      const { origin, parts } = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as Result;
      assert.deepEqual(parts.map(({ name }) => name), [...PARTS]);
      assert.equal(origin.node, process.version);
      for (const { name, tables } of parts) {
        assert.ok(tables.length > 0 && tables.every(({ rows }) => rows.length > 0), `part ${name} has no figures`);
        for (const { title } of tables) assert.ok(stdout.includes(title), `"${title}" was not printed`);
      }
      const failures = parts.flatMap(({ tables }) => tables).flatMap(({ rows }) => rows)
        .filter((row) => row.some((cell) => typeof cell === 'string' && / failed/.test(cell)));
      assert.deepEqual(failures, []);
      assert.match(readFileSync(join(folder, 'chart.svg'), 'utf8'), /^<svg .*lastgood \/predict.*<\/svg>\n$/s);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('refuses a part that does not exist and explains itself', async () => {
    await assert.rejects(run(process.execPath, [RUN, 'nonsense']), /no part "nonsense"; wanted one of throughput/);
    const { stdout } = await run(process.execPath, [RUN, '--help']);
    for (const part of PARTS) assert.ok(stdout.includes(part));
  });
});
