// In which order a start brings things up: actives as given and only so many at once, suspects alone, standbys last.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { StartOrder } from '../../../src/engine/models/start-order.ts';

/** An order whose work begins and ends where the test can see it. */
class Played {
  readonly order: StartOrder;
  readonly begun: string[] = [];
  readonly #ends = new Map<string, { readonly resolve: () => void; readonly reject: (error: Error) => void }>();

  constructor(atOnce: number, hasBegun = true) {
    this.order = new StartOrder(atOnce);
    if (hasBegun) this.order.begin();
  }

  readonly bring = (name: string) => (): Promise<void> => {
    this.begun.push(name);
    return new Promise((resolve, reject) => this.#ends.set(name, { resolve, reject }));
  };

  async end(name: string, error?: Error): Promise<string> {
    const { resolve, reject } = this.#ends.get(name)!;
    if (error === undefined) resolve();
    else reject(error);
    await turn();
    return this.begun.join(' ');
  }
}

test('brings active versions up in their order, so many at once, and standbys when none of them waits', async () => {
  const all = new Played(2);
  all.order.standby(all.bring('early standby'));
  for (const name of ['a', 'b', 'c']) void all.order.active(all.bring(name));
  all.order.standby(all.bring('standby'));
  assert.deepEqual(all.begun.join(' '), 'early standby a', 'nothing waited when the first came');
  assert.equal(await all.end('a'), 'early standby a b');
  assert.equal(await all.end('early standby'), 'early standby a b c');
  assert.equal(await all.end('b'), 'early standby a b c standby');
});

test('brings a suspect of the last crash up while nothing else is, after all that is none', async () => {
  const played = new Played(3);
  for (const name of ['s', 't']) void played.order.active(played.bring(name), { isSuspect: true });
  assert.deepEqual(played.begun, ['s'], 'nothing else is there');
  for (const name of ['a', 'b']) void played.order.active(played.bring(name));
  played.order.standby(played.bring('standby'));
  assert.deepEqual(played.begun, ['s'], 'it is alone');
  assert.equal(await played.end('s'), 's a b');
  assert.equal(await played.end('a'), 's a b');
  assert.equal(await played.end('b'), 's a b t');
  assert.equal(await played.end('t'), 's a b t standby');
});

test('goes on after what throws, which whoever gave it hears of', async () => {
  const played = new Played(1);
  const first = played.order.active(played.bring('a'));
  const second = played.order.active(played.bring('b'), { isSuspect: true });
  void played.order.active(played.bring('c'));
  const refusal = assert.rejects(first, /no such file/);
  assert.equal(await played.end('a', new Error('no such file')), 'a c');
  await refusal;
  assert.equal(await played.end('c'), 'a c b');
  await played.end('b');
  await second;
});

test('begins nothing more after the end, and lets nobody wait', async () => {
  const played = new Played(1);
  const running = played.order.active(played.bring('a'));
  const waiting = played.order.active(played.bring('b'));
  played.order.standby(played.bring('standby'));
  played.order.close();
  await waiting;
  await played.order.active(played.bring('c'));
  assert.equal(await played.end('a'), 'a');
  await running;
});

test('brings nothing up before it is told to begin, and then all that came in its order', async () => {
  const played = new Played(1, false);
  played.order.standby(played.bring('standby'));
  for (const name of ['a', 'b']) void played.order.active(played.bring(name));
  await turn();
  assert.deepEqual(played.begun, []);
  played.order.begin();
  assert.deepEqual(played.begun, ['a']);
  assert.equal(await played.end('a'), 'a b');
  assert.equal(await played.end('b'), 'a b standby');
});
