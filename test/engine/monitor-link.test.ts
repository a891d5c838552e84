import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { MonitorReport } from '../../src/judge/types/messages.ts';
import { monitorThread } from '../../src/engine/monitor-link.ts';
import { Outcome } from '../../src/shared-memory/sample-ring.ts';
import { healthOf, judgeOptions, MODEL, TestRings, verdictIn, watch } from '../judge/fixtures.ts';

const DEADLINE_MS = 20_000;
const POLL_MS = 5;

async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = Date.now() + DEADLINE_MS;
  while (!condition()) {
    assert.ok(Date.now() < endMs, `${what} did not happen within ${DEADLINE_MS} ms`);
    await delay(POLL_MS);
  }
}

function startedThread() {
  const reports: MonitorReport[] = [];
  const exits: string[] = [];
  const thread = monitorThread({
    onReport: (report) => reports.push(report),
    onUnexpectedEnd: (reason) => exits.push(reason),
  });
  thread.start();
  return { thread, reports, exits };
}

test('the monitor thread judges the samples that another thread wrote and posts health, verdict and captures', async () => {
  const { thread, reports, exits } = startedThread();
  const rings = new TestRings(1, 1_024);
  thread.post(rings.attach(1));
  thread.post(watch(1, { options: judgeOptions({ lookMs: 10 }) }));
  for (let request = 0; request < 100; request += 1) rings.write(0, { generation: 1, value: 3, latencyUs: 700 });
  await until('a look at 100 requests', () =>
    reports.some((report) => report.kind === 'health' && report.totals.requests === 100));
  assert.equal(verdictIn(reports), undefined);
  for (let request = 0; request < 100; request += 1) rings.write(0, { generation: 1, outcome: Outcome.modelFailure });
  await until('a verdict', () => verdictIn(reports) !== undefined);
  assert.equal(verdictIn(reports)?.trigger, 'error_rate');
  thread.post({ kind: 'capture', request: 9, model: MODEL });
  await until('a capture', () => reports.some((report) => report.kind === 'captured' && report.values.length === 100));
  await thread.stop();
  assert.deepEqual(exits, []);
  assert.equal(thread.running, false);
});

test('the monitor thread, when it is stopped, delivers a last look at everything that was written before it', async () => {
  const { thread, reports } = startedThread();
  const rings = new TestRings(2, 1_024);
  thread.post(rings.attach(1));
  thread.post(watch(4, { options: judgeOptions({ lookMs: 3_600_000 }) }));
  for (let request = 0; request < 500; request += 1) rings.write(request % 2, { generation: 4 });
  await Promise.all([thread.stop(), thread.stop()]);
  assert.equal(healthOf(reports).totals.requests, 500);
});

test('the monitor thread tells when the thread ends by itself, and can be started again', async () => {
  const { thread, exits, reports } = startedThread();
  // Three records are no power of two: the thread cannot go on, and must not go on unseen.
  const memory = new SharedArrayBuffer(64);
  thread.post({ kind: 'attach', deploymentId: 1, model: MODEL, version: '1', memory, rings: 1, capacity: 3 });
  await until('the exit', () => exits.length > 0);
  assert.match(exits[0]!, /power of two/);
  assert.equal(thread.running, false);
  thread.start();
  thread.post(watch(1, { options: judgeOptions({ lookMs: 10 }) }));
  await until('a look', () => reports.length > 0);
  await thread.stop();
  assert.equal(exits.length, 1);
});

test('the monitor thread runs in a process with flags of its own and does not keep it alive', async () => {
  const monitor = new URL('../../src/engine/monitor-link.js', import.meta.url).href;
  const script = `
    const { monitorThread } = await import(${JSON.stringify(monitor)});
    // A capture is answered by the thread itself: it is up. The timer keeps the process until then, and no longer.
    const timer = setTimeout(() => console.log('no answer'), ${DEADLINE_MS});
    const thread = monitorThread({
      onReport() { clearTimeout(timer); console.log('answered'); },
      onUnexpectedEnd: console.log,
    });
    thread.start();
    thread.post({ kind: 'capture', request: 1, model: 'm' });`;
  const flags = ['--input-type=module', '-e', script];
  const { stdout } = await promisify(execFile)(process.execPath, flags, { timeout: 2 * DEADLINE_MS });
  assert.equal(stdout.trim(), 'answered');
});
