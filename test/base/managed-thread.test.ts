// The handle of a thread: what comes of one that ends by itself, and of one that does not end when it should.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { describe, test } from 'node:test';
import { ManagedThread } from '../../src/base/managed-thread.ts';

const entryOf = (body: string): URL => new URL(`data:text/javascript,${encodeURIComponent(
  `import { parentPort, workerData } from 'node:worker_threads'; parentPort.on('message', (command) => { ${body} });`,
)}`);

function started(body: string, stopMsMax: number) {
  const events = new EventEmitter();
  const ends: string[] = [];
  const thread = new ManagedThread<string, unknown>({
    entry: entryOf(body), name: 'test', data: { from: 'data' }, lastCommand: 'stop', stopMsMax,
    onReport: (report) => events.emit('report', report),
    onUnexpectedEnd: (reason) => {
      ends.push(reason);
      events.emit('end');
    },
  });
  thread.start();
  return { thread, events, ends };
}

const ECHO = 'if (command === "stop") parentPort.close(); else parentPort.postMessage([command, workerData])';

describe('ManagedThread', () => {
  test('posts what was said before the thread was up, and what it answers before its end', async () => {
    const { thread, events, ends } = started(ECHO, 60_000);
    const reports: unknown[] = [];
    events.on('report', (report) => reports.push(report));
    thread.post('a');
    thread.post('b');
    const stopped = [thread.stop(), thread.stop()];
    thread.post('too late');
    await Promise.all(stopped);
    assert.deepEqual(reports, [['a', { from: 'data' }], ['b', { from: 'data' }]]);
    assert.deepEqual([ends, thread.running], [[], false]);
  });

  test('tells of an end that nobody asked for, and starts another thread after it', async () => {
    const { thread, events, ends } = started(`if (command === 'die') throw new Error('no'); ${ECHO}`, 60_000);
    thread.keepProcess(true);
    thread.post('die');
    await once(events, 'end');
    assert.deepEqual([ends, thread.running], [['no'], false]);
    thread.start();
    thread.keepProcess(true);
    const answered = once(events, 'report');
    thread.post('a');
    assert.deepEqual((await answered)[0], ['a', { from: 'data' }]);
    await thread.stop();
    assert.equal(ends.length, 1);
  });

  test('terminates a thread that does not end by itself', async () => {
    const { thread, ends } = started('', 1);
    await thread.stop();
    assert.deepEqual([ends, thread.running], [[], false]);
  });
});
