// How many rows a request may have when nobody says: what the trial's speed allows.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ROWS_LIMIT } from '../../../src/options/options.ts';
import { hostMemoryBytes } from '../../../src/base/process-memory.ts';
import type { SaidLimits } from '../../../src/options/request-limits.ts';
import type { Signature } from '../../../src/domain/records.ts';
import type { RunLimits } from '../../../src/domain/run-limits.ts';
import type { MemoryPoint, RunMemory } from '../../../src/domain/run-memory.ts';
import { requestRowsMax, runLimits } from '../../../src/rollout/deployment/run-limits.ts';

const options = { deadlineMs: 30_000, hungMs: 60_000 };

suite('requestRowsMax', () => {
  test('is what runs at the speed of the trial within half of the deadline', () => {
    assert.equal(requestRowsMax(options, { trial: { runMs: 3, rowMs: 2 } }), 7_500);
    assert.equal(requestRowsMax({ ...options, deadlineMs: 10_000 }, { trial: { runMs: 3, rowMs: 2 } }), 2_500);
  });

  test('lets no run last until it counts as hung', () => {
    assert.equal(requestRowsMax({ ...options, hungMs: 600 }, { trial: { runMs: 3, rowMs: 2 } }), 150);
  });

  test('takes the speed of a single row when the trial measured no other', () => {
    assert.equal(requestRowsMax(options, { trial: { runMs: 3 } }), 5_000);
    assert.equal(requestRowsMax(options, { trial: { runMs: 3, rowMs: 0 } }), 5_000);
  });

  test('takes the speed of a single row for a model whose rows share no run', () => {
    const version = { trial: { runMs: 3, rowMs: 0.1 }, stacking: { mode: 'none' } } as const;
    assert.equal(requestRowsMax(options, version), 5_000);
  });

  test('is a fixed number when the trial could measure nothing', () => {
    assert.equal(requestRowsMax(options, { trial: { runMs: 0, rowMs: 0 } }), 65_536);
  });

  test('is never less than one row, nor more than can be set', () => {
    assert.equal(requestRowsMax(options, { trial: { runMs: 1e6, rowMs: 1e6 } }), 1);
    assert.equal(requestRowsMax(options, { trial: { runMs: 0.001, rowMs: 1e-6 } }), ROWS_LIMIT);
  });

  test('is what the operator says, whatever the speed', () => {
    assert.equal(requestRowsMax({ ...options, rowsMax: 12 }, { trial: { runMs: 1e6, rowMs: 1e6 } }), 12);
  });
});

suite('runLimits', () => {
  const MIB = 1024 ** 2;
  const curve = (sizes: readonly number[], bytesOf: (size: number) => number): MemoryPoint[] =>
    sizes.map((size) => ({ size, elements: size * 4, bytes: bytesOf(size) * MIB }));
  const rows = curve([1, 2, 4, 8, 16, 32, 64], (size) => size * 3);
  const open = curve([256, 512, 1_024, 2_048], (size) => (size / 128) ** 2);
  const signature: Signature = { inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, -1, 4] }], outputs: [] };
  const memory: RunMemory = { modelBytes: 0, rows, open, dimensions: [{ axes: [[0, 1]], curve: [] }] };
  const settings = { runMemoryMax: 128 * MIB, batchSizeMax: 64, requestMemoryMax: 1_024 * MIB };
  const limits = (changed: object, more: Partial<RunMemory> = {}): RunLimits =>
    runLimits({ ...settings, ...changed }, { signature, trial: { memory: { ...memory, ...more } } });

  test('has as many rows as were seen to stay within the memory of a run', () => {
    assert.equal(limits({}).rows, 32);
    assert.equal(limits({ runMemoryMax: 90 * MIB }).rows, 16);
    assert.equal(limits({ runMemoryMax: 2 * MIB }).rows, 1);
    assert.equal(limits({ runMemoryMax: 1_024 * MIB }).rows, 341);
  });

  test('has fewer rows where a batch has few requests, and those that the operator says', () => {
    assert.equal(limits({ batchSizeMax: 1 }).rows, 16);
    assert.equal(limits({ batchSizeMax: 1, runRowsMax: 500 }).rows, 500);
  });

  test('has 64 rows and no limit of sizes where no memory was measured', () => {
    const { rows: most, elements, request } = runLimits(settings, { signature, trial: {} });
    assert.deepEqual([most, elements, request.elements, request.sizes], [64, Infinity, Infinity, [[Infinity, Infinity,
      Infinity]]]);
  });

  test('limits open dimensions and elements to what the run of a request may take, or to what the operator says', () => {
    const { request } = limits({});
    assert.deepEqual(request, { elements: 16_384, sizes: [[341, 4_096, Infinity]] });
    const said = limits({ dimensionMax: 9, elementsMax: 77 }).request;
    assert.deepEqual(said, { elements: 77, sizes: [[341, 9, Infinity]] });
  });

  test('takes what was said of the version over what was said of its model, each by itself', () => {
    const of = (requestLimits: SaidLimits): RunLimits['request'] => runLimits(
      { ...settings, dimensionMax: 9, elementsMax: 77 }, { signature, trial: { memory }, requestLimits }).request;
    assert.deepEqual(of({ dimensionMax: 5_000 }), { elements: 77, sizes: [[341, 5_000, Infinity]] });
    assert.deepEqual(of({ elementsMax: 3 }), { elements: 3, sizes: [[341, 9, Infinity]] });
  });

  test('takes what was said of open dimensions of which nothing was measured, and leaves rows to their own limit', () => {
    const { request } = runLimits({ ...settings, dimensionMax: 9 }, { signature, trial: {} });
    assert.deepEqual(request.sizes, [[Infinity, 9, Infinity]]);
  });

  test('lets a request of what its memory allows run alone, and others share a run of less', () => {
    assert.equal(limits({}).elements, Math.floor(4 * 128 * Math.sqrt(128)));
  });

  test('never refuses what is like the golden vectors', () => {
    const { request } = limits({}, { given: [[1, 8_000, 4]] });
    assert.deepEqual(request, { elements: 64_000, sizes: [[341, 16_000, Infinity]] });
  });

  test('takes an eighth of the memory for a request when nobody says, and never less than for a run', () => {
    const byDefault = limits({ requestMemoryMax: undefined }).request.sizes[0]?.[1];
    const bytes = Math.max(128 * MIB, hostMemoryBytes() / 8);
    assert.equal(byDefault, Math.floor(128 * Math.sqrt(bytes / MIB)));
  });
});
