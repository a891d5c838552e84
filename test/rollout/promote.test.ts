// Promotes on real registries and real deployments: what is accepted, what is refused, and what a refusal leaves.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { isLastgoodError } from '../../src/base/errors.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import type { Activation } from '../../src/rollout/events.ts';
import { Type, identity } from '../worker/onnx.ts';
import { RolloutBench } from './bench.ts';
import type { BenchOptions } from './bench.ts';

let bench: RolloutBench;
afterEach(() => bench.close());
const start = async (options: BenchOptions): Promise<RolloutBench> => (bench = await RolloutBench.start(options));

const promote = (version: string, allowSignatureChange = false): Promise<Activation> =>
  bench.rollout.promote(version, { allowSignatureChange, reason: 'test', by: 'cli:test' });

/** The promote is refused with this code, and registry, loaded versions and answers are as before. */
async function refuses(code: ErrorCode, version: string): Promise<void> {
  const state = async (): Promise<unknown[]> =>
    [JSON.stringify(bench.store.dump()), bench.loaded(), await bench.answers()];
  const before = await state();
  await assert.rejects(promote(version), (error) => isLastgoodError(error) && error.code === code, code);
  await bench.settled();
  assert.deepEqual(await state(), before);
}

describe('ModelRollout.promote', () => {
  test('the first version goes from nothing to probation', async () => {
    await start({ served: [], fresh: ['1'] });
    assert.deepEqual([bench.rollout.phase, await bench.answers()], ['empty', 'nobody']);
    assert.deepEqual(await promote('1'), { model: 'm', version: '1', from: null, generation: 1 });
    assert.deepEqual([bench.rollout.phase, await bench.answers(), bench.loaded()], ['probation', '1 g1', ['1']]);
  });

  test('the active version answers while the candidate loads, and stays loaded as the standby', async () => {
    await start({ served: ['1', '2'], good: ['1', '2'], fresh: ['3'] });
    let meanwhile: unknown[] = [];
    bench.beforeLoad = async () => {
      meanwhile = [await bench.answers(), bench.rollout.deployments.map(({ role }) => role)];
    };
    const activation = await promote('3');
    assert.deepEqual(meanwhile, ['2 g2', ['standby', 'active', 'candidate']]);
    assert.deepEqual(activation, { model: 'm', version: '3', from: '2', generation: 3 });
    await bench.settled();
    assert.deepEqual([await bench.answers(), bench.loaded()], ['3 g3', ['2', '3']]);
    const [seen] = bench.events('promote');
    assert.deepEqual([seen?.active, seen?.generation, seen?.event.activation], ['3', 3, activation]);
  });

  test('another signature is refused, and allowed when the operator says so', async () => {
    await start({ served: ['1'] });
    await bench.register('2', identity(Type.FLOAT, ['N', 2]), {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
    });
    await refuses('SIGNATURE_CHANGED', '2');
    assert.deepEqual(bench.loads, ['1'], 'it was refused before it was loaded');
    assert.equal((await promote('2', true)).generation, 2);
  });

  test('a quarantined, an active, an unknown or a damaged version and a pinned model are refused', async () => {
    await start({ served: ['1', '2'], fresh: ['3', '4'] });
    bench.registry.quarantine({ model: 'm', version: '3', by: 'test', reason: 'seen before' });
    await refuses('QUARANTINED', '3');
    await refuses('ALREADY_ACTIVE', '2');
    await refuses('VERSION_NOT_FOUND', '9');
    bench.registry.setPin('m', { by: 'test', reason: 'audit' }, 'test');
    await refuses('PINNED', '4');
    bench.registry.setPin('m', null, 'test');
    bench.damage('4');
    await refuses('LOAD_FAILED', '4');
    bench.registry.release({ model: 'm', version: '3', by: 'test' });
    assert.equal((await promote('3')).generation, 3);
  });

  test('a second promote while one is under way is refused as busy', async () => {
    await start({ served: ['1'], fresh: ['2', '3'] });
    let second: unknown = null;
    bench.beforeLoad = async () => {
      second = await promote('3').catch((error: unknown) => error);
    };
    await promote('2');
    assert.ok(isLastgoodError(second) && second.code === 'BUSY' && /the promote of "2"/.test(second.message));
    assert.equal(await bench.answers(), '2 g2');
  });

  test('a rollback while the candidate loads wins, and the candidate is let go', async () => {
    await start({ served: ['1', '2'], good: ['1'], fresh: ['3'] });
    bench.beforeLoad = () => bench.rollout.onVerdict(bench.verdict());
    await assert.rejects(promote('3'), (error) => isLastgoodError(error) && error.code === 'GENERATION_CONFLICT');
    await bench.settled();
    assert.deepEqual([await bench.answers(), bench.loaded()], ['1 g3', ['1']]);
    assert.deepEqual(bench.registry.versions('m').map(({ health }) => health), ['good', 'unhealthy', 'new']);
    assert.equal(bench.rollout.deployments.length, 1);
  });

  test('a pin that is set while the candidate loads is obeyed', async () => {
    await start({ served: ['1'], fresh: ['2'] });
    bench.beforeLoad = () => {
      bench.registry.setPin('m', { by: 'test', reason: '' }, 'test');
      return Promise.resolve();
    };
    await assert.rejects(promote('2'), (error) => isLastgoodError(error) && error.code === 'PINNED');
    await bench.settled();
    assert.deepEqual([await bench.answers(), bench.loaded()], ['1 g1', ['1']]);
  });

  test('a disk that refuses leaves the active version in place and lets the candidate go', async () => {
    await start({ served: ['1'], fresh: ['2'] });
    bench.disk.refuses = true;
    await assert.rejects(promote('2'), /nothing was changed/);
    await bench.settled();
    assert.deepEqual([await bench.answers(), bench.loaded(), bench.registry.generationOf('m')], ['1 g1', ['1'], 1]);
    bench.disk.refuses = false;
    assert.equal((await promote('2')).generation, 2);
  });

  test('close during a load waits for it, activates nothing and leaves no version loaded', async () => {
    await start({ served: ['1'], fresh: ['2'] });
    const promoted = assert.rejects(promote('2'), (error) => isLastgoodError(error) && error.code === 'ENGINE_CLOSED');
    assert.deepEqual(bench.deployments.loading, ['2']);
    await bench.rollout.close();
    await promoted;
    assert.deepEqual([bench.registry.generationOf('m'), bench.loaded(), bench.deployments.retiring], [1, [], []]);
  });
});
