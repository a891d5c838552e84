// Deficit round robin, for whatever flows and costs there are.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { FairQueue } from '../../src/batch/fair-queue.ts';

const QUANTUM = 10;

interface Item {
  readonly flow: number;
  readonly cost: number;
  readonly number: number;
}

const items = fc.array(fc.record({ flow: fc.nat(4), cost: fc.integer({ min: 1, max: 200 }) }), { maxLength: 60 })
  .map((those) => those.map((one, number): Item => ({ ...one, number })));

function filled(those: readonly Item[]): FairQueue<Item> {
  const queue = new FairQueue<Item>(QUANTUM);
  for (const item of those) queue.push(item.flow, item.cost, item);
  return queue;
}

function emptied(queue: FairQueue<Item>): Item[] {
  const taken: Item[] = [];
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) taken.push(next);
  return taken;
}

suite('FairQueue', () => {
  test('hands out each item once, and those of a flow in their order', () => {
    fc.assert(fc.property(items, (those) => {
      const queue = filled(those);
      assert.equal(queue.size, those.length);
      const taken = emptied(queue);
      for (let flow = 0; flow <= 4; flow += 1) {
        assert.deepEqual(taken.filter((one) => one.flow === flow), those.filter((one) => one.flow === flow));
      }
      assert.equal(queue.size, 0);
    }));
  });

  test('lets a flow that waits wait for no more of another than the cost of its own first item, and some turns', () => {
    fc.assert(fc.property(items, (those) => {
      const queue = filled(those);
      const waited = new Map<string, number>();
      const left = [...those];
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        left.splice(left.indexOf(next), 1);
        for (const key of waited.keys()) if (key.startsWith(`${next.flow} `)) waited.delete(key);
        for (const flow of new Set(left.map((one) => one.flow))) {
          if (flow === next.flow) continue;
          const first = left.find((one) => one.flow === flow)!;
          const key = `${flow} ${next.flow}`;
          const passed = (waited.get(key) ?? 0) + next.cost;
          waited.set(key, passed);
          // What the other had saved for an item of its own, the turns that this one needs, and the one under way.
          const most = 200 + first.cost + 2 * QUANTUM;
          assert.ok(passed <= most, `flow ${flow} let ${passed} of flow ${next.flow} pass, wanted at most ${most}`);
        }
      }
    }));
  });

  test('gives two flows that always wait the same share by cost, whatever their items cost', () => {
    const queue = new FairQueue<string>(QUANTUM);
    for (let count = 0; count < 1_000; count += 1) queue.push(1, 3, 'light');
    for (let count = 0; count < 30; count += 1) queue.push(2, 100, 'heavy');
    const taken = { light: 0, heavy: 0 };
    for (let count = 0; count < 500; count += 1) {
      const cost = queue.peek()!.cost;
      taken[queue.shift() as 'light' | 'heavy'] += cost;
    }
    assert.ok(Math.abs(taken.light - taken.heavy) <= 100 + 2 * QUANTUM, JSON.stringify(taken));
  });

  test('forgets what is removed', () => {
    const queue = filled([0, 1, 2].map((number) => ({ flow: number === 2 ? 2 : 1, cost: 5, number })));
    const [first, second, third] = [...queue];
    assert.equal(queue.remove(second!), true);
    assert.equal(queue.remove(second!), false);
    assert.equal(queue.remove(third!), true);
    assert.deepEqual(emptied(queue), [first]);
  });
});
