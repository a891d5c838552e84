// Prepared models in a whole engine: made at registration, mapped by all workers, checked, made again, limited.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { createEngine, type Engine } from '../../../src/index.ts';
import { until } from '../../support/poll.ts';
import { actor } from '../../support/served-housing.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { heavy, refusing } from '../../worker/heavy.ts';
import { linear } from '../../worker/onnx.ts';

const WORKERS = 2;
const ROW = [0.5, -1, 2, 0.25];

let dataDir: string;
let engine: Engine;

const start = async (options: object = {}): Promise<void> => {
  engine = await createEngine({ dataDir, workers: WORKERS, samples: 'off', ...options });
};
beforeEach(async () => {
  dataDir = temporaryDirectory();
  await start();
});
afterEach(() => engine.close());

async function register(version: string, bytes: Uint8Array, promote = true): Promise<void> {
  const file = join(temporaryDirectory(), 'model.onnx');
  writeFileSync(file, bytes);
  await engine.register('m', file, { version, promote });
}

const folders = (): string[] => (existsSync(join(dataDir, 'prepared')) ? readdirSync(join(dataDir, 'prepared')) : []);
const weightsIn = (folder: string): string => join(dataDir, 'prepared', folder, 'weights.bin');
/** How many times this process has the weights mapped. */
const mapped = (folder: string): number => {
  const lines = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return new Set(lines.filter((line) => line.endsWith(weightsIn(folder))).map((line) => line.split('-')[0])).size;
};
const answer = async (): Promise<unknown> => (await engine.predict('m', ROW)).prediction;

suite('A model of some size', () => {
  test('is prepared before it is promoted, every worker maps the same file, and the answer is the same', async () => {
    await register('1', heavy());
    const [folder] = folders();
    assert.equal(folders().length, 1);
    assert.ok(mapped(folder!) >= WORKERS, String(mapped(folder!)));
    const shared = await answer();
    await engine.close();
    await start({ preparedBytesMax: 0 });
    assert.deepEqual([await answer(), mapped(folder!)], [shared, 0]);
  });

  test('is prepared once more for a version with session options of its own, as that is run', async () => {
    await register('1', heavy());
    const [first] = folders();
    const wanted = await answer();
    const file = join(temporaryDirectory(), 'model.onnx');
    writeFileSync(file, heavy());
    await engine.register('m', file, { version: '2', promote: true, session: { graph: 'basic', arena: false } });
    const second = folders().find((folder) => folder !== first);
    assert.ok(mapped(second!) >= WORKERS, String(mapped(second!)));
    assert.equal(await answer(), wanted);
  });

  test('is loaded without what is prepared when that was changed, and prepared again', async () => {
    await register('1', heavy());
    const wanted = await answer();
    const [folder] = folders();
    await engine.close();
    const bytes = readFileSync(weightsIn(folder!));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(weightsIn(folder!), bytes);
    await start();
    assert.deepEqual([await answer(), mapped(folder!)], [wanted, 0]);
    await until('it is prepared again', () => existsSync(weightsIn(folder!)));
    await engine.close();
    await start();
    assert.ok(mapped(folder!) >= WORKERS);
    assert.equal(await answer(), wanted);
  });

  test('is prepared at its load when nothing is there, as on another host', async () => {
    await register('1', heavy());
    const [folder] = folders();
    await engine.close();
    rmSync(join(dataDir, 'prepared'), { recursive: true });
    await start();
    await until('it is prepared', () => existsSync(weightsIn(folder!)));
  });

  test('is not prepared when it answers nothing to compare, which is not tried again', async () => {
    await register('1', refusing());
    const [folder] = folders();
    const list = join(dataDir, 'prepared', folder!, 'prepared.json');
    assert.deepEqual(JSON.parse(readFileSync(list, 'utf8')), { files: [], refused: 'no made-up row was answered' });
    assert.equal(existsSync(weightsIn(folder!)), false);
    const { mtimeMs } = statSync(list);
    await engine.close();
    await start();
    await answer().catch(() => undefined);
    assert.equal(statSync(list).mtimeMs, mtimeMs);
  });

  test('keeps what is prepared of the active version, of the last good one and of the newest two', async () => {
    await register('1', heavy(1));
    await engine.confirm('m');
    await register('2', heavy(2));
    const [first, second] = [folders()[0]!, folders()[1]!].sort();
    for (const version of [3, 4, 5]) await register(String(version), heavy(version), false);
    assert.equal(folders().length, 4);
    for (const folder of [first!, second!]) assert.ok(folders().includes(folder));
    for (const version of ['5', '4']) await engine.control.remove({ model: 'm', version }, actor);
    // Of the newest two that are left, one is active, and the other was let go when it was not among them.
    assert.equal(folders().length, 2);
  });

  test('is not prepared beyond the disk that may be taken, nor when it is small', async () => {
    await register('1', linear(), false);
    await engine.close();
    await start({ preparedBytesMax: 1_024 });
    await register('2', heavy(), false);
    assert.deepEqual(folders(), []);
  });
});
