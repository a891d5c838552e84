// The table of verbs: what is made of arguments before anybody carries a verb out.
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import {
  carryOut, checkedArguments, COMMANDS, controlPlane, refuseWithoutEngine, usageOf, VERBS,
} from '../../src/admin/commands.ts';
import type { ControlPlane } from '../../src/admin/commands.ts';

describe('the table of verbs', () => {
  test('makes every path absolute, because the engine may run in another directory', () => {
    const files = { file: 'm.onnx', baseline: 'b.json', golden: 'g.json' };
    const { model, ...absolute } = checkedArguments('register', { model: 'm', ...files });
    assert.equal(model, 'm');
    assert.deepEqual(absolute, { file: resolve('m.onnx'), baseline: resolve('b.json'), golden: resolve('g.json') });
    assert.equal(checkedArguments('baseline', { model: 'm', from: 'b.json' }).from, resolve('b.json'));
  });

  test('leaves out what a program gave as undefined, and refuses what does not fit', async () => {
    assert.deepEqual(checkedArguments('promote', { model: 'm', version: '1', reason: undefined }),
      { model: 'm', version: '1' });
    const unknown = { model: 'm', version: '1', forced: true };
    assert.throws(() => checkedArguments('promote', unknown), { code: 'INVALID_OPTION', message: /options: "forced"/ });
    const control = controlPlane(() => Promise.resolve('carried out'));
    for (const raw of [null, [], 'm', undefined, unknown]) {
      await assert.rejects(carryOut(control, 'status', raw), { code: 'INVALID_REQUEST' });
    }
    assert.equal(await carryOut(control, 'status', { model: 'm' }), 'carried out');
  });

  test('refuses without an engine what its row says, and nothing else', () => {
    const refused = VERBS.filter((verb) => {
      try {
        refuseWithoutEngine(verb, {}, '/data');
        return false;
      } catch {
        return true;
      }
    });
    assert.deepEqual(refused, ['outlook', 'drain']);
    refuseWithoutEngine('baseline', { model: 'm', from: '/b.json' }, '/data');
    assert.throws(() => refuseWithoutEngine('baseline', { model: 'm', capture: true }, '/data'),
      { code: 'ENGINE_NEEDED' });
  });

  test('hands every verb on, with its arguments and whose it is, and makes a rejection of what is thrown', async () => {
    const control = controlPlane((verb, args, actor) => Promise.resolve({ verb, args, actor }));
    assert.deepEqual(Object.keys(control), Object.keys(COMMANDS));
    const actor = { by: 'test' };
    const args = { model: 'm' };
    assert.deepEqual(await carryOut(control, 'pin', args, actor), { verb: 'pin', args, actor });
    const failing = controlPlane(() => {
      throw new Error('at once');
    });
    await assert.rejects(failing.status({}), /at once/);
  });

  test('carries a verb out on the object that has it', async () => {
    class Counting implements Pick<ControlPlane, 'drain'> {
      #answered = 6;
      drain(): Promise<{ readonly answered: number }> {
        this.#answered += 1;
        return Promise.resolve({ answered: this.#answered });
      }
    }
    const control: unknown = new Counting();
    assert.deepEqual(await carryOut(control as ControlPlane, 'drain', {}, { by: 'test' }), { answered: 7 });
  });

  test('tells people the arguments of a verb, those that can be left out in brackets', () => {
    assert.equal(usageOf('history'), 'GET /v1/history model [limit]: the events of a model, newest first');
    assert.match(usageOf('baseline'), /^POST \/v1\/baseline model \[version\] \[capture\] \[from\]/);
    assert.match(usageOf('drain'), /^POST \/v1\/drain *:/);
  });
});
