// Nobody is told anything: the system calls of a real start, a registration, load over HTTP and WebSocket, a promote
// and an end, as the kernel saw them. Where strace is not at hand, or may not trace, the test says so and is skipped.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import { MAIN } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { housingBaseline, housingBodies, housingFile, housingRows } from '../support/housing.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';

const CALLS = 'trace=socket,connect,sendto,sendmsg,sendmmsg,bind';
const REQUESTS = 200;
const ACTOR = { by: 'test' };
/** Unix sockets, the loopback, and what the kernel itself tells a process about its interfaces. */
const LOCAL = /sa_family=AF_(UNIX|LOCAL|NETLINK|UNSPEC)|inet_addr\("127\.\d+\.\d+\.\d+"\)|"::1"|"::ffff:127\./;
/** A resolver on this host asks others; so does the name service cache. */
const RESOLVER = /sin6?_port=htons\(53\)|nscd/;

/** The calls that name an address elsewhere, or ask for one. */
function outbound(trace: string): string[] {
  return trace.split('\n').filter((line) => {
    if (!/\b(connect|sendto|sendmsg|sendmmsg|bind)\(/.test(line) || !line.includes('sa_family=')) return false;
    return !LOCAL.test(line) || RESOLVER.test(line);
  });
}

function whyNot(): string | false {
  const { error, status } = spawnSync('strace', ['-f', '-o', '/dev/null', process.execPath, '-e', '0']);
  if (error !== undefined) return 'strace is not at hand';
  return status === 0 ? false : 'strace may not trace here';
}

describe('lastgood serve', () => {
  test('opens no socket to anywhere but this host, under load and at a promote', { skip: whyNot() }, async () => {
    const dataDir = temporaryDirectory();
    const file = join(temporaryDirectory(), 'trace.txt');
    const serve = [MAIN, 'serve', '--data', dataDir, '--listen', '127.0.0.1:0', '--json', '--no-supervisor'];
    const child = spawn('strace', ['-f', '-qq', '-s', '200', '-e', CALLS, '-o', file, process.execPath, ...serve], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const exit = once(child, 'exit');
    let ready: { readonly port: number; readonly pid: number } | null = null;
    for await (const line of createInterface({ input: child.stdout })) {
      const value = line.startsWith('{') ? (JSON.parse(line) as { readonly event?: string }) : {};
      if (value.event !== 'ready') continue;
      ready = value as unknown as { readonly port: number; readonly pid: number };
      break;
    }
    assert.ok(ready, 'the engine came up');
    child.stdout.resume();
    const { port, pid } = ready;
    const admin = await connectAdmin(dataDir);
    assert.ok(admin);
    for (const version of ['1', '2']) {
      const files = { file: housingFile(version), baseline: housingBaseline(version) };
      await admin.register({ model: 'housing', version, ...files, promote: true }, ACTOR);
      for (let index = 0; index < REQUESTS; index += 1) {
        const body = housingBodies[index % housingBodies.length]!;
        assert.equal((await http(port, '/predict', { body })).status, 200);
      }
    }
    const client = await WebSocketClient.connect(port);
    client.send(JSON.stringify({ id: 1, features: housingRows[0] }));
    assert.equal((await client.nextJson())['id'], 1);
    client.destroy();
    assert.equal((await http(port, '/health')).status, 200);
    process.kill(pid, 'SIGTERM');
    await exit;
    const trace = readFileSync(file, 'utf8');
    assert.match(trace, /bind\(.*127\.0\.0\.1/, 'the trace has seen the engine listen');
    assert.deepEqual(outbound(trace), []);
  });

  test('would be noticed: calls that leave the host are told from those that do not', () => {
    const calls = [
      '1 connect(20, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("20.189.173.1")}, 16) = 0',
      '1 connect(20, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16) = 0',
      '1 connect(20, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1 ENOENT',
      '1 connect(20, {sa_family=AF_INET6, sin6_port=htons(443), inet_pton(AF_INET6, "2603::1", &sin6_addr)}, 28) = 0',
      '1 sendto(20, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("10.0.0.1")}, 16) = 1',
    ];
    const local = [
      '1 connect(20, {sa_family=AF_UNIX, sun_path="/tmp/data/admin.sock"}, 110) = 0',
      '1 bind(20, {sa_family=AF_INET, sin_port=htons(8080), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
      '1 sendto(20, "HTTP/1.1 200 OK", 15, MSG_NOSIGNAL, NULL, 0) = 15',
      '1 socket(AF_NETLINK, SOCK_RAW|SOCK_CLOEXEC, NETLINK_ROUTE) = 20',
    ];
    assert.deepEqual(outbound([...calls, ...local].join('\n')), calls);
  });
});
