// The simulation of the judge at its smallest size: what it promises at full size has to hold there too.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DAMAGES } from '../../bench/judge/damages.ts';
import type { JudgeResult } from '../../bench/judge/report.ts';
import { summaryOf } from '../../bench/judge/report.ts';
import { STREAMS } from '../../bench/judge/nasty-streams.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MAIN = fileURLToPath(new URL('../../bench/judge/main.js', import.meta.url));
const run = promisify(execFile);

describe('npm run bench:judge', () => {
  test('finds every damage, rolls no healthy version back, and exits 0', async () => {
    const out = join(temporaryDirectory(), 'judge.json');
    const { stdout } = await run(process.execPath, [MAIN, '--size', 'smallest', '--out', out]);
    const { healthy, damages, pairs, monitor } = JSON.parse(readFileSync(out, 'utf8')) as JudgeResult;
    rmSync(out);
    assert.deepEqual([...new Set(healthy.map(({ stream }) => stream))], STREAMS.map(({ name }) => name));
    assert.ok(healthy.every(({ samples }) => samples > 500), 'every stream was served');
    assert.deepEqual(healthy.filter((one) => one.default > 0), []);
    assert.ok(healthy.some(({ compat }) => compat > 0), 'the plain checks do roll healthy versions back');
    const names = DAMAGES.map(({ name }) => name);
    assert.deepEqual(damages.map(({ damage }) => damage), [...names, ...names], 'from the first request on, and later');
    assert.ok(damages.slice(names.length).every(({ wellSeconds }) => wellSeconds >= 3_600));
    assert.deepEqual(damages.filter((one) => one.default.found < one.runs), []);
    assert.ok(damages.some(({ compat }) => compat.found === 0), 'the plain checks miss some');
    const told = pairs!.map((one) => one.told ?? one.acted);
    assert.ok(told.length > 0 && told.every((one) => one !== null), 'pairs show each damage that keeps margins');
    assert.ok(monitor !== null && monitor.samples > 10_000 && monitor.looks > 0);
    for (const { name } of [...STREAMS, ...DAMAGES]) assert.ok(stdout.includes(name));
  });

  test('says that the promise is broken when a healthy version was rolled back or a damage was missed', () => {
    const found = { found: 1, early: 0, median: 1, longest: 1, checks: [] };
    const missed = { found: 0, early: 0, median: null, longest: null, checks: [] };
    const damage = { damage: 'x', about: '', rate: '1/s', runs: 1, wellSeconds: 0, secondsMax: 1, compat: found };
    const stream = {
      stream: 'y', about: '', rate: '1/s', hosts: 1, days: 2, samples: 1, compat: 1, asked: 1, told: 0, checks: [],
    };
    const about = { seed: 1, size: 'full', node: '', monitor: null, cpuSeconds: 0 };
    const kept = { ...about, healthy: [{ ...stream, default: 0 }], damages: [{ ...damage, default: found }] };
    assert.equal(summaryOf(kept).isKept, true);
    assert.equal(summaryOf({ ...kept, healthy: [{ ...stream, default: 1 }] }).isKept, false);
    const { isKept, text } = summaryOf({ ...kept, damages: [{ ...damage, default: missed }] });
    assert.equal(isKept, false);
    assert.match(text, /not always found: x at 1\/s after 0 s$/);
    const unseen = {
      damage: 'z', about: '', runs: 1, differing: 1, marginMoves: 0, told: null, acted: null, stated: 5,
    };
    assert.equal(summaryOf({ ...kept, pairs: [unseen] }).isKept, false, 'a damage that pairs do not show');
    const early = { ...damage, default: { ...found, early: 1 } };
    assert.equal(summaryOf({ ...kept, damages: [early] }).isKept, false, 'an alarm before the damage is false');
  });

  test('refuses an unknown size and explains itself', async () => {
    const asked = run(process.execPath, [MAIN, '--size', 'huge']);
    await assert.rejects(asked, /no size "huge".*wanted full or tenth or hundredth or smallest/);
    const { stdout } = await run(process.execPath, [MAIN, '--help']);
    assert.match(stdout, /--seed N/);
  });
});
