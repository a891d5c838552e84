// Large requests beside small ones: each kind gets its share by what its rows take, nobody starves, and everybody gets
// one answer.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { BATCH_US, LARGE_US } from '../../src/batch/request-scale.ts';
import { EntryKind } from '../../src/protocols/protocol.ts';
import type { BatchResult } from '../../src/worker/messages.ts';
import type { Signature } from '../../src/domain/records.ts';
import { type Asked, benchWith, TestWorkers, turn } from './workers.ts';

const ROW_US = 100;
const signature: Signature = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 1] }], outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }],
};
const VERSION = { signature, trial: { rowMs: ROW_US / 1e3, runMs: ROW_US / 1e3 } };
/** Requests of more rows are large. */
const LARGE_ROWS = LARGE_US / ROW_US;
/** Rows of a batch whose requests have more than one. */
const BATCH_ROWS = BATCH_US / ROW_US;
const BATCH_SIZE_MAX = 4;

const bodyOf = (number: number, rows: number): string =>
  `{"n":${number},"instances":[${Array.from({ length: rows }, () => '[1]').join(',')}]}`;
const rowsOf = (body: string): number => body.split('[1]').length - 1;
const numberOf = (body: string): number => Number(/"n":(\d+)/.exec(body)![1]);
const isLarge = (body: string): boolean => rowsOf(body) > LARGE_ROWS;

function bench(options: Parameters<typeof benchWith>[0] = {}): ReturnType<typeof benchWith> {
  const made = benchWith({
    batchSizeMax: BATCH_SIZE_MAX, slabBytes: 65_536, pendingMax: 500, largeBytesMax: 1e9, ...options,
  });
  made.batcher.weighFor(VERSION);
  return made;
}

type Step = { readonly ask: number } | 'turn' | 'finish';
const steps = fc.array(fc.oneof(
  { weight: 5, arbitrary: fc.record({ ask: fc.integer({ min: 1, max: LARGE_ROWS - 1 }) }) },
  { weight: 3, arbitrary: fc.constant({ ask: 1 }) },
  { weight: 2, arbitrary: fc.record({ ask: fc.integer({ min: LARGE_ROWS + 10, max: 2_000 }) }) },
  { weight: 3, arbitrary: fc.constantFrom('turn' as const, 'finish' as const) },
), { minLength: 1, maxLength: 120 });

/** Takes the steps; returns the requests and the bodies of the batches in the order in which they were cut. */
async function taken(those: readonly Step[], options: Parameters<typeof benchWith>[0] = {}): Promise<{
  readonly asked: readonly Asked[]; readonly cuts: readonly (readonly string[])[];
}> {
  const { ask, workers, batcher } = bench(options);
  const asked: Asked[] = [];
  for (const step of those) {
    if (step === 'turn') await turn();
    else if (step !== 'finish') asked.push(ask(bodyOf(asked.length, step.ask)));
    else if (workers.running.length > 0) workers.finish();
  }
  while (batcher.pending > 0) {
    await turn();
    while (workers.running.length > 0) workers.finish();
  }
  return { asked, cuts: workers.cuts };
}

