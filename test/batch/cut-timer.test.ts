// How long a queue lets its open batch grow, turn by turn of the event loop.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { CutTimer, GROWING_TURNS_MAX } from '../../src/batch/cut-timer.ts';

interface Bench {
  readonly timer: CutTimer;
  /** What had come in at each cut. */
  readonly cuts: number[];
  /** Lets `perTurn` requests come in with each of so many turns. */
  readonly turns: (count: number, perTurn: number) => Promise<void>;
}

function bench(mayGrow: () => boolean = () => true): Bench {
  const cuts: number[] = [];
  let accepted = 0;
  const timer = new CutTimer({ cut: () => cuts.push(accepted), lingerUs: () => 0, accepted: () => accepted, mayGrow });
  const turns = async (count: number, perTurn: number): Promise<void> => {
    for (let turn = 0; turn < count; turn += 1) {
      accepted += perTurn;
      if (perTurn > 0) timer.schedule();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { timer, cuts, turns };
}

suite('CutTimer', () => {
  test('cuts at the end of the first turn in which nothing came in', async () => {
    const { cuts, turns } = bench();
    await turns(2, 10);
    assert.deepEqual(cuts, []);
    await turns(1, 0);
    assert.deepEqual(cuts, [20]);
    await turns(3, 0);
    assert.deepEqual(cuts, [20]);
  });

  test('cuts after so many turns although requests come in with each, and begins to count anew', async () => {
    const { cuts, turns } = bench();
    await turns(3 * (GROWING_TURNS_MAX + 1), 1);
    assert.deepEqual(cuts, [1, 2, 3].map((cut) => cut * (GROWING_TURNS_MAX + 1)));
  });

  test('cuts at the end of the turn where a larger batch is not worth waiting for', async () => {
    let isWorthIt = true;
    const { cuts, turns } = bench(() => isWorthIt);
    await turns(1, 1);
    isWorthIt = false;
    await turns(2, 1);
    assert.deepEqual(cuts, [2, 3]);
  });

  test('cuts at the end of the turn when it is asked to and nothing came in since it looked last', async () => {
    const { timer, cuts, turns } = bench();
    await turns(1, 5);
    await turns(1, 0);
    timer.schedule();
    timer.schedule();
    await turns(1, 0);
    assert.deepEqual(cuts, [5, 5]);
  });
});
