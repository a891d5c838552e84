// The trial's process as the system sees it.
import '../../src/base/telemetry-off.ts';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runTrial } from '../../src/rollout/trial.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { linear } from '../worker/onnx.ts';

const CHILDREN = `/proc/self/task/${process.pid}/children`;
const withoutList = existsSync(CHILDREN) ? false : 'the system does not list the children of a process';

test('a trial steps back behind everything that serves', { skip: withoutList }, async () => {
  const path = join(temporaryDirectory(), 'm.onnx');
  writeFileSync(path, linear());
  const trial = runTrial({ path, intraOpThreads: 1, golden: null }, { trialMs: 60_000, memoryBytes: 2 ** 31 });
  const [pid] = readFileSync(CHILDREN, 'utf8').trim().split(' ').map(Number);
  assert.ok(pid !== undefined && pid > 0);
  assert.ok(getPriority(pid) > getPriority(process.pid));
  const { signature } = await trial;
  assert.equal(signature.inputs[0]?.name, 'x');
});
