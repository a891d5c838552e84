// The real server under clients that want more memory than there is: it refuses them by name, answers everybody else,
// never takes more than it may, and is as before when they have gone.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import { anonymousBytesOf } from '../../src/base/process-memory.ts';
import type { LimitsView } from '../../src/domain/run-limits.ts';
import { Server, lastgood } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { MemoryGroup } from '../support/memory.ts';
import { until, untilResolved } from '../support/poll.ts';
import { actor } from '../support/served-housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { pairs } from '../worker/greedy.ts';
import { linear } from '../worker/onnx.ts';

const MIB = 1024 ** 2;
const MEMORY_MAX = 320 * MIB;
/** What is taken between a look and the next: pieces of bodies, answers, heaps. */
const SLACK = 96 * MIB;
const MODELS = ['a', 'b', 'c', 'd', 'e'];
const SLOW_BODIES = 24;
const BODY_BYTES = 14_000_000;
const DEADLINE_MS = 120_000;
const skip = existsSync('/proc/self/status') ? false : 'the system does not tell what a process has';

suite('A process that may have so much memory', { skip }, () => {
  const dataDir = temporaryDirectory();
  // A kill by the kernel is what this is about, where the test may make a group of processes for it.
  const group = MemoryGroup.make(2 * MEMORY_MAX);
  const codes = new Map<string, number>();
  let server: Server;
  let longest = 0;
  let peakBytes = 0;
  let isOver = false;

  const pid = async (): Promise<number> =>
    Number(/pid (\d+)/.exec((await lastgood(['status', '--data', dataDir])).stdout)?.[1]);
  const asked = (model: string): Promise<string> => {
    const data = new Array<number>(longest).fill(1);
    return http(server.port, `/models/${model}/predict`, { body: JSON.stringify({ features: data }) })
      .then(({ status, json }) => `${status} ${(json['code'] as string | undefined) ?? ''}`, () => 'no answer');
  };
  const note = (answer: string): void => void codes.set(answer, (codes.get(answer) ?? 0) + 1);

  before(async () => {
    const args = [
      '--memory-max', String(MEMORY_MAX), '--request-memory-max', String(96 * MIB),
      '--run-memory-max', String(64 * MIB), '--workers', '1', '--samples', 'off', '--standby', 'cold',
    ];
    server = await Server.start(dataDir, args);
    group?.add(await pid());
    const admin = await connectAdmin(dataDir);
    assert.ok(admin);
    const file = join(temporaryDirectory(), 'pairs.onnx');
    writeFileSync(file, pairs());
    const small = join(temporaryDirectory(), 'small.onnx');
    writeFileSync(small, linear());
    for (const model of MODELS) await admin.register({ model, version: '1', file, promote: true }, actor);
    await admin.register({ model: 'small', version: '1', file: small, promote: true }, actor);
    // Each trial measures for itself: what all of them take.
    const most = await Promise.all(MODELS.map(async (model) => {
      const { json } = await http(server.port, `/v2/models/${model}/config`);
      const { limits } = json['parameters'] as { readonly limits: { readonly string_value: string } };
      return (JSON.parse(limits.string_value) as LimitsView).dimensions[0]!.most;
    }));
    longest = Math.min(...most);
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
    group?.remove();
  });

  // Sends most of a body and holds it.
  const holdBody = (): Promise<void> => new Promise((resolve) => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.on('data', (bytes) => note(/"code":"(\w+)"/.exec(bytes.toString())?.[1] ?? 'another answer'));
    const head = `POST /models/small/predict HTTP/1.1\r\nHost: x\r\nContent-Length: ${BODY_BYTES}\r\n\r\n`;
    socket.write(head);
    socket.write(Buffer.alloc(BODY_BYTES - 1, '1'));
    void until('it is over', () => isOver, DEADLINE_MS).then(() => socket.destroy(), () => socket.destroy());
  });

  test('takes no more, refuses by name, answers others, and takes on large work again afterwards', async () => {
    const engine = await pid();
    const watch = setInterval(() => (peakBytes = Math.max(peakBytes, anonymousBytesOf(engine))), 5);
    const held = Array.from({ length: SLOW_BODIES }, holdBody);
    const large = MODELS.map(async (model) => {
      while (!isOver) note(await asked(model));
    });
    const bystanders: number[] = [];
    await untilResolved('large work is refused', async () => {
      const { status } = await http(server.port, '/models/small/predict', { body: '{"features":[1,2,3]}' });
      bystanders.push(status);
      return bystanders.length >= 40 && [...codes.keys()].some((answer) => answer.includes('MEMORY_FULL'));
    }, DEADLINE_MS);
    isOver = true;
    await Promise.all([...held, ...large]);
    clearInterval(watch);
    assert.deepEqual([...new Set(bystanders)], [200]);
    const known = /^(200 |429 MEMORY_FULL|MEMORY_FULL|BODIES_FULL|429 BODIES_FULL)$/;
    assert.deepEqual([...codes.keys()].filter((answer) => !known.test(answer)), [], JSON.stringify([...codes]));
    assert.ok(peakBytes < MEMORY_MAX + SLACK, `${Math.round(peakBytes / MIB)} MiB`);
    assert.equal(await pid(), engine);
    for (const model of MODELS) {
      await untilResolved(`${model} answers large requests again`, async () => (await asked(model)) === '200 ');
    }
  });

  test('is told of', async () => {
    const { stdout } = await lastgood(['status', '--data', dataDir]);
    assert.match(stdout, /MB of memory, 336 MB at most/);
    const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
    assert.match(text, new RegExp(`^lastgood_memory_max_bytes ${MEMORY_MAX}$`, 'm'));
    assert.match(text, /^lastgood_memory_bytes \d{8,}$/m);
  });

  test('is started with an allocator that gives memory back', async () => {
    const environment = readFileSync(`/proc/${await pid()}/environ`, 'utf8');
    assert.match(environment, /MALLOC_MMAP_THRESHOLD_=1048576/);
  });
});
