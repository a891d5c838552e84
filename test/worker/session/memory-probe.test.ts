// What runs take of memory, measured on models that are known to take it.
import '../../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { suite, test } from 'node:test';
import { mostWithin, type MemoryPoint, type RunMemory } from '../../../src/domain/run-memory.ts';
import { measureMemory } from '../../../src/worker/session/memory-probe.ts';
import { Session } from '../../../src/worker/session/session.ts';
import { modelFile } from '../fixtures.ts';
import { pairs, wide } from '../greedy.ts';
import { Type, fixedBatch, identity, integer, linear, model, node, ofWidth } from '../onnx.ts';
import type { ModelText } from '../onnx.ts';

const MIB = 1024 ** 2;
const skip = existsSync('/proc/self/clear_refs') ? false : 'the system does not tell the peak of a process';

async function memoryOf(bytes: Uint8Array, bytesMax = 64 * MIB): Promise<RunMemory> {
  const path = modelFile(bytes);
  const open = (): Promise<Session> => Session.open({ path, intraOpThreads: 1, rowsMax: 1_024 });
  const session = await open();
  const measured = await measureMemory(session, { modelBytes: 0, bytesMax, openAgain: open });
  await session.release();
  assert.ok(measured);
  return measured.memory;
}

const int64 = (name: string, value: number): NonNullable<ModelText['constants']>[number] =>
  ({ name, dims: [1n], dataType: Type.INT64, int64Data: [BigInt(value)] });

const bytesOf = (curve: readonly MemoryPoint[], size: number): number =>
  curve.find((point) => point.size === size)?.bytes ?? NaN;

suite('measureMemory', { skip }, () => {
  test('sees what each row of a run takes, and ends where a run takes too much', async () => {
    const { rows, open, dimensions } = await memoryOf(wide());
    assert.ok(bytesOf(rows, 32) > 24 * MIB && bytesOf(rows, 32) < 128 * MIB, JSON.stringify(rows));
    assert.ok(rows.at(-1)!.size < 1_024);
    assert.deepEqual([open, dimensions], [[], []]);
  });

  test('sees memory grow with the square of an open dimension', async () => {
    const { open, dimensions } = await memoryOf(pairs());
    assert.deepEqual(dimensions.map(({ axes }) => axes), [[[0, 1]]]);
    const least = bytesOf(open, 2_048);
    assert.ok(least > 12 * MIB && least < 64 * MIB, JSON.stringify(open));
    const most = mostWithin(open, 1_024 * MIB, 'size');
    assert.ok(most > 4_096 && most < 32_768, String(most));
  });

  test('measures also at the odd size that alone is taken', async () => {
    const { rows, dimensions } = await memoryOf(ofWidth(7));
    assert.ok(rows.length > 5, JSON.stringify(rows));
    assert.deepEqual(dimensions, [{ axes: [[0, 1]], curve: [] }]);
  });

  test('takes dimensions of one name for one, and measures each of several by itself too', async () => {
    const tied = await memoryOf(model({
      inputs: [['a', Type.FLOAT, ['N', 'L']], ['b', Type.FLOAT, ['N', 'L']]],
      outputs: [['y', Type.FLOAT, ['N', 'L']]], nodes: [node('Add', ['a', 'b'], 'y')],
    }));
    assert.deepEqual(tied.dimensions, [{ axes: [[0, 1], [1, 1]], curve: [] }]);
    const { dimensions } = await memoryOf(identity(Type.FLOAT, ['N', 'H', 'W']));
    assert.deepEqual(dimensions.map(({ axes }) => axes), [[[0, 1]], [[0, 2]]]);
    for (const { curve } of dimensions) assert.ok(curve.length > 1);
  });

  test('goes on behind sizes that the model refuses', async () => {
    // Rows of 1, 2 or 4 numbers are taken as they are, longer ones in pieces of 32.
    const { open } = await memoryOf(model({
      inputs: [['x', Type.FLOAT, ['N', 'L']]],
      outputs: [['y', Type.FLOAT, ['N', 'P', 'Q']]],
      nodes: [
        node('Shape', ['x'], 'shape'), node('Gather', ['shape', 'last'], 'length'),
        node('Less', ['length', 'eight'], 'isShort'), node('Where', ['isShort', 'one', 'piece'], 'width'),
        node('Concat', ['same', 'rest', 'width'], 'pieces', [integer('axis', 0)]),
        node('Reshape', ['x', 'pieces'], 'y'),
      ],
      constants: [
        int64('last', 1), int64('eight', 8), int64('one', 1), int64('piece', 32), int64('same', 0), int64('rest', -1),
      ],
    }));
    assert.deepEqual(open.slice(0, 6).map(({ size }) => size), [1, 2, 4, 32, 64, 128]);
  });

  test('measures no rows where there is no place for them, all that a run may have where they are free', async () => {
    assert.deepEqual((await memoryOf(fixedBatch())).rows, []);
    assert.equal((await memoryOf(linear())).rows.at(-1)?.size, 1_024);
  });
});
