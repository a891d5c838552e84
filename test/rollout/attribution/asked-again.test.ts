// Requests that failed, kept and asked of a real standby in each of their forms.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { monotonicUs } from '../../../src/base/clock.ts';
import { Attribution } from '../../../src/rollout/attribution/attribution.ts';
import { KeptRequests, repeatFailures } from '../../../src/rollout/attribution/asked-again.ts';
import { EntryKind } from '../../../src/protocols/protocol.ts';
import { createSlab } from '../../../src/shared-memory/slab-arena.ts';
import { floatFrame } from '../../support/float-frames.ts';
import { lookup } from '../../worker/onnx.ts';
import { RolloutBench } from '../bench.ts';

/** Keeps these requests as the engine does when they come out of a slab. */
function keep(kept: KeptRequests, requests: readonly (readonly [EntryKind, Uint8Array, number?])[]): void {
  for (const [kind, body, headerBytes = 0] of requests) {
    const slab = createSlab({ entriesMax: 1, requestBytes: body.length + 8, answerBytes: 8 });
    kept.add(slab, slab.append(kind, body, 0, Infinity, headerBytes));
  }
}
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

describe('KeptRequests', () => {
  test('holds the newest few requests, and few bytes, but always the newest', () => {
    const kept = new KeptRequests();
    keep(kept, Array.from({ length: 100 }, (_, at) => [EntryKind.predictJson, Uint8Array.of(at)] as const));
    assert.deepEqual(kept.view().map((request) => request?.body[0]), Array.from({ length: 64 }, (_, at) => 36 + at));
    keep(kept, [[EntryKind.predictJson, new Uint8Array(3 << 20)], [EntryKind.predictJson, new Uint8Array(3 << 20)]]);
    assert.equal(kept.view().length, 1);
    keep(kept, [[EntryKind.predictJson, new Uint8Array(9 << 20)]]);
    assert.deepEqual(kept.view().map((request) => request?.body.length), [9 << 20]);
    kept.addUnanswered(1_000);
    assert.deepEqual([kept.view().length, kept.view()[0]], [64, null]);
  });
});

describe('repeatFailures', () => {
  let bench: RolloutBench;
  afterEach(() => bench.close());

  test('asks both in the form in which each came in, and tells whose each failure is', async () => {
    bench = new RolloutBench({ judge: { mode: 'default' } });
    await bench.register('1', lookup([10, 20, 30, 40, 50]));
    bench.activate('1');
    bench.registry.confirm({ model: 'm', by: 'test' });
    await bench.register('2', lookup());
    bench.activate('2');
    await bench.rollout.start();
    await bench.settled();
    const [active, standby] = [bench.rollout.active!.deployment, bench.deployments.standby!];
    const kept = new KeptRequests();
    const tensor = { name: 'x', datatype: 'FP32', shape: [1, 1], parameters: { binary_data_size: 4 } };
    const header = json({ inputs: [tensor] });
    const binary = (x: number): Buffer => Buffer.concat([header, Buffer.from(Float32Array.of(x).buffer)]);
    for (const x of [1, 4, 7]) {
      keep(kept, [
        [EntryKind.predictJson, json({ features: [x] })],
        [EntryKind.socketJson, json({ id: 'a', features: [x] })],
        [EntryKind.oip, json({ inputs: [{ ...tensor, parameters: {}, data: [x] }] }),
          json({ inputs: [{ ...tensor, parameters: {}, data: [x] }] }).length],
        [EntryKind.oip, binary(x), header.length],
        [EntryKind.floatFrame, floatFrame(1, [x])],
        [EntryKind.tfsPredict, json({ instances: [[x]] })],
      ]);
    }
    // The tables have three rows and five.
    const requests = kept.view().filter((request) => request !== null);
    assert.deepEqual(await repeatFailures(active, standby, requests, monotonicUs), { own: 6, shared: 6, passed: 6 });
    const sized = await repeatFailures(active, standby, requests, monotonicUs, 45);
    assert.deepEqual(sized, { own: 0, shared: 11, passed: 6 }, 'an answer of 50 is none, and bytes are not read');
    let nowUs = 0;
    const late = await repeatFailures(active, standby, requests, () => (nowUs += 1.5e6));
    assert.deepEqual(late, { own: 2, shared: 0, passed: 6 }, 'the first few within the time that there is');
  });
});

describe('Attribution of answers that are not finite', () => {
  let bench: RolloutBench;
  afterEach(() => bench.close());

  test('asks both once for what raised the alarm, and counts nothing twice that was drawn as well', async () => {
    bench = new RolloutBench({ judge: { mode: 'default' } });
    await bench.register('1', lookup([10, 20, 30, 40, 50]));
    bench.activate('1');
    bench.registry.confirm({ model: 'm', by: 'test' });
    await bench.register('2', lookup());
    bench.activate('2');
    await bench.rollout.start();
    await bench.settled();
    const kept = new KeptRequests();
    // Three that only the version has no answer to, one that neither has, and one that it answers again.
    const rows = [[3], [4], [3, 4], [9], [1]];
    keep(kept, rows.map((row) => [EntryKind.predictJson, json({ instances: row.map((x) => [x]) })] as const));
    const drawn = {
      block: 0, failed: { plus: 0, zero: 9, minus: 0 }, nonFinite: { plus: 1, zero: 8, minus: 0 },
      both: { failed: 0, nonFinite: 0 },
    };
    const pairs = {
      sizeMax: Infinity, lookInto: () => Promise.resolve({ drawn, waitedMs: 0, episode: 0, changes: [] }),
    };
    const attribution = new Attribution({
      model: 'm', batchSizeMax: 4, registry: bench.registry, deployments: bench.deployments,
      clock: { ...bench.clock, monotonicUs }, othersTooSlow: () => [], failed: () => kept.view(),
      windowMs: 60_000, seed: 1, pairs,
    });
    const repeated = async (): Promise<unknown> => {
      const suspicion = { version: '2', generation: 2, failing: [], evidence: {} };
      const { facts } = await attribution.attribute('output', suspicion);
      return 'repeated' in facts ? facts.repeated : facts;
    };
    assert.deepEqual(await repeated(), { own: 0, shared: 0, passed: 0 }, 'nobody knows yet what size is usual');
    pairs.sizeMax = 1e6;
    assert.deepEqual(await repeated(), { own: 2, shared: 1, passed: 1 }, 'one of three was drawn');
    keep(kept, [[EntryKind.predictJson, json({ instances: [[4], [4]] })]]);
    drawn.nonFinite.plus = 2;
    assert.deepEqual(await repeated(), { own: 2, shared: 1, passed: 1 }, 'from the alarm on all of them are drawn');
  });
});
