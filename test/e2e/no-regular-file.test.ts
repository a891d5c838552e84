// Every path that an operator names, with a named pipe, an endless device or a directory behind it: each is refused at
// once and in plain words, by the verbs with an engine and without, and the engine goes on answering.
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { lastgood, Server } from '../support/binary.ts';
import { namedPipe } from '../support/disk.ts';
import { http } from '../support/http.ts';
import { housingBodies, housingFile } from '../support/housing.ts';
import { until } from '../support/poll.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const OTHERS: readonly (readonly [string, string])[] = [
  [namedPipe(), 'it is a named pipe'], ['/dev/zero', 'it is a device'], [temporaryDirectory(), 'it is a directory'],
];
const dataDir = temporaryDirectory();
const data = ['--data', dataDir];

async function refuses(args: readonly string[], reason: string, wantedCode = 1): Promise<void> {
  const { code, stderr } = await lastgood(args);
  assert.equal(code, wantedCode, args.join(' '));
  assert.ok(stderr.includes(`${reason}; wanted a regular file`), `${args.join(' ')}: ${stderr}`);
}

/** The verbs that send a path to the engine, or use it themselves where there is none. */
async function refusesAll(path: string, reason: string): Promise<void> {
  const register = ['register', 'housing', '--version', 'x', ...data];
  // A directory may be a model's own folder.
  if (reason !== 'it is a directory') await refuses([...register, path], reason);
  await refuses([...register, housingFile('2'), '--baseline', path], reason);
  await refuses([...register, housingFile('2'), '--golden', path], reason);
  await refuses(['baseline', 'housing', '--from', path, ...data], reason);
}

before(async () => {
  const { code, stderr } = await lastgood(['register', 'housing', housingFile('1'), '--promote', ...data]);
  assert.equal(code, 0, stderr);
});

suite('a path behind which there is no regular file', () => {
  test('is refused by the verbs without an engine', async () => {
    for (const [path, reason] of OTHERS) {
      await refusesAll(path, reason);
      await refuses(['backtest', path], reason);
      await refuses(['backtest', path, '--config', path], reason);
      await refuses(['tune', 'housing', '--body', path, ...data], reason, 2);
    }
  });

  test('is refused by an engine, which goes on answering', async () => {
    const server = await Server.start(dataDir, ['--no-supervisor']);
    for (const [path, reason] of OTHERS) {
      await refusesAll(path, reason);
      assert.equal((await http(server.port, '/predict', { body: housingBodies[0]! })).status, 200);
    }
    assert.equal(await server.stop(), 0);
  });

  test('is refused at the start, and as a record file while the engine serves', async () => {
    for (const [path, reason] of OTHERS) {
      const serve = ['serve', '--listen', '127.0.0.1:0', '--no-supervisor', ...data];
      await refuses([...serve, '--config', path], reason);
      await refuses([...serve, '--tls-cert', path, '--tls-key', path], reason);
      const server = await Server.start(dataDir, ['--no-supervisor', '--record', path]);
      await until('it says so', () => server.log.includes(`${reason}; wanted a regular file`));
      assert.equal((await http(server.port, '/predict', { body: housingBodies[0]! })).status, 200);
      assert.equal(await server.stop(), 0);
    }
  });
});
