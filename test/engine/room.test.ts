// Before a promote an operator sees whether one more version fits into memory, and is not kept from it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelText } from '../../src/cli/views/status-view.ts';
import { hasRoom } from '../../src/rollout/deployment/room.ts';
import { silentLog } from '../../src/engine/log.ts';
import { createEngine } from '../../src/index.ts';
import { lastgood } from '../support/binary.ts';
import { housingFile } from '../support/housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MIB = 1024 ** 2;

for (const [memoryMax, fits] of [[64 * MIB, false], [1_024 * 1_024 * MIB, true]] as const) {
  test(`status says that the next version ${fits ? 'fits' : 'does not fit'}, and it can be promoted`, async () => {
    const dataDir = temporaryDirectory();
    const warned: [object, string | undefined][] = [];
    const log = { ...silentLog, warn: (about: object, text?: string) => void warned.push([about, text]) };
    const engine = await createEngine({ dataDir, workers: 1, memoryMax }, { log });
    const cli = async (...args: string[]): Promise<string> => (await lastgood([...args, '--data', dataDir])).stdout;
    const warnings = (): object[] => warned.filter(([, text]) => text?.startsWith('promoted with less memory'))
      .map(([about]) => ({ ...about, bytes: 0, usedBytes: 0 }));
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
      const { warning } = await engine.promote('housing', '2');
      const said = /version 2 would take about \d+ MiB beside what is loaded, .* and \d+ of \d+ MiB are taken: large/;
      assert.equal(warning !== null && said.test(warning), !fits, String(warning));
      assert.deepEqual(warnings().at(-1), fits
        ? undefined : { model: 'housing', version: '2', bytes: 0, usedBytes: 0, limitBytes: memoryMax });
      const { models: [after] } = await engine.status('housing');
      assert.equal(after?.room?.version, '2', 'with both loaded it is about one like the active');
      // The verbs print it too, also where registering promotes.
      const printed = await cli('register', 'housing', housingFile('1'), '--version', '3', '--promote');
      assert.match(printed, /version .*3.* of housing is active/);
      assert.equal(/warning: version 3 would take about/.test(printed), !fits, printed);
      await engine.register('housing', housingFile('1'), { version: '4' });
      assert.equal(/warning: version 4 would take about/.test(await cli('promote', 'housing', '4')), !fits);
    } finally {
      await engine.close();
    }
  });
}
