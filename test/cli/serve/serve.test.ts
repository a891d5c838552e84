// lastgood serve as an operator starts and ends it; what it prints is pasted into a shell.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { lastgood, MAIN, Server } from '../../support/binary.ts';
import { http } from '../../support/http.ts';
import { housingBaseline, housingBodies, housingFile } from '../../support/housing.ts';
import { until } from '../../support/poll.ts';
import { copyOf, preparedDirectory } from '../../support/prepared-directory.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const sh = promisify(execFile);
const JSON_BODY = { 'content-type': 'application/json' };

/** Starts it as a person would, and collects what it prints. */
function serve(args: readonly string[]): {
  child: ChildProcess; exit: Promise<unknown>; stdout: () => string; stderr: () => string;
} {
  const all = [MAIN, 'serve', '--listen', '127.0.0.1:0', ...args];
  const child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  const exit = once(child, 'close').then(([code]: unknown[]) => code);
  return { child, exit, stdout: () => stdout, stderr: () => stderr };
}

describe('lastgood serve --demo-models', () => {
  test('prints commands that work as printed, and ends with 0 on SIGTERM', async () => {
    const dataDir = temporaryDirectory();
    const { child, exit, stdout, stderr } = serve(['--data', dataDir, '--demo-models']);
    await until('it is ready', () => stdout().includes('main.js promote') || child.exitCode !== null, 120_000);
    assert.equal(child.exitCode, null, stderr());
    const commands = stdout().split('\n').filter((line) => line.startsWith('  ')).map((line) => line.trim());
    assert.equal(commands.length, 4, stdout());
    const curls = commands.filter((command) => command.startsWith('curl '));
    const answers = [];
    for (const command of curls) {
      const result = await sh('sh', ['-c', command.replace('curl ', 'curl --fail ')]);
      answers.push(JSON.parse(result.stdout) as Record<string, unknown>);
    }
    const [predicted, health, status] = answers;
    assert.equal(typeof predicted?.['prediction'], 'number');
    assert.equal(health?.['active_model'], '1');
    const models = status?.['models'] as { model: { model: string; activeVersion: string }; versions: unknown[] }[];
    assert.deepEqual(
      models.map(({ model, versions }) => [model.model, model.activeVersion, versions.length]).sort(),
      [['breast-cancer', '1', 2], ['digits', '1', 2], ['housing', '1', 2]],
    );
    const promoted = await sh('sh', ['-c', commands.at(-1)!]);
    assert.equal(promoted.stderr, '');
    assert.match(promoted.stdout, /version 2 of housing is active in place of 1/);
    child.kill('SIGTERM');
    assert.equal(await exit, 0, stderr());
  });
});

describe('lastgood serve', () => {
  let slow = '';
  before(async () => {
    slow = await preparedDirectory((control) => control.register({
      model: 'housing', version: 'slow', file: housingFile('slow'), baseline: housingBaseline('slow'), promote: true,
    }, { by: 'test' }));
  });
  const serveSlow = (args: readonly string[]): Promise<Server> =>
    Server.start(copyOf(slow), [...args, '--batch-size-max', '1', '--workers', '1']);

  test('warns of a section for a model that is not there', async () => {
    const folder = temporaryDirectory();
    const config = join(folder, 'lastgood.json');
    writeFileSync(config, '{"models": {"hosing": {"workers": 1}}}');
    const { child, exit, stdout, stderr } = serve(['--data', join(folder, 'data'), '--config', config]);
    await until('it is ready', () => stdout().includes('admin.sock'));
    assert.match(stderr(), /"level":"?(40|warn)"?.*"model":"hosing".*no such model yet/);
    child.kill('SIGINT');
    assert.equal(await exit, 0);
  });

  test('says how to bring in a first model when there is none', async () => {
    const dataDir = temporaryDirectory();
    const { child, exit, stdout } = serve(['--data', dataDir]);
    await until('it is ready', () => stdout().includes('admin.sock'));
    assert.match(stdout(), new RegExp(`main.js register MODEL FILE.onnx --promote --data ${dataDir}\n`));
    child.kill('SIGINT');
    assert.equal(await exit, 0);
  });

  test('is refused with 1 and one line while another engine owns the directory', async () => {
    const dataDir = temporaryDirectory();
    const owner = await Server.start(dataDir);
    const { code, stdout, stderr } = await lastgood(['serve', '--listen', '127.0.0.1:0', '--data', dataDir]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^lastgood: open the admin socket [^\n]*another engine owns this data directory[^\n]*\n$/);
    assert.equal((await http(owner.port, '/', {})).status, 200);
    assert.equal(await owner.stop(), 0);
  });

  test('fails with 1 and one line when the address is taken, and gives the directory back', async () => {
    const owner = await Server.start(temporaryDirectory());
    const dataDir = temporaryDirectory();
    const listen = `127.0.0.1:${owner.port}`;
    const { code, stderr } = await lastgood(['serve', '--listen', listen, '--data', dataDir]);
    assert.equal(code, 1);
    assert.match(stderr, /^lastgood: listen on 127\.0\.0\.1:\d+: [^\n]*\n$/);
    const next = await Server.start(dataDir);
    assert.deepEqual([await next.stop(), await owner.stop()], [0, 0]);
  });

  test('goes on when nobody reads its output', async () => {
    const server = await serveSlow([]);
    server.process.stdout?.destroy();
    assert.equal((await http(server.port, '/predict', { body: housingBodies[0]!, headers: JSON_BODY })).status, 200);
    assert.equal(await server.stop(), 0);
  });

  test('says how many requests were left when the drain limit passes, and exits with 1', async () => {
    const server = await serveSlow(['--drain-ms', '1']);
    const requests = slowRequests(server.port, 12);
    await requests.first;
    assert.equal(await server.stop(), 1, server.log);
    assert.match(server.log, /^lastgood: stop: \d+ requests were not answered within 1 ms; wanted all of them/m);
    await requests.all;
  });

  test('ends the engine at once at a second signal, with or without a supervisor', async () => {
    for (const [flags, wanted] of [[[], [137, null]], [['--no-supervisor'], [null, 'SIGKILL']]] as const) {
      const server = await serveSlow(flags);
      const requests = slowRequests(server.port, 200);
      await requests.first;
      const end = once(server.process, 'exit');
      server.process.kill('SIGTERM');
      await until('it stops', () => server.log.includes('"msg":"stopping"'));
      server.process.kill('SIGTERM');
      assert.deepEqual(await end, wanted);
      await requests.all;
    }
  });
});

// 60 ms each, one after the other.
function slowRequests(port: number, count: number): { first: Promise<unknown>; all: Promise<unknown> } {
  const request = { body: housingBodies[0]!, headers: JSON_BODY };
  const sent = Array.from({ length: count }, () => http(port, '/predict', request));
  return { first: Promise.any(sent), all: Promise.allSettled(sent) };
}
