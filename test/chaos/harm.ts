// The faults that do harm from within: versions that end the process or hang it, a disk that refuses, artefacts that
// change under the engine, bytes that are no protocol. Each leaves a server that is up and serves a good version.
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isLastgoodError } from '../../src/base/errors.ts';
import { CRASHES_SERVING_MAX } from '../../src/registry/boot-guard.ts';
import { artifactPath } from '../../src/artifacts/directory.ts';
import { MAIN } from '../support/binary.ts';
import { withoutPrlimit } from '../support/disk.ts';
import { RawConnection } from '../support/http.ts';
import { untilResolved } from '../support/poll.ts';
import { WebSocketClient } from '../support/websocket-client.ts';
import { MODEL } from './model.ts';
import type { Fault } from './faults.ts';
import type { World } from './world.ts';

const actor = { by: 'chaos' };
const GARBAGE_CONNECTIONS = 40;
const GARBAGE_BYTES = 4_096;
const FLOOD_FRAMES = 3_000;
const EXIT_REFUSED = 1;

/** A version that was taken out for good reason goes, so that nothing chooses it again. */
async function removeHarmful(world: World, version: string): Promise<void> {
  world.forget(version);
  await world.admin.remove({ model: MODEL, version }, actor);
}

async function assertTakenOut(world: World, version: string): Promise<void> {
  const { model, versions } = await world.status();
  assert.notEqual(model.activeVersion, version, `version ${version} serves no more`);
  assert.equal(versions.find((one) => one.version === version)?.health, 'unhealthy');
}

/** There is a version to go back to, which is known good. */
async function haveGoodVersion(world: World): Promise<void> {
  await world.admin.confirm({ model: MODEL }, actor);
}

async function crash(world: World): Promise<void> {
  await haveGoodVersion(world);
  const version = await world.register(true, 'fatal');
  for (let crashes = 0; crashes < CRASHES_SERVING_MAX; crashes += 1) assert.equal(await world.poison(), 'SIGFPE');
  await assertTakenOut(world, version);
  await removeHarmful(world, version);
}

async function hang(world: World): Promise<void> {
  await haveGoodVersion(world);
  const version = await world.register(true, 'endless');
  assert.equal(await world.poison(), 'SIGALRM');
  await assertTakenOut(world, version);
  await removeHarmful(world, version);
}

async function fillDisk(world: World): Promise<void> {
  if (withoutPrlimit !== false) return;
  const before = (await world.status()).model;
  const to = before.lastGoodVersion;
  if (to === null) return;
  world.fillDisk(true);
  try {
    await assert.rejects(world.register(false), (error) => isLastgoodError(error) && error.code === 'DISK_REFUSED');
    // In memory now, and acknowledged as just that; it is held against the history after the disk is back.
    const { stored, rolledBackTo } = await world.admin.rollback({ model: MODEL, to, reason: 'chaos' }, actor);
    assert.deepEqual([stored, rolledBackTo], [false, to]);
    world.fillDisk(false);
    await untilResolved('the rollback is written', async () =>
      (await world.status()).model.activeVersion === rolledBackTo);
    await world.admin.release({ model: MODEL, version: before.activeVersion ?? '' }, actor);
  } finally {
    world.fillDisk(false);
  }
}

async function loseActive(world: World, random: () => number): Promise<void> {
  const { model, versions } = await world.status();
  const active = versions.find(({ version }) => version === model.activeVersion);
  if (active === undefined || model.lastGoodVersion === null) return;
  const path = artifactPath(world.dataDir, active);
  await world.killAndDamage(() => {
    if (random() < 0.5) rmSync(path);
    else truncateSync(path, Math.floor(active.artifactBytes * random()));
  });
  await assertTakenOut(world, active.version);
  // An operator puts the file back, as a registration of it would.
  rmSync(path, { force: true });
  copyFileSync(join(world.files, `${active.version}.onnx`), path);
  await world.admin.release({ model: MODEL, version: active.version }, actor);
}

async function litter(world: World): Promise<void> {
  await world.killAndDamage(() => {
    writeFileSync(join(world.dataDir, 'artifacts', `${'0'.repeat(64)}.onnx`), 'an orphan');
    writeFileSync(join(world.dataDir, 'artifacts', 'half.part'), 'half a copy');
  });
}

async function garbage(world: World, random: () => number): Promise<void> {
  const connections = await Promise.all(
    Array.from({ length: GARBAGE_CONNECTIONS }, () => RawConnection.open(world.port)));
  for (const { socket } of connections) {
    socket.write(Uint8Array.from({ length: GARBAGE_BYTES }, () => Math.floor(random() * 256)));
  }
  await sleep(200);
  for (const { socket } of connections) socket.destroy();
}

async function floodFrames(world: World): Promise<void> {
  const socket = await WebSocketClient.connect(world.port);
  socket.pause();
  socket.send(...Array.from({ length: FLOOD_FRAMES }, (_, id) => JSON.stringify({ id, features: [id, 2, 3] })));
  await sleep(100);
  socket.destroy();
}

async function secondEngine(world: World): Promise<void> {
  const args = [MAIN, 'serve', '--data', world.dataDir, '--listen', '127.0.0.1:0', '--no-supervisor'];
  const second = spawn(process.execPath, args, { stdio: 'ignore' });
  const [code] = (await once(second, 'exit')) as [number | null];
  assert.equal(code, EXIT_REFUSED, 'a second engine on the directory is refused');
  await world.check();
}

export const HARM: readonly Fault[] = [
  { name: 'version that crashes the process, 3 times', weight: 1, kills: 0, run: crash },
  { name: 'version that hangs', weight: 1, kills: 0, run: hang },
  { name: 'disk that refuses every write', weight: 1, kills: 0, run: fillDisk },
  { name: 'active artefact lost or cut off, kill -9', weight: 1, kills: 1, run: loseActive },
  { name: 'orphans and half copies, kill -9', weight: 1, kills: 1, run: litter },
  { name: 'random bytes on the port', weight: 1, kills: 0, run: garbage },
  { name: 'flood of WebSocket frames, unread', weight: 1, kills: 0, run: floodFrames },
  { name: 'second engine on the directory', weight: 1, kills: 0, run: secondEngine },
];
