// Before a promote an operator sees whether one more version fits into memory, and is not kept from it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelText } from '../../src/cli/views/status-view.ts';
import { hasRoom } from '../../src/rollout/deployment/room.ts';
import { createEngine } from '../../src/index.ts';
import { housingFile } from '../support/housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MIB = 1024 ** 2;

for (const [memoryMax, fits] of [[64 * MIB, false], [1_024 * 1_024 * MIB, true]] as const) {
  test(`status says that the next version ${fits ? 'fits' : 'does not fit'}, and it can be promoted`, async () => {
    const engine = await createEngine({ dataDir: temporaryDirectory(), workers: 1, memoryMax });
    try {
      await engine.register('housing', housingFile('1'), { version: '1', promote: true });
      await engine.register('housing', housingFile('2'), { version: '2' });
      const status = await engine.status('housing');
      const [one] = status.models;
      assert.ok(one?.room);
      assert.deepEqual([one.room.version, one.room.limitBytes, hasRoom(one.room)], ['2', memoryMax, fits]);
      const text = modelText(status, Date.now());
      assert.match(text, /room +.*version 2 would take about \d.* more; .* are taken/);
      assert.equal(text.includes('it does not fit'), !fits);
      await engine.promote('housing', '2');
      const { models: [after] } = await engine.status('housing');
      assert.equal(after?.room?.version, '2', 'with both loaded it is about one like the active');
    } finally {
      await engine.close();
    }
  });
}
