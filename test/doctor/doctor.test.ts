// lastgood doctor on real data directories: it says what is wrong, repairs only when asked, never touches good data.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync,
  statSync, truncateSync, writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openOffline } from '../../src/admin/offline.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { Diagnosis } from '../../src/doctor/findings.ts';
import { Registry } from '../../src/registry/registry.ts';
import { openStore } from '../../src/registry/opening/open-store.ts';
import { lastgood, Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { oldDirectory, oldRegistryBytes } from '../support/old-registry.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { torchExport } from '../worker/external-data.ts';
import { linear } from '../worker/onnx.ts';

const template = join(temporaryDirectory(), 'data');

async function register(dataDir: string, version: number, name = String(version)): Promise<void> {
  const offline = openOffline({ dataDir, trialMs: 60_000, intraOpThreads: 1 }, systemClock, { create: true });
  const file = join(temporaryDirectory(), 'm.onnx');
  writeFileSync(file, linear(version));
  await offline.register({ model: 'm', file, version: name, promote: name === String(version) }, { by: 'test' });
  await offline.close();
}

before(async () => {
  for (const version of [1, 2, 3]) await register(template, version);
});

/** A directory in which versions 1, 2 and 3 of model m have served in this order; the last one is active. */
function servedDirectory(): string {
  const dataDir = join(temporaryDirectory(), 'data');
  cpSync(template, dataDir, { recursive: true });
  chmodSync(dataDir, 0o700);
  return dataDir;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const artifact = (dataDir: string, version: number): string =>
  join(dataDir, 'artifacts', `${sha256(linear(version))}.onnx`);

async function examined(
  dataDir: string, args: readonly string[] = [],
): Promise<Diagnosis & { readonly code: number | null }> {
  const { code, stdout } = await lastgood(['doctor', '--data', dataDir, '--json', ...args]);
  return { ...(JSON.parse(stdout) as Diagnosis), code };
}

const refusedServe = (dataDir: string): ReturnType<typeof lastgood> =>
  lastgood(['serve', '--no-supervisor', '--data', dataDir, '--listen', '127.0.0.1:0']);

const codes = ({ findings }: Diagnosis): string[] => findings.map(({ code }) => code).sort();

/** Everything in the directory but the lock files of LMDB, by name and contents. */
function contentsOf(dataDir: string): Record<string, string> {
  const names = readdirSync(dataDir, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => !name.endsWith('lock.mdb') && statSync(join(dataDir, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, sha256(readFileSync(join(dataDir, name)))]));
}

describe('lastgood doctor', () => {
  test('says that a sound directory is sound, also while an engine runs on it, and changes nothing', async () => {
    const dataDir = servedDirectory();
    const then = contentsOf(dataDir);
    const found = await examined(dataDir);
    assert.deepEqual([found.code, found.isSound, found.isServed, codes(found)], [0, true, false, []]);
    assert.deepEqual([found.models, found.versions, found.artifacts], [1, 3, 3]);
    assert.deepEqual(found.providers.find(({ name }) => name === 'cpu'), { name: 'cpu', unusable: null });
    assert.deepEqual((await examined(dataDir, ['--repair'])).findings, []);
    assert.deepEqual(contentsOf(dataDir), then);
    const server = await Server.start(dataDir);
    after(() => server.process.kill('SIGKILL'));
    const served = await examined(dataDir);
    assert.deepEqual([served.code, served.isServed, codes(served)], [0, true, []]);
    const { code, stderr } = await lastgood(['doctor', '--repair', '--data', dataDir]);
    assert.equal(code, 1);
    assert.match(stderr, /an engine runs on it/);
    assert.equal(await server.stop(), 0);
  });

  test('finds what nobody needs, and removes it with --repair and not before; good data stay as they are', async () => {
    const dataDir = servedDirectory();
    const good = contentsOf(dataDir);
    const artifacts = join(dataDir, 'artifacts');
    writeFileSync(join(artifacts, `${'a'.repeat(64)}.onnx`), 'an orphan');
    writeFileSync(join(artifacts, 'c0ffee.part'), 'half a copy');
    writeFileSync(join(artifacts, 'registering-4194305-c0ffee.lock'), '');
    writeFileSync(join(artifacts, 'notes.txt'), 'somebody keeps notes here');
    await leaveSocket(join(dataDir, 'admin.sock'));
    chmodSync(dataDir, 0o755);
    const littered = contentsOf(dataDir);
    const wanted = [
      'ARTIFACT_ORPHAN', 'COPY_LEFT', 'DIRECTORY_OPEN', 'FILE_UNKNOWN', 'REGISTRATION_LEFT', 'SOCKET_STALE',
    ];
    const found = await examined(dataDir);
    assert.deepEqual([found.code, codes(found)], [0, wanted]);
    assert.deepEqual(contentsOf(dataDir), littered);
    assert.ok(existsSync(join(dataDir, 'admin.sock')));
    const repaired = await examined(dataDir, ['--repair']);
    const left = repaired.findings.filter(({ isRepaired }) => !isRepaired);
    assert.deepEqual(left.map(({ code }) => code), ['FILE_UNKNOWN']);
    rmSync(join(artifacts, 'notes.txt'));
    assert.deepEqual(contentsOf(dataDir), good);
    assert.equal(statSync(dataDir).mode & 0o777, 0o700);
    assert.deepEqual(codes(await examined(dataDir)), []);
  });

  test('never removes an artefact while nothing is registered: it may be all that is left', async () => {
    const dataDir = servedDirectory();
    rmSync(join(dataDir, 'registry', 'data.mdb'));
    renameSync(join(dataDir, 'artifacts'), join(dataDir, 'aside'));
    await openOffline({ dataDir, trialMs: 60_000, intraOpThreads: 1 }, systemClock, { create: true }).close();
    renameSync(join(dataDir, 'aside'), join(dataDir, 'artifacts'));
    const then = contentsOf(join(dataDir, 'artifacts'));
    const found = await examined(dataDir, ['--repair']);
    assert.deepEqual(codes(found), ['ARTIFACT_ORPHAN', 'ARTIFACT_ORPHAN', 'ARTIFACT_ORPHAN']);
    assert.match(found.findings[0]!.remedy, /lastgood register MODEL/);
    assert.deepEqual(contentsOf(join(dataDir, 'artifacts')), then);
  });

  test('says of a registry of an older format what its upgrade needs, and leaves it as it is', async () => {
    const dataDir = oldDirectory();
    const found = await examined(dataDir);
    assert.deepEqual([found.code, codes(found), found.versions], [0, ['REGISTRY_OLDER'], 8]);
    const [older] = found.findings;
    assert.match(older!.text, /format 1, of an older build/);
    assert.match(older!.remedy, /next start of an engine does it.*needs 409600 bytes.*registry-format-1/);
    assert.deepEqual(readFileSync(join(dataDir, 'registry', 'data.mdb')), oldRegistryBytes());
  });

  test('a registry that is empty beside artefacts is refused by serve, and the artefacts are kept', async () => {
    const dataDir = servedDirectory();
    truncateSync(join(dataDir, 'registry', 'data.mdb'));
    const then = contentsOf(dataDir);
    const { code, stderr } = await refusedServe(dataDir);
    assert.equal(code, 1);
    assert.match(stderr, /open data directory .*data\.mdb is empty, but artefacts are there \(3\); put a copy/);
    assert.deepEqual(contentsOf(dataDir), then);
  });

  test('finds a file where the artefacts have their place, which serve refuses', async () => {
    const dataDir = servedDirectory();
    const artifacts = join(dataDir, 'artifacts');
    rmSync(artifacts, { recursive: true });
    writeFileSync(artifacts, 'notes');
    const found = await examined(dataDir, ['--repair']);
    assert.deepEqual([found.code, codes(found)], [1, ['ARTIFACTS_FOREIGN']]);
    assert.equal(readFileSync(artifacts, 'utf8'), 'notes');
    const { code, stderr } = await refusedServe(dataDir);
    assert.equal(code, 1);
    assert.match(stderr, /open data directory .*artifacts" is a file, and has to be the directory/);
  });

  test('names versions of early builds whose weights lie in files that nobody hashed', async () => {
    const dataDir = servedDirectory();
    const { model, name, data } = torchExport();
    writeFileSync(join(dataDir, 'artifacts', `${sha256(model)}.onnx`), model);
    writeFileSync(join(dataDir, 'artifacts', name), data);
    const store = openStore({ dataDir });
    const registry = new Registry(store, systemClock);
    const { signature, trial } = registry.version('m', '1');
    registry.createVersion({
      model: 'm', version: 'early', sha256: sha256(model), artifactBytes: model.length, signature, trial,
      outputKind: 'scalar', baseline: null, golden: null, warnings: [],
    }, 'test');
    await store.close();
    const found = await examined(dataDir);
    assert.deepEqual([found.code, codes(found)], [1, ['ARTIFACT_OPEN', 'FILE_UNKNOWN']]);
    const { about, text, remedy } = found.findings.find(({ code }) => code === 'ARTIFACT_OPEN')!;
    assert.equal(about, 'version early of m');
    assert.match(text, /its weights lie outside of it \(external data in "cnn\.onnx\.data"\)/);
    assert.match(remedy, /register the model again with its data files .* then lastgood remove m early/);
  });

  test('looks at every file of a version that has several, and at what else lies in its folder', async () => {
    const dataDir = servedDirectory();
    const folder = temporaryDirectory();
    const { model, name, data } = torchExport();
    writeFileSync(join(folder, 'm.onnx'), model);
    writeFileSync(join(folder, name), data);
    const offline = openOffline({ dataDir, trialMs: 60_000, intraOpThreads: 1 }, systemClock);
    const { version } = await offline.register({ model: 'cnn', file: folder }, { by: 'test' });
    await offline.close();
    const sound = await examined(dataDir);
    assert.deepEqual([sound.code, codes(sound), sound.artifacts], [0, [], 4]);
    const here = join(dataDir, 'artifacts', version.sha256);
    mkdirSync(join(here, 'more'));
    writeFileSync(join(here, 'more', 'weights.bin'), data);
    const noted = await examined(dataDir, ['--repair']);
    assert.deepEqual([noted.code, codes(noted)], [0, ['FILE_UNKNOWN', 'FILE_UNKNOWN']]);
    assert.match(noted.findings[0]!.text, /no file of version 1 of cnn, which never reads it/);
    rmSync(join(here, 'more'), { recursive: true });
    for (const [harm, code] of [
      [(): void => writeFileSync(join(here, name), model), 'ARTIFACT_DAMAGED'],
      [(): void => rmSync(join(here, name)), 'ARTIFACT_MISSING'],
      [(): void => rmSync(here, { recursive: true }), 'ARTIFACT_MISSING'],
    ] as const) {
      harm();
      const found = await examined(dataDir);
      assert.deepEqual([found.code, codes(found)], [1, [code]]);
    }
    // What a crash leaves of a copy is a folder, too.
    mkdirSync(join(dataDir, 'artifacts', 'c0ffee.part'));
    writeFileSync(join(dataDir, 'artifacts', 'c0ffee.part', 'model.onnx'), model);
    cpSync(folder, join(dataDir, 'artifacts', 'a'.repeat(64)), { recursive: true });
    await examined(dataDir, ['--repair']);
    assert.deepEqual(readdirSync(join(dataDir, 'artifacts')).length, 3);
  });

  test('leaves alone what a registration that is under way may be about to use', async () => {
    const dataDir = servedDirectory();
    const orphan = join(dataDir, 'artifacts', `${'a'.repeat(64)}.onnx`);
    writeFileSync(orphan, 'not an orphan for long');
    const lock = join(dataDir, 'artifacts', `registering-${process.pid}-c0ffee.lock`);
    writeFileSync(lock, '');
    assert.deepEqual(codes(await examined(dataDir, ['--repair'])), []);
    assert.ok(existsSync(orphan) && existsSync(lock));
  });

  test('finds missing and changed artefacts and says what a start does; the start does it; registering heals', async () => {
    const dataDir = servedDirectory();
    rmSync(artifact(dataDir, 3));
    writeFileSync(artifact(dataDir, 2), linear(7));
    const found = await examined(dataDir);
    assert.deepEqual([found.code, codes(found)], [1, ['ACTIVE_UNUSABLE', 'ARTIFACT_DAMAGED', 'ARTIFACT_MISSING']]);
    assert.match(found.findings.find(({ code }) => code === 'ACTIVE_UNUSABLE')!.remedy, /version 1/);
    // Nothing here can be repaired without the files.
    const then = contentsOf(dataDir);
    assert.equal((await examined(dataDir, ['--repair'])).code, 1);
    assert.deepEqual(contentsOf(dataDir), then);
    const server = await Server.start(dataDir);
    after(() => server.process.kill('SIGKILL'));
    const headers = { 'content-type': 'application/json' };
    const { json } = await http(server.port, '/predict', { body: '{"features":[1,2,3]}', headers });
    assert.deepEqual([json['model_version'], json['prediction']], ['1', 322]);
    assert.equal(await server.stop(), 0);
    for (const version of [2, 3]) await register(dataDir, version, `${version}-again`);
    assert.deepEqual(codes(await examined(dataDir)), []);
  });

  test('says what it is that lies in the place of an artefact; a start takes the version before', async () => {
    const dataDir = servedDirectory();
    for (const version of [2, 3]) rmSync(artifact(dataDir, version));
    mkdirSync(artifact(dataDir, 2));
    assert.equal(spawnSync('mkfifo', [artifact(dataDir, 3)]).status, 0);
    mkdirSync(join(dataDir, 'artifacts', `${'a'.repeat(64)}.onnx`));
    const found = await examined(dataDir, ['--repair']);
    assert.deepEqual([found.code, codes(found)],
      [1, ['ACTIVE_UNUSABLE', 'ARTIFACT_DAMAGED', 'ARTIFACT_DAMAGED', 'FILE_UNKNOWN']]);
    const about = (version: string): Diagnosis['findings'][number] =>
      found.findings.find((finding) => finding.about === `version ${version} of m`)!;
    assert.match(about('2').text, /is a directory/);
    assert.match(about('2').remedy, /^move the directory away first, then register the same file again/);
    assert.match(about('3').text, /is a named pipe/);
    assert.match(about('3').remedy, /^register the same file again/);
    assert.match(found.findings.find(({ code }) => code === 'FILE_UNKNOWN')!.text, /but a directory/);
    const server = await Server.start(dataDir);
    after(() => server.process.kill('SIGKILL'));
    const headers = { 'content-type': 'application/json' };
    const { json } = await http(server.port, '/predict', { body: '{"features":[1,2,3]}', headers });
    assert.equal(json['model_version'], '1');
    assert.equal(await server.stop(), 0);
    rmdirSync(artifact(dataDir, 2));
    for (const version of [2, 3]) await register(dataDir, version, `${version}-again`);
    assert.deepEqual(codes(await examined(dataDir)), ['FILE_UNKNOWN']);
  });

  test('says when no version can be loaded', async () => {
    const dataDir = servedDirectory();
    for (const version of [1, 2, 3]) truncateSync(artifact(dataDir, version), 10);
    assert.ok(codes(await examined(dataDir)).includes('NOTHING_USABLE'));
  });

  test('finds a registry that is foreign, cut off, torn inside or gone, and then calls no artefact an orphan', async () => {
    const dataDir = servedDirectory();
    const file = join(dataDir, 'registry', 'data.mdb');
    const copy = join(temporaryDirectory(), 'copy.mdb');
    copyFileSync(file, copy);
    const whole = readFileSync(file);
    const torn = Buffer.from(whole);
    torn.fill(0xff, 2 * 4_096);
    const damages: readonly (readonly [string, Uint8Array])[] = [
      ['foreign', Buffer.alloc(20_000, 'not LMDB')], ['cut off', whole.subarray(0, 6_000)], ['torn', torn],
    ];
    for (const [name, bytes] of damages) {
      writeFileSync(file, bytes);
      const found = await examined(dataDir, ['--repair']);
      assert.deepEqual([found.code, codes(found)], [1, ['REGISTRY_UNREADABLE']], name);
      assert.deepEqual(readFileSync(file), Buffer.from(bytes), 'it is left as it is');
    }
    truncateSync(file);
    const empty = await examined(dataDir, ['--repair']);
    assert.deepEqual(codes(empty), ['REGISTRY_UNREADABLE']);
    assert.match(empty.findings[0]!.text, /data\.mdb is empty/);
    rmSync(file);
    assert.deepEqual(codes(await examined(dataDir, ['--repair'])), ['REGISTRY_MISSING']);
    copyFileSync(copy, file);
    assert.deepEqual(codes(await examined(dataDir)), []);
  });
});

/** A socket file whose listener is gone, as kill -9 leaves it. */
async function leaveSocket(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(`${path}.made`, resolve));
  // Renamed, so that the server does not take it away at its end.
  renameSync(`${path}.made`, path);
  await new Promise((resolve) => server.close(resolve));
}
