// What chaos does to a running engine, one entry a fault. Each leaves a server that is up, or throws: an assertion of
// the world, or an error that no operator should see.
import { rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { artifactPath } from '../../src/artifacts/directory.ts';
import { http, RawConnection } from '../support/http.ts';
import { HARM } from './harm.ts';
import { MODEL, bodyOf, brokenFile } from './model.ts';
import { isExpected } from './world.ts';
import type { World } from './world.ts';

/** Longer than a promote or a registration takes, so that the kill falls into any part of it, or after it. */
const CHANGE_MS_MAX = 350;
const START_MS_MAX = 900;
const FLOOD_REQUESTS = 400;
const IDLE_CONNECTIONS = 200;
const VERSIONS_KEPT = 6;

export interface Fault {
  readonly name: string;
  /** How often it is chosen, against the others. */
  readonly weight: number;
  readonly kills: number;
  run(world: World, random: () => number): Promise<void>;
}

const actor = { by: 'chaos' };
const pick = <T>(values: readonly T[], random: () => number): T | undefined =>
  values[Math.floor(random() * values.length)];

/** Ignores what a dying or refusing server answers; a fault that nobody foresaw goes on. */
async function tolerate(change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!isExpected(error)) throw error;
  }
}

async function healthyOther(world: World, random: () => number): Promise<string | undefined> {
  const { model, versions } = await world.status();
  const others = versions.filter(({ version, health }) => version !== model.activeVersion && health !== 'unhealthy');
  return pick(others, random)?.version;
}

async function promoteAny(world: World, random: () => number): Promise<void> {
  const version = await healthyOther(world, random);
  if (version === undefined) await world.register(true);
  else await world.promote(version);
}

async function rollBack(world: World): Promise<void> {
  await world.rollback();
  await releaseAll(world);
}

async function releaseAll(world: World): Promise<void> {
  const { versions } = await world.status();
  for (const { version, health } of versions) {
    if (health === 'unhealthy') await world.admin.release({ model: MODEL, version }, actor);
  }
}

/** Old versions go, so that hours of chaos need no more disk than minutes. */
async function registerAndForget(world: World): Promise<void> {
  await world.register(false);
  const { model, versions } = await world.status();
  const old = versions.filter(({ version }) => version !== model.activeVersion && version !== model.lastGoodVersion)
    .sort((a, b) => Number(a.version) - Number(b.version)).slice(0, Math.max(0, versions.length - VERSIONS_KEPT));
  for (const { version } of old) {
    world.forget(version);
    await world.admin.remove({ model: MODEL, version }, actor);
  }
}

function killDuring(name: string, weight: number, change: Fault['run']): Fault {
  return {
    name: `kill -9 during ${name}`, weight, kills: 1,
    run: async (world, random) => {
      const under = tolerate(change(world, random));
      await sleep(random() * CHANGE_MS_MAX);
      await world.killAndRestart();
      await under;
    },
  };
}

async function flood(world: World): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const asked = Array.from({ length: FLOOD_REQUESTS }, (_, at) =>
    http(world.port, '/predict', { body: at % 4 === 0 ? '{"features":' : bodyOf(at), headers }));
  const statuses = new Set((await Promise.all(asked)).map(({ status }) => status));
  const unforeseen = [...statuses].filter((status) => ![200, 400, 429].includes(status));
  if (unforeseen.length > 0) throw new Error(`flood: statuses ${unforeseen.join(', ')}; wanted 200, 400 or 429`);
}

async function idleConnections(world: World, random: () => number): Promise<void> {
  const connections = await Promise.all(
    Array.from({ length: IDLE_CONNECTIONS }, () => RawConnection.open(world.port)));
  for (const connection of connections) {
    if (random() < 0.5) connection.socket.write('POST /predict HTTP/1.1\r\nHost: x\r\nContent-Le');
  }
  await sleep(50);
  for (const connection of connections) connection.socket.destroy();
}

async function loseArtifact(world: World, random: () => number): Promise<void> {
  const { model, versions } = await world.status();
  const spare = versions.filter(({ version }) =>
    version !== model.activeVersion && version !== model.lastGoodVersion);
  const victim = pick(spare, random);
  if (victim === undefined) return;
  const path = artifactPath(world.dataDir, victim);
  rmSync(path);
  if (random() < 0.5) writeFileSync(path, 'torn');
  // A file that is gone or another one must be refused at the promote, and the active version goes on.
  const before = model.activeVersion;
  await tolerate(world.promote(victim.version));
  const after = (await world.status()).model.activeVersion;
  const wasLoaded = after === victim.version;
  if (!wasLoaded && after !== before) throw new Error(`lose an artefact: ${after} is active; wanted ${before}`);
  if (wasLoaded) throw new Error(`lose an artefact: version ${victim.version} was promoted without its file`);
  world.forget(victim.version);
  await world.admin.remove({ model: MODEL, version: victim.version }, actor);
}

async function refuseBroken(world: World): Promise<void> {
  const file = brokenFile(world.files);
  const done = await world.admin.register({ model: MODEL, file, version: 'broken' }, actor).catch((error: unknown) => {
    if (!isExpected(error)) throw error;
    return null;
  });
  if (done !== null) throw new Error('register a broken file: it was taken; wanted it refused');
}

export const FAULTS: readonly Fault[] = [
  ...HARM,
  killDuring('a promote', 8, promoteAny),
  killDuring('a rollback', 8, rollBack),
  killDuring('a registration', 8, (world) => world.register(true).then(() => undefined)),
  { name: 'kill -9 during a start', weight: 6, kills: 2, run: (world, random) =>
    world.killWhileStarting(random() * START_MS_MAX) },
  { name: 'SIGTERM under load', weight: 1, kills: 0, run: (world) => world.restartGently() },
  { name: 'promote', weight: 4, kills: 0, run: promoteAny },
  { name: 'rollback', weight: 4, kills: 0, run: (world) => tolerate(rollBack(world)) },
  { name: 'register', weight: 2, kills: 0, run: (world) => registerAndForget(world) },
  { name: 'register a broken file', weight: 1, kills: 0, run: refuseBroken },
  { name: 'lose or tear an artefact', weight: 1, kills: 0, run: loseArtifact },
  { name: 'flood of requests', weight: 1, kills: 0, run: flood },
  { name: 'idle and half-open connections', weight: 1, kills: 0, run: idleConnections },
];
