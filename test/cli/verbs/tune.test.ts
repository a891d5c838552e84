// lastgood tune: what it tries, what it recommends, and a small run of the real executable.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { recommended, tunings, zerosBody } from '../../../src/cli/tune/plan.ts';
import type { Tried } from '../../../src/cli/tune/plan.ts';
import { optionsOfModel, resolveOptions } from '../../../src/options/options.ts';
import type { VersionRecord } from '../../../src/domain/records.ts';
import { lastgood, lastgoodJson } from '../../support/binary.ts';
import { housingFile } from '../../support/housing.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

interface Result {
  readonly model: string;
  readonly version: string;
  readonly tried: readonly Tried[];
  readonly recommended: Tried;
  readonly config: { readonly models: Readonly<Record<string, object>> };
}

const tried = (batchSizeMax: number, requestsPerSecond: number, p99Ms: number): Tried => ({
  workers: 1, intraOpThreads: 1, batchSizeMax, failure: null,
  figures: { requestsPerSecond, p50Ms: 1, p99Ms, residentBytes: 1e8 },
});
const failed: Tried = { workers: 4, intraOpThreads: 1, batchSizeMax: 1, figures: null, failure: 'no memory' };

describe('the plan of lastgood tune', () => {
  test('uses no more threads than there are cores, in all three directions', () => {
    const two = tunings(2, {});
    const pairs = new Set(two.map(({ workers, intraOpThreads }) => `${workers}x${intraOpThreads}`));
    assert.deepEqual([...pairs], ['1x1', '1x2', '2x1']);
    assert.equal(two.length, 3 * 4);
    assert.ok(tunings(8, {}).every(({ workers, intraOpThreads }) => workers * intraOpThreads <= 8));
    assert.deepEqual(tunings(1, {}).map(({ workers, intraOpThreads }) => [workers, intraOpThreads]),
      new Array(4).fill([1, 1]));
  });

  test('takes what was asked for, also beyond the cores', () => {
    assert.deepEqual(tunings(2, { workers: [3], intraOpThreads: [2], batchSizeMax: [5] }),
      [{ workers: 3, intraOpThreads: 2, batchSizeMax: 5 }]);
  });

  test('recommends the shortest waits among the fastest, and nothing that failed', () => {
    const all = [failed, tried(1, 500, 1), tried(8, 960, 3), tried(32, 1_000, 9), tried(64, 990, 20)];
    assert.equal(recommended(all)?.batchSizeMax, 8);
    assert.equal(recommended([failed]), null);
  });

  test('asks with zeros of the shape of one row', () => {
    const bodyOf = (inputs: readonly object[]): unknown =>
      JSON.parse(zerosBody({ signature: { inputs, outputs: [] } } as unknown as VersionRecord));
    assert.deepEqual(bodyOf([{ name: 'x', datatype: 'FP32', shape: [-1, 2, 3] }]),
      { features: [[0, 0, 0], [0, 0, 0]] });
    assert.deepEqual(
      bodyOf([{ name: 'a', datatype: 'BYTES', shape: [-1, 1] }, { name: 'b', datatype: 'BOOL', shape: [-1, -1] }]),
      { features: { a: [''], b: [false] } });
  });
});

describe('lastgood tune', () => {
  test('measures each setting on real pools and prints figures, a recommendation and its configuration', async () => {
    const dataDir = temporaryDirectory();
    const data = ['--data', dataDir];
    await lastgoodJson(['register', 'housing', housingFile('1'), '--promote', ...data]);
    const lists = ['--workers', '1,2', '--intra-op-threads', '1', '--batch-size-max', '4'];
    const small = ['--seconds', '0.05', ...lists, ...data];
    const result = await lastgoodJson<Result>(['tune', 'housing', ...small]);
    assert.deepEqual(result.tried.map(({ workers, failure }) => [workers, failure]), [[1, null], [2, null]]);
    for (const { figures } of result.tried) {
      assert.ok(figures !== null && figures.requestsPerSecond > 0 && figures.residentBytes > 1e7);
      assert.ok(figures.p50Ms > 0 && figures.p99Ms >= figures.p50Ms);
    }
    const { workers, intraOpThreads, batchSizeMax } = result.recommended;
    assert.deepEqual(result.config.models['housing'], { workers, intraOpThreads, batchSizeMax });

    // The configuration is one that the engine accepts.
    assert.equal(optionsOfModel(resolveOptions(result.config), 'housing').workers, workers);
    const row = join(dataDir, 'row.json');
    writeFileSync(row, '{"features":[1]}');
    const { code, stderr } = await lastgood(['tune', 'housing', '--body', row, ...small]);
    assert.equal(code, 1);
    assert.match(stderr, /run model "housing" version "1": .* it answered 400: .*the row has 1 values; wanted 8/);
    const absent = await lastgood(['tune', 'housing', '--version', '7', ...small]);
    assert.match(absent.stderr, /there is none of this name; known are "1"/);
  });
});
