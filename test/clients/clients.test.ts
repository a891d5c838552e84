// The check of foreign clients: that it says what it cannot run, and that it reads what it runs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readSweep } from '../../scripts/clients/perf-analyzer.ts';
import { filled } from '../../scripts/clients/python.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const CHECK = fileURLToPath(new URL('../../scripts/check-clients.js', import.meta.url));

suite('npm run clients', () => {
  test('says that it was skipped, and why, where there is no Python', () => {
    const env = { PATH: temporaryDirectory() };
    const { status, stdout } = spawnSync(process.execPath, [CHECK], { env, encoding: 'utf8' });
    assert.equal(status, 0);
    assert.equal(stdout, 'clients: everything was skipped: python3 with its venv module is not at hand\n');
  });

  test('reads the table of a sweep, and finds none in the output of one that broke off', () => {
    const table = 'Inferences/Second vs. Client Average Batch Latency\n'
      + 'Concurrency: 1, throughput: 1941.98 infer/sec, latency 510 usec\n'
      + 'Concurrency: 4, throughput: 8300 infer/sec, latency 477 usec\n';
    const lines = readSweep(table);
    const numbers = lines.map((line) => [line.concurrency, line.infersPerSecond, line.latencyUs]);
    assert.deepEqual(numbers, [[1, 1941.98, 510], [4, 8300, 477]]);
    assert.deepEqual(readSweep('Request concurrency: 4\nFailed to obtain stable measurement'), []);
  });

  test('fills a cache once, and anew when filling it broke off', () => {
    const folder = join(temporaryDirectory(), 'cache');
    assert.throws(() => filled(folder, () => {
      writeFileSync(join(folder, 'half'), '');
      throw new Error('broke off');
    }), /broke off/);
    let fills = 0;
    for (let round = 0; round < 2; round += 1) filled(folder, () => void (fills += 1));
    assert.deepEqual([fills, existsSync(join(folder, 'half')), readdirSync(folder)], [1, false, ['complete']]);
  });
});
