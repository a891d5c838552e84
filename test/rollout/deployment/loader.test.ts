// A deployment that no longer serves: it stays for a while, unless somebody needs what it has.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';
import { Lingering } from '../../../src/rollout/deployment/loader.ts';

const LONG_MS = 3_600_000;

async function isOver(stay: Promise<void>): Promise<boolean> {
  return Promise.race([stay.then(() => true), sleep(20).then(() => false)]);
}

describe('Lingering', () => {
  test('lets go after its time', async () => {
    const timer = setInterval(() => undefined, 5);
    await new Lingering(1).linger();
    clearInterval(timer);
  });

  test('lets go of the one before when the next one comes', async () => {
    const lingering = new Lingering(LONG_MS);
    const first = lingering.linger();
    assert.equal(await isOver(first), false);
    const second = lingering.linger();
    assert.equal(await isOver(first), true);
    assert.equal(await isOver(second), false);
    lingering.end();
  });

  test('lets go when it is hurried', async () => {
    const lingering = new Lingering(LONG_MS);
    const stay = lingering.linger();
    lingering.hurry();
    assert.equal(await isOver(stay), true);
  });

  test('keeps nobody once it is over', async () => {
    const lingering = new Lingering(LONG_MS);
    const stay = lingering.linger();
    lingering.end();
    assert.equal(await isOver(stay), true);
    assert.equal(await isOver(lingering.linger()), true);
  });
});
