// The trial's process as the system sees it.
import '../../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runTrial } from '../../../src/rollout/registration/trial.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { endless, fatal } from '../../worker/hostile-onnx.ts';
import { runningSum } from '../../worker/mixers.ts';
import { linear } from '../../worker/onnx.ts';

const CHILDREN = `/proc/self/task/${process.pid}/children`;
const withoutList = existsSync(CHILDREN) ? false : 'the system does not list the children of a process';

const LIMITS = { trialMs: 60_000, memoryBytes: 2 ** 31 };

function requestFor(bytes: Uint8Array): Parameters<typeof runTrial>[0] {
  const path = join(temporaryDirectory(), 'm.onnx');
  writeFileSync(path, bytes);
  return { file: { path, kind: 'onnx', dataFiles: [] }, given: null, intraOpThreads: 1, golden: null };
}

test('a trial decides whether rows may share a run', async () => {
  const trial = (bytes: Uint8Array) => runTrial(requestFor(bytes), LIMITS);
  assert.equal((await trial(linear())).stacking.mode, 'rows');
  const { mode, reason } = (await trial(runningSum())).stacking;
  assert.deepEqual([mode, reason], ['none', 'output "y": CumSum: it works along the rows']);
});

test('a model that made-up rows kill, or keep busy, passes its trial and is not stacked', async () => {
  for (const [bytes, reason] of [
    [fatal(), /^its process ended during the stacking probe with SIGFPE/],
    [endless(), /^the stacking probe was not done within \d+ ms$/],
  ] as const) {
    const { stacking, report } = await runTrial(requestFor(bytes), LIMITS);
    assert.ok(report.runMs > 0);
    assert.equal(stacking.mode, 'none');
    assert.match(stacking.reason, reason);
  }
});

test('a trial steps back behind everything that serves', { skip: withoutList }, async () => {
  const trial = runTrial(requestFor(linear()), LIMITS);
  const [pid] = readFileSync(CHILDREN, 'utf8').trim().split(' ').map(Number);
  assert.ok(pid !== undefined && pid > 0);
  assert.ok(getPriority(pid) > getPriority(process.pid));
  const { signature } = await trial;
  assert.equal(signature.inputs[0]?.name, 'x');
});
