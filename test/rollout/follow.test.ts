// How a rollout finds its version: at the start, behind another process that changes the registry, and at the end of
// a probation.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { standbysOf } from '../../src/backtest/standby.ts';
import type { HealthReport } from '../../src/judge/types/messages.ts';
import { outsideInitialiser } from '../worker/external-data.ts';
import { linear } from '../worker/onnx.ts';
import { RolloutBench } from './bench.ts';
import type { BenchOptions } from './bench.ts';

let bench: RolloutBench;
afterEach(() => bench.close());
const start = async (options: BenchOptions): Promise<RolloutBench> => (bench = await RolloutBench.start(options));

/** Activates a version in another process. */
function activateElsewhere(version: string): void {
  const child = fileURLToPath(new URL('./activate-child.js', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [child, bench.dataDir, version], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

/** A rollout whose active version, and others, are damaged on disk before it starts. */
async function startDamaged(options: BenchOptions, damaged: readonly string[]): Promise<RolloutBench> {
  bench = new RolloutBench(options.engine);
  for (const version of options.served) {
    await bench.register(version);
    bench.activate(version);
    if (options.good?.includes(version)) bench.registry.confirm({ model: 'm', by: 'test' });
  }
  for (const version of damaged) bench.damage(version);
  await bench.rollout.start();
  await bench.settled();
  return bench;
}

function report(requests: number, clientFaults: number, violations: readonly string[] = []): HealthReport {
  return {
    kind: 'health', model: 'm', version: '1', generation: bench.rollout.active?.generation ?? 0, atUs: 0, checks: [],
    violations, warnings: [], windowSamples: 0,
    latencyMs: null, p95LatencyMs: null, errorRate: null, predictionDrift: null, lastHour: null,
    totals: {
      requests, ok: 0, clientFaults, modelFailures: 0, nonFinite: 0, nonFiniteInputs: 0, deadlines: 0, predictions: 0,
      lapped: 0,
    },
  };
}

describe('ModelRollout.start', () => {
  test('brings up the active version and its standby, and changes nothing in the registry', async () => {
    await start({ served: ['1', '2'], good: ['1', '2'] });
    assert.deepEqual([await bench.answers(), bench.rollout.phase, bench.loaded()], ['2 g2', 'steady', ['1', '2']]);
    const roles = bench.rollout.deployments.map(({ version, role }) => `${version} ${role}`);
    assert.deepEqual(roles, ['1 standby', '2 active']);
    assert.equal(bench.history('rollback'), 0);
  });

  test('falls back to the best version that loads when the active one is damaged', async () => {
    await startDamaged({ served: ['1', '2', '3'], good: ['1'] }, ['3', '1']);
    assert.deepEqual([await bench.answers(), bench.rollout.phase], ['2 g4', 'probation']);
    assert.equal(bench.registry.version('m', '3').health, 'unhealthy');
    const [decision] = bench.registry.decisions('m');
    assert.deepEqual([decision?.rolledBackTo, decision?.version], ['2', '3']);
    assert.match(decision?.reason ?? '', /"3" did not load at start/);
  });

  test('falls back from a model in two files, which builds before let in, though the other file lies there', async () => {
    const { model, name, data } = outsideInitialiser();
    bench = new RolloutBench();
    await bench.register('1', linear(1));
    bench.registerEarly('2', model);
    for (const version of ['1', '2']) bench.activate(version);
    writeFileSync(join(dirname(bench.artifactOf('2')), name), data);
    await bench.rollout.start();
    assert.equal(await bench.answers(), '1 g3');
    const told = bench.registry.history('m').find(({ kind }) => kind === 'load_failed');
    assert.match(told?.reason ?? '', /weights lie outside of it.*"weights\.bin"/);
    const unavailable = await standbysOf(bench.dataDir, bench.registry).open('m', '2');
    assert.match('unavailable' in unavailable ? unavailable.unavailable : '', /weights lie outside of it/);
  });

  test('serves nothing when nothing loads, changes nothing, and does not try again at every poll', async () => {
    await startDamaged({ served: ['1', '2'] }, ['1', '2']);
    assert.deepEqual([await bench.answers(), bench.registry.generationOf('m')], ['nobody', 2]);
    const loads = [...bench.loads];
    for (let poll = 0; poll < 5; poll += 1) await bench.rollout.follow();
    assert.deepEqual(bench.loads, loads);
    writeFileSync(bench.artifactOf('2'), linear(2));
    bench.clock.nowMs += 60_000;
    await bench.rollout.follow();
    assert.equal(await bench.answers(), '2 g2', 'a file that was repaired is found after a while');
  });
});

describe('ModelRollout.follow', () => {
  test('goes where another process points, and stays when nothing has changed', async () => {
    await start({ served: ['1', '2'], fresh: ['3'] });
    const loads = bench.loads.length;
    await bench.rollout.follow();
    assert.equal(bench.loads.length, loads);
    activateElsewhere('3');
    await bench.rollout.follow();
    await bench.settled();
    assert.deepEqual([await bench.answers(), bench.loaded(), bench.rollout.phase], ['3 g3', ['2', '3'], 'probation']);
    activateElsewhere('2');
    await bench.rollout.follow();
    assert.equal(await bench.answers(), '2 g4');
  });

  test('keeps the serving version when the new one does not load, and tries it again only after a while', async () => {
    await start({ served: ['1'], fresh: ['2', '3'] });
    bench.damage('2');
    bench.activate('2');
    for (let poll = 0; poll < 5; poll += 1) await bench.rollout.follow();
    assert.deepEqual([await bench.answers(), bench.history('load_failed')], ['1 g1', 1]);
    bench.clock.nowMs += 60_000;
    await bench.rollout.follow();
    assert.deepEqual([await bench.answers(), bench.history('load_failed')], ['1 g1', 2]);
    bench.activate('3');
    await bench.rollout.follow();
    assert.equal(await bench.answers(), '3 g3', 'another generation is tried at once');
  });

  test('goes on to the newest version when the registry moves while one is loading', async () => {
    await start({ served: ['1'], fresh: ['2', '3'] });
    bench.activate('2');
    bench.beforeLoad = (version) => {
      if (version === '2') bench.activate('3');
      return Promise.resolve();
    };
    await bench.rollout.follow();
    assert.equal(await bench.answers(), '1 g1');
    await bench.rollout.follow();
    await bench.settled();
    assert.deepEqual([await bench.answers(), bench.events('promote')], ['3 g3', []]);
  });
});

describe('ModelRollout.onHealth', () => {
  test('ends the probation after its time and its requests, of which client faults are none', async () => {
    await start({ served: ['1'] });
    await bench.rollout.onHealth(report(50, 0));
    assert.equal(bench.rollout.phase, 'probation', 'too early');
    bench.clock.nowMs += 1_000;
    await bench.rollout.onHealth(report(50, 41));
    assert.equal(bench.rollout.phase, 'probation', 'too few requests');
    await bench.rollout.onHealth(report(50, 0, ['slow']));
    assert.equal(bench.rollout.phase, 'probation', 'a violation');
    await bench.rollout.onHealth({ ...report(50, 0), generation: 9 });
    assert.equal(bench.rollout.phase, 'probation', 'another generation');
    await bench.rollout.onHealth(report(50, 40));
    assert.deepEqual([bench.rollout.phase, bench.registry.version('m', '1').health], ['steady', 'good']);
    assert.equal(bench.history('probation_ended'), 1);
  });

  test('outlives a disk that refuses, says so once, and ends the probation when the disk is back', async () => {
    await start({ served: ['1'] });
    bench.clock.nowMs += 1_000;
    bench.disk.refuses = true;
    for (let look = 0; look < 3; look += 1) await bench.rollout.onHealth(report(50, 0));
    assert.deepEqual([bench.rollout.phase, bench.events('problem').length], ['probation', 1]);
    bench.disk.refuses = false;
    await bench.rollout.onHealth(report(50, 0));
    assert.equal(bench.rollout.phase, 'steady');
  });
});
