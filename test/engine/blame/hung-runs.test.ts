// Which runs count as hung: a run that does not come back, never a batch of many runs, nor one that waits behind it.
import assert from 'node:assert/strict';
import { mock, suite, test } from 'node:test';
import { HungRuns } from '../../../src/engine/blame/hung-runs.ts';
import type { HungRun } from '../../../src/engine/events.ts';
import type { ServedModel } from '../../../src/engine/models/served-model.ts';
import { createSlabArena } from '../../../src/shared-memory/slab-arena.ts';
import type { Slab } from '../../../src/shared-memory/slab.ts';

const HUNG_MS = 1_000;
const LOOK_MS = 100;

interface Watch {
  readonly slabs: readonly Slab[];
  readonly running: Set<Slab>;
  readonly givenUp: Slab[];
  readonly reported: HungRun[];
  /** Lets so much time pass, with a look every 100 ms; `eachLook` is called before each. */
  pass(ms: number, eachLook?: () => void): Promise<void>;
}

/** Watches two slabs of a version that is found to be to blame. */
async function watching(action: (watch: Watch) => Promise<void>): Promise<void> {
  const { slabs } = createSlabArena(2, { entriesMax: 1, requestBytes: 64, answerBytes: 64 });
  const running = new Set<Slab>();
  const givenUp: Slab[] = [];
  const stuck = new Set<Slab>();
  const reported: HungRun[] = [];
  let nowUs = 0;
  const served = {
    model: 'm', options: { hungMs: HUNG_MS, deadlineMs: HUNG_MS }, giveUp: (slab: Slab) => void givenUp.push(slab),
    loaded: [{ version: { version: '1' }, runningSlabs: running, stuck }],
    noteStuck: (_: unknown, slab: Slab) => void stuck.add(slab),
    rollout: { activeVersion: null, isSaved: true },
  };
  mock.timers.enable({ apis: ['setInterval'] });
  const hungRuns = new HungRuns({
    models: () => [served as unknown as ServedModel], isRecorded: false,
    examine: () => Promise.resolve({ blames: 'version', isTakenOut: true }), onExamined: () => undefined,
    clock: { monotonicUs: () => nowUs, wallMs: () => 0 },
    emit: () => undefined, onHung: (run) => void reported.push(run),
  });
  hungRuns.start();
  try {
    await action({
      slabs, running, givenUp, reported,
      async pass(ms, eachLook) {
        for (let passed = 0; passed < ms; passed += LOOK_MS) {
          eachLook?.();
          nowUs += LOOK_MS * 1e3;
          mock.timers.tick(LOOK_MS);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    });
  } finally {
    hungRuns.stop();
    mock.timers.reset();
  }
}

suite('HungRuns', () => {
  test('gives up a run that does not come back, once', () => watching(async ({ slabs, running, ...watch }) => {
    const slab = slabs[0]!;
    slab.stamp(1, 1, 5);
    running.add(slab);
    slab.beginRun();
    await watch.pass(HUNG_MS);
    assert.deepEqual(watch.givenUp, []);
    await watch.pass(300);
    assert.deepEqual(watch.givenUp, [slab]);
    assert.deepEqual(watch.reported.map(({ model, version }) => [model, version]), [['m', '1']]);
    // It comes back after all, goes on with its next run, and that one hangs too.
    slab.beginRun();
    await watch.pass(5 * HUNG_MS);
    assert.equal(watch.reported.length, 1);
  }));

  test('leaves a batch alone whose runs come back, however many they are', () => watching(
    async ({ slabs, running, ...watch }) => {
      const slab = slabs[0]!;
      slab.stamp(1, 1, 5);
      running.add(slab);
      slab.beginRun();
      await watch.pass(60 * HUNG_MS, () => slab.beginRun());
      assert.deepEqual(watch.givenUp, []);
      await watch.pass(2 * HUNG_MS);
      assert.deepEqual(watch.givenUp, [slab], 'but the last of them does not');
    }));

  test('times what lies ready behind a long batch from when its worker comes to it', () => watching(
    async ({ slabs, running, ...watch }) => {
      const [long, ready] = slabs as [Slab, Slab];
      for (const slab of [long, ready]) {
        slab.stamp(1, 1, 5);
        running.add(slab);
      }
      await watch.pass(5 * HUNG_MS, () => long.beginRun());
      running.delete(long);
      ready.beginRun();
      await watch.pass(HUNG_MS);
      assert.deepEqual(watch.givenUp, []);
      await watch.pass(300);
      assert.deepEqual(watch.givenUp, [ready]);
    }));

  test('times the next batch in the same slab anew', () => watching(async ({ slabs, running, ...watch }) => {
    const slab = slabs[0]!;
    running.add(slab);
    let cutUs = 0;
    await watch.pass(5 * HUNG_MS, () => {
      slab.stamp(1, 1, (cutUs += 1));
      slab.beginRun();
    });
    assert.deepEqual(watch.givenUp, []);
  }));
});
