// The README's figures are those of the committed result.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  figuresSection, judgePageWithFigures, modelsPageWithFigures, readmeWithFigures, withFigures,
} from '../../bench/report/readme.ts';
import type { JudgeResult } from '../../bench/judge/report.ts';
import type { RunResult } from '../../bench/report/readme.ts';
import { packageRoot } from '../../src/base/package-root.ts';

const made: RunResult = {
  origin: {
    processor: 'P', cores: 2, memoryGib: 4, system: 'linux', glibc: null, node: 'v20', versions: {}, generator: 'wrk',
    commit: 'abc', command: 'npm run bench', startedAt: '2026-01-02T03:04:05Z', cpus: { generator: '3', server: '0-2' },
  },
  goals: [{ measure: 'm', goal: '≥ 5×', measured: 6.1234, unit: '×', isMet: true }],
  parts: [{
    name: 'throughput', goals: [], notes: [],
    tables: [{
      title: 'tiny',
      columns: ['connections', 'contender', 'req/s', 'of ceiling', 'CPU µs/req', 'p50 µs', 'lastgood is'],
      rows: [[1, 'not shown', 1, 1, 1, 1, ''], [64, 'fastify', 12345, 0.2, 50.5, 900, '6×']],
    }],
  }],
};

describe('The figures of the README', () => {
  test('are what the committed result says', () => {
    const readme = readFileSync(join(packageRoot(), 'README.md'), 'utf8');
    assert.equal(readmeWithFigures(readme), readme, 'run: npm run bench:readme');
  });

  test('are on the page of the models what the result of stacking says: every answer like the one alone', () => {
    const page = readFileSync(join(packageRoot(), 'docs', 'models.md'), 'utf8');
    assert.equal(modelsPageWithFigures(page), page, 'run: npm run bench:readme');
    const file = join(packageRoot(), 'bench', 'results', 'stacking', 'result.json');
    const { parts } = JSON.parse(readFileSync(file, 'utf8')) as { parts: [{ tables: [{ rows: unknown[][] }] }] };
    const { rows } = parts[0].tables[0];
    const seen = rows.map((row) => `${String(row[1])} ${String(row.at(-1))}`);
    assert.deepEqual(seen, ['rows 0', 'none 0', 'none 0', 'none 0', 'none 0']);
  });

  test('are on the page of the judge what its results say: no healthy version rolled back, each damage seen', () => {
    const page = readFileSync(join(packageRoot(), 'docs', 'judge.md'), 'utf8');
    assert.equal(judgePageWithFigures(page), page, 'run: npm run bench:readme');
    const file = join(packageRoot(), 'bench', 'results', 'judge-pairs.json');
    const { healthy, pairs } = JSON.parse(readFileSync(file, 'utf8')) as JudgeResult;
    assert.ok(healthy.length > 0 && healthy.every((one) => one.default === 0));
    assert.ok(pairs!.length > 0 && pairs!.every(({ told, acted }) => told !== null || acted !== null));
  });

  test('show one number of connections, the goals, the machine and the command', () => {
    const section = figuresSection(made);
    assert.match(section, /^\| fastify \| 12,345 \| 0\.2 \| 50\.5 \| 900 \| 6× \|$/m);
    assert.match(section, /^\| m \| ≥ 5× \| 6\.12× \| met \|$/m);
    assert.match(section, /`npm run bench` on 2026-01-02: P, 2 cores/);
    assert.match(section, /generator has CPU 3 to itself, the servers CPU 0-2;/);
    assert.doesNotMatch(section, /not shown/);
    const old = `a\n${figuresSection({ ...made, goals: [] })}\nb`;
    assert.equal(withFigures(old, section), `a\n${section}\nb`);
    assert.throws(() => withFigures('nothing', section), /has no "<!--/);
  });
});
