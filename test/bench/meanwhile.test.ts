// Work with other work beside it: both end together, whatever goes wrong.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { meanwhile } from '../../bench/measure/meanwhile.ts';

suite('meanwhile', () => {
  test('repeats until the work is over, and gives the results of both', async () => {
    let number = 0;
    const { result, repeats } = await meanwhile(async () => {
      while (number < 3) await sleep(1);
      return 'done';
    }, async () => {
      await sleep(1);
      number += 1;
      return number;
    });
    assert.equal(result, 'done');
    assert.deepEqual(repeats, Array.from({ length: number }, (_, index) => index + 1));
  });

  test('ends the repeating when the work fails, and throws what the work threw', async () => {
    let running = 0;
    const failing = meanwhile(() => Promise.reject(new Error('the work')), async () => {
      running += 1;
      await sleep(5);
      running -= 1;
    });
    await assert.rejects(failing, { message: 'the work' });
    assert.equal(running, 0);
  });

  test('lets the work end when the repeating fails, and throws that', async () => {
    let isOver = false;
    const failing = meanwhile(async () => {
      await sleep(20);
      isOver = true;
    }, () => Promise.reject(new Error('the other')));
    await assert.rejects(failing, { message: 'the other' });
    assert.ok(isOver);
  });
});
