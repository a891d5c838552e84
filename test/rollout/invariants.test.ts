// Whatever operators, the monitor, another process, restarts, the disk and the date do, in whatever order: the
// invariants hold.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, mock, suite, test } from 'node:test';
import fc from 'fast-check';
import { openStore } from '../../src/registry/opening/open-store.ts';
import { Registry } from '../../src/registry/registry.ts';
import type { RegistryStore } from '../../src/registry/store/store.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { START_MS } from './played-clock.ts';
import { type Step, VERSIONS, World } from './world.ts';

/** Fixed, so that a run speaks of the change under test only; `LASTGOOD_SEED=N` tries another one. */
const SEED = Number(process.env['LASTGOOD_SEED'] ?? 20_261_130);
const RUNS = 100;
const STEPS_MAX = 40;
const HISTORY = 1_000;
const YEAR_MS = 365 * 24 * 3_600_000;
/** Each far from the others, so that no date comes twice. */
const SHIFTS_MS = [0, YEAR_MS, -YEAR_MS, -START_MS, 3_600_000];

type Kind<K extends Step['kind']> = Extract<Step, { readonly kind: K }>;
const often = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const version = fc.constantFrom(...VERSIONS);
const back = often(0, 1, 2);
const check = fc.constantFrom('error_rate', 'non_finite', 'constant_output', 'p95_latency', 'mean_drift');
const blames = often('version', 'host', 'data', 'inputs', 'unknown');
const isJoined = often(false, true);
const kinds = <K extends Step['kind']>(...of: readonly K[]): fc.Arbitrary<K> => fc.constantFrom(...of);

const weighted: readonly (readonly [number, fc.Arbitrary<Step>])[] = [
  [6, fc.record({ kind: kinds('verdict'), check, blames, back, isJoined }) as fc.Arbitrary<Kind<'verdict'>>],
  [3, fc.record({ kind: kinds('health'), violations: often<readonly string[]>([], ['slow']), back, isJoined })],
  [6, fc.record({ kind: kinds('promote'), version, isJoined })],
  [3, fc.record({ kind: kinds('rollback'), to: often<string | null>(null, ...VERSIONS), isJoined })],
  [3, fc.record({ kind: kinds('wait'), ms: fc.constantFrom(100, 1_000, 6_000, 30_000), isJoined: fc.constant(false) })],
  [3, fc.record({ kind: kinds('date'), shiftMs: fc.constantFrom(...SHIFTS_MS), isJoined })],
  [5, fc.record({ kind: kinds('warning', 'pin', 'unpin', 'unpin', 'confirm', 'follow'), isJoined })],
  [3, fc.record({ kind: kinds('quarantine', 'release', 'release', 'elsewhere', 'damage', 'mend'), version, isJoined })],
  [2, fc.record({ kind: kinds('restart'), isJoined: fc.constant(false) })],
  [3, fc.record({ kind: kinds('disk'), mode: fc.constantFrom('fine', 'fine', 'refuses', 'slow'), isJoined })],
];
const steps = fc.array(fc.oneof(...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary }))), {
  minLength: 1, maxLength: STEPS_MAX, size: 'max',
});

// A disk that keeps to nobody's time keeps to no order of what is joined either.
const isInOrder = (step: Step): boolean => !step.isJoined && step.kind !== 'disk' && step.kind !== 'date';

suite('A model that anything may happen to', () => {
  let lives = 0;
  let store: RegistryStore;
  before(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    // Thousands of transactions, none of which has to outlive a power cut.
    store = openStore({ dataDir: temporaryDirectory(existsSync('/dev/shm') ? '/dev/shm' : undefined) });
  });
  after(async () => {
    mock.timers.reset();
    await store.close();
  });
  /** What became of it, but for dates. */
  const lived = async (taken: readonly Step[]): Promise<unknown> => {
    const name = `m${(lives += 1)}`;
    const world = new World(store, name);
    await world.live(taken);
    const registry = new Registry(store, world.clock);
    return [
      registry.history(name, HISTORY).map(({ kind, by, from, to, generation }) => ({ kind, by, from, to, generation })),
      registry.decisions(name, HISTORY)
        .map(({ action, suppressedBy, generation }) => ({ action, suppressedBy, generation })),
    ];
  };

  test('keeps every invariant of its rollout', async () => {
    const life = fc.asyncProperty(steps, async (taken) => {
      await lived(taken);
    });
    await fc.assert(life, { seed: SEED, numRuns: RUNS, includeErrorInReport: true });
  });

  test('comes to the same, wherever the date is set before each step', async () => {
    const shifts = fc.array(fc.constantFrom(...SHIFTS_MS), { minLength: STEPS_MAX, maxLength: STEPS_MAX });
    const life = fc.asyncProperty(steps, shifts, async (taken, shifted) => {
      const inOrder = taken.filter(isInOrder);
      const dated = inOrder.flatMap((step, at): Step[] =>
        [{ kind: 'date', shiftMs: shifted[at] ?? 0, isJoined: true }, step]);
      assert.deepEqual(await lived(dated), await lived(inOrder));
    });
    await fc.assert(life, { seed: SEED, numRuns: RUNS / 2, includeErrorInReport: true });
  });
});