suite('The share of large requests', () => {
  test('everybody gets exactly one answer, and a batch holds no more rows than its limit', async () => {
    await fc.assert(fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), async (those, workers) => {
      const { asked, cuts } = await taken(those, { workers });
      for (const { answers, body } of asked) assert.deepEqual(answers.map((one) => one.body), [`1:${body}`]);
      for (const cut of cuts) {
        if (cut.some(isLarge)) assert.equal(cut.length, 1, 'a large request shares its batch');
        const rows = cut.reduce((sum, body) => sum + rowsOf(body), 0);
        assert.ok(cut.length === 1 || rows <= BATCH_ROWS + BATCH_SIZE_MAX, `${rows} rows in one batch`);
      }
    }), { numRuns: 60 });
  });

  test('where both have one worker, a small request waits for no more rows of large ones than of small ones and one ' +
    'large request, and the other way round', async () => {
    await fc.assert(fc.asyncProperty(steps, async (those) => {
      const { asked, cuts } = await taken(those);
      const order = cuts.flat();
      const most = Math.max(0, ...asked.filter(({ body }) => isLarge(body)).map(({ body }) => rowsOf(body)));
      // Of a run of batches in which both kinds wait, neither gets ahead by more than the largest of either.
      for (const [at, body] of order.entries()) {
        const before = order.slice(0, at);
        const [later, own] = [
          before.filter((other) => numberOf(other) > numberOf(body) && isLarge(other) !== isLarge(body)),
          before.filter((other) => isLarge(other) === isLarge(body)),
        ];
        const passed = later.reduce((sum, other) => sum + rowsOf(other), 0);
        const gone = own.reduce((sum, other) => sum + rowsOf(other), 0);
        const limit = gone + most + rowsOf(body) + 2 * BATCH_ROWS;
        assert.ok(passed <= limit, `request ${numberOf(body)} of ${rowsOf(body)} rows let ${passed} rows pass`);
      }
    }), { numRuns: 60 });
  });

  test('a stream of small requests does not starve a large one on the same worker', async () => {
    const { ask, workers } = bench();
    const rows = 400;
    ask(bodyOf(0, 1));
    await turn();
    const large = ask(bodyOf(1, rows));
    let smallRows = 0;
    for (let number = 2; large.answers.length === 0; number += 1) {
      ask(bodyOf(number, 20));
      await turn();
      workers.finish();
      smallRows += 20;
      assert.ok(smallRows <= rows + BATCH_ROWS, `${smallRows} rows of small requests went before ${rows}`);
    }
  });

  test('a stream of large requests lets a small one through after the one that runs', async () => {
    const { ask, workers } = bench();
    for (let number = 0; number < 20; number += 1) ask(bodyOf(number, 500));
    await turn();
    const small = ask(bodyOf(20, 1));
    workers.finish();
    await turn();
    workers.finish();
    await turn();
    assert.equal(small.answers.length, 1);
  });

  test('where large requests have a worker of their own, no small one waits for any of their rows', async () => {
    await fc.assert(fc.asyncProperty(steps, async (those) => {
      const clock = { nowUs: 1 };
      const [few, many] = [new TestWorkers(1, () => clock.nowUs), new TestWorkers(1, () => clock.nowUs)];
      const { ask, batcher } = bench({
        dispatch: (slab, mayQueueBehind): Promise<BatchResult> | undefined =>
          (slab.isLarge ? many : few).dispatch(slab, mayQueueBehind),
      });
      few.joinArena(batcher);
      many.joinArena(batcher);
      const asked: Asked[] = [];
      for (const step of those) {
        if (step === 'turn' || step === 'finish') await turn();
        else asked.push(ask(bodyOf(asked.length, step.ask)));
        while (few.running.length > 0) few.finish();
      }
      for (let count = 0; count <= asked.length; count += 1) {
        await turn();
        while (few.running.length > 0) few.finish();
      }
      // The other worker has ended nothing so far.
      for (const { body, answers } of asked) assert.equal(answers.length, isLarge(body) ? 0 : 1, body.slice(0, 20));
      while (batcher.pending > 0) {
        await turn();
        while (many.running.length > 0) many.finish();
      }
    }), { numRuns: 40 });
  });

  test('of large requests each source that is known gets the same share by rows', async () => {
    const { batcher, workers } = bench();
    const answered: number[] = [];
    const ask = (source: number, rows: number): void => {
      const sink = { source: () => source, answer: () => void answered.push(source) };
      batcher.submit(EntryKind.predictJson, Buffer.from(bodyOf(source, rows)), sink, 1);
    };
    for (let count = 0; count < 20; count += 1) ask(7, 1_000);
    for (let count = 0; count < 5; count += 1) ask(9, 200);
    while (answered.filter((source) => source === 9).length < 5) {
      await turn();
      workers.finish();
    }
    assert.ok(answered.filter((source) => source === 7).length <= 3, answered.join(' '));
  });
});
