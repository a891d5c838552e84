// The room of prepared models: published whole, checked, removed.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, suite, test } from 'node:test';
import {
  beginPrepared, discardPrepared, lookPrepared, preparedKey, prunePrepared, publishPrepared, verifyPrepared,
} from '../../src/artifacts/prepared.ts';
import { temporaryDirectory } from '../support/temporary.ts';

let dataDir: string;
beforeEach(() => (dataDir = temporaryDirectory()));

const names = (): string[] => readdirSync(join(dataDir, 'prepared')).sort();

async function published(key: string, bytes: number): Promise<void> {
  const folder = await beginPrepared(dataDir, 1);
  writeFileSync(join(folder, 'model.onnx'), 'graph');
  writeFileSync(join(folder, 'weights.bin'), Buffer.alloc(bytes - 5));
  writeFileSync(join(folder, 'left.over'), 'x');
  assert.equal(await publishPrepared(dataDir, key, folder), bytes);
}

suite('A prepared model', () => {
  test('is there when it is whole, and is opened with its weights beside it', async () => {
    assert.equal(await lookPrepared(dataDir, 'a'), 'unknown');
    await published('a', 100);
    assert.equal(await lookPrepared(dataDir, 'a'), 100);
    const folder = join(dataDir, 'prepared', 'a');
    assert.deepEqual(await verifyPrepared(dataDir, 'a'),
      { path: join(folder, 'model.onnx'), kind: 'onnx', dataFiles: ['weights.bin'] });
    assert.deepEqual(readdirSync(folder).sort(), ['model.onnx', 'prepared.json', 'weights.bin']);
  });

  for (const [what, harm] of Object.entries({
    'other weights': (folder: string) => writeFileSync(join(folder, 'weights.bin'), Buffer.alloc(95, 1)),
    'another graph': (folder: string) => writeFileSync(join(folder, 'model.onnx'), 'other'),
  })) {
    test(`with ${what} is removed and not opened`, async () => {
      await published('a', 100);
      harm(join(dataDir, 'prepared', 'a'));
      assert.equal(await verifyPrepared(dataDir, 'a'), null);
      assert.deepEqual(names(), []);
    });
  }

  test('with a list that is none, or of other files, is not opened', async () => {
    for (const text of ['', '[]', '{"files":[]}', '{"files":[{"name":"../x","sha256":"","bytes":1}]}']) {
      await published('a', 100);
      writeFileSync(join(dataDir, 'prepared', 'a', 'prepared.json'), text);
      assert.deepEqual([await verifyPrepared(dataDir, 'a'), await lookPrepared(dataDir, 'a')], [null, 'unknown'], text);
    }
  });

  test('that cannot be is remembered, without files', async () => {
    const folder = await beginPrepared(dataDir, 1);
    writeFileSync(join(folder, 'weights.bin'), 'half');
    await publishPrepared(dataDir, 'a', folder, 'it answers differently');
    assert.deepEqual([await lookPrepared(dataDir, 'a'), await verifyPrepared(dataDir, 'a')], ['refused', null]);
    assert.deepEqual(readdirSync(join(dataDir, 'prepared', 'a')), ['prepared.json']);
  });

  test('is not begun where the disk has no room for it', async () => {
    await assert.rejects(beginPrepared(dataDir, 2 ** 60), /the disk has not enough room/);
    const folder = await beginPrepared(dataDir, 1);
    await discardPrepared(folder);
    assert.equal(existsSync(folder), false);
  });

  test('has another name for each artefact, and for each way to run it', () => {
    const session = { graph: 'basic' } as const;
    assert.notEqual(preparedKey({ sha256: 'a' }), preparedKey({ sha256: 'a', session }));
    assert.equal(preparedKey({ sha256: 'a', session }), preparedKey({ sha256: 'a', session: { ...session } }));
    assert.notEqual(preparedKey({ sha256: 'a' }), preparedKey({ sha256: 'b' }));
    assert.match(preparedKey({ sha256: 'a' }), /^[0-9a-f]{64}$/);
  });
});

test('prunePrepared keeps what is wanted as far as it fits, what is being made, and nothing else', async () => {
  for (const key of ['a', 'b', 'c', 'd']) await published(key, 100);
  const making = await beginPrepared(dataDir, 1);
  const old = join(dataDir, 'prepared', 'left.part');
  mkdirSync(old);
  utimesSync(old, 0, 0);
  await prunePrepared(dataDir, ['c', 'a', 'b'], 250, Date.now());
  assert.deepEqual(names(), ['a', 'c', making.split('/').at(-1)].sort());
});
