// The server under chaos and everything it has acknowledged. Kills it, starts it again on the same port and directory,
// and holds what it says after that against what it had promised before.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAdmin } from '../../src/admin/client.ts';
import type { AdminClient } from '../../src/admin/client.ts';
import type { ModelStatus } from '../../src/admin/answers.ts';
import { isLastgoodError } from '../../src/base/errors.ts';
import { allowWrites, refuseWrites } from '../support/disk.ts';
import { Server } from '../support/binary.ts';
import { http } from '../support/http.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { MODEL, POISON, versionFile } from './model.ts';
import type { Kind } from './model.ts';

/** Judging is not what is tried here, and a rollback of the judge's own would only blur the ledger. */
const SERVE_FLAGS = ['--judge-mode', 'observe', '--log-level', 'warn', '--no-supervisor', '--drain-ms', '60000'];
const START_ATTEMPTS_MAX = 3;
const PORTS_FROM = 12_000;
const PORTS = 8_000;
const CONNECT_MS_MAX = 5_000;
const HISTORY_LIMIT = 10_000;
const KIB = 1_024;
const LOG_CHARS = 1_500;

const actor = { by: 'chaos' };

/** A change that the server said was done. */
interface Acknowledged {
  readonly kind: 'promote' | 'rollback' | 'register';
  readonly version: string;
  /** 0 for a registration. */
  readonly generation: number;
}

export class World {
  readonly #flags: readonly string[];
  readonly dataDir = temporaryDirectory();
  readonly files = temporaryDirectory();
  #acknowledged: Acknowledged[] = [];
  /** Changes that the server said were done, forgotten ones included. */
  acknowledgedCount = 0;
  kills = 0;
  /** From the kill to the ready line of the next start, in ms. */
  readonly restartMs: number[] = [];
  #server: Server | null = null;
  #admin: AdminClient | null = null;
  #port = 0;
  #isDown = true;
  #downMs = -1;
  #upMs = -1;
  #versions = 0;
  #lastLog = '';

  /** A run that takes longer than `hungMs` hangs. */
  constructor(hungMs: number) {
    this.#flags = [...SERVE_FLAGS, '--hung-ms', String(hungMs)];
  }

  #goDown(): void {
    this.#isDown = true;
    this.#downMs = performance.now();
  }

  #acknowledge(change: Acknowledged): void {
    this.#acknowledged.push(change);
    this.acknowledgedCount += 1;
  }

  /** The version will be removed: it need not be there from now on. */
  forget(version: string): void {
    this.#acknowledged = this.#acknowledged.filter((one) => one.kind !== 'register' || one.version !== version);
  }

  get port(): number {
    return this.#port;
  }

  /** The last lines of the server's log and of the one before it. */
  get log(): string {
    return `${this.#lastLog.slice(-LOG_CHARS)} // ${this.#server?.log.slice(-LOG_CHARS) ?? ''}`;
  }

  get admin(): AdminClient {
    if (this.#admin === null) throw new Error('ask the server: it is down; wanted it up');
    return this.#admin;
  }

  /** Whether the server was down at any time since `sinceMs`. */
  wasDownSince(sinceMs: number): boolean {
    return this.#isDown || this.#upMs >= sinceMs;
  }

  /** Starts it with two good versions, the second active. */
  async begin(): Promise<void> {
    this.#port = await freePort();
    await this.start();
    await this.register(true);
    await this.admin.confirm({ model: MODEL }, actor);
    await this.register(true);
  }

  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.#server = await Server.start(this.dataDir, ['--listen', `127.0.0.1:${this.#port}`, ...this.#flags]);
        break;
      } catch (error) {
        if (attempt === START_ATTEMPTS_MAX) throw error;
        // A socket of the killed process may still be closing.
        await sleep(100);
      }
    }
    this.#port = this.#server.port;
    this.#upMs = performance.now();
    this.#isDown = false;
    const endMs = this.#upMs + CONNECT_MS_MAX;
    while (this.#admin === null) {
      this.#admin = await connectAdmin(this.dataDir);
      if (performance.now() > endMs) throw new Error(`connect to the admin socket: nobody after ${CONNECT_MS_MAX} ms`);
    }
  }

  /** Sends SIGKILL, whatever is going on, and starts it again; what was acknowledged must be there. */
  async killAndRestart(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.kills += 1;
    this.#goDown();
    server.process.kill('SIGKILL');
    await server.exit;
    this.#server = null;
    this.#admin = null;
    await this.start();
    this.restartMs.push(performance.now() - this.#downMs);
    await this.check();
  }

  /**
   * Sends a row that the active version cannot bear, waits for the end of the process and starts it again; returns the
   * signal that ended it. What was acknowledged must be there.
   */
  async poison(): Promise<NodeJS.Signals | null> {
    const server = this.#server;
    if (server === null) return null;
    this.#goDown();
    const [, ended] = await Promise.all([
      http(this.#port, '/predict', { body: POISON, headers: { 'content-type': 'application/json' } })
        .catch(() => null),
      server.exit,
    ]);
    assert.notEqual(ended, 0, 'the process ended by itself');
    this.#lastLog = server.log;
    this.#server = null;
    this.#admin = null;
    await this.start();
    this.restartMs.push(performance.now() - this.#downMs);
    await this.check();
    return server.process.signalCode;
  }

  /** As if the disk were full from now on, or not any more. */
  fillDisk(isFull: boolean): void {
    const pid = this.#server?.pid ?? 0;
    if (isFull) refuseWrites(pid);
    else allowWrites(pid);
  }

  /** Kills it, lets `damage` do something to the data directory meanwhile, and starts it again. */
  async killAndDamage(damage: () => void): Promise<void> {
    const server = this.#server;
    this.#goDown();
    this.kills += 1;
    server?.process.kill('SIGKILL');
    await server?.exit;
    this.#server = null;
    this.#admin = null;
    damage();
    await this.start();
    await this.check();
  }

  /** Starts a server and kills it after `afterMs`, in the middle of its start or not. */
  async killWhileStarting(afterMs: number): Promise<void> {
    const server = this.#server;
    this.#goDown();
    server?.process.kill('SIGKILL');
    await server?.exit;
    this.#server = null;
    this.#admin = null;
    this.kills += 2;
    await Server.killStarting(this.dataDir, afterMs);
    await this.start();
    await this.check();
  }

  /** Ends it by SIGTERM, which must answer everything and exit with 0, and starts it again. */
  async restartGently(): Promise<void> {
    this.#goDown();
    const server = this.#server;
    const code = await server?.stop();
    const how = `SIGTERM ends with 0, not ${server?.process.signalCode ?? code}: ${server?.log.slice(-2_000)}`;
    assert.equal(code, 0, how);
    this.#server = null;
    this.#admin = null;
    await this.start();
    await this.check();
  }

  async register(promote: boolean, kind: Kind = 'good'): Promise<string> {
    const number = (this.#versions += 1);
    const version = String(number);
    const file = versionFile(this.files, number, kind);
    const { activation } = await this.admin.register({ model: MODEL, file, version, promote }, actor);
    this.#acknowledge({ kind: 'register', version, generation: 0 });
    if (activation !== null) {
      this.#acknowledge({ kind: 'promote', version, generation: activation.generation });
    }
    return version;
  }

  async promote(version: string): Promise<void> {
    const { generation } = await this.admin.promote({ model: MODEL, version }, actor);
    this.#acknowledge({ kind: 'promote', version, generation });
  }

  async rollback(): Promise<void> {
    const { rolledBackTo, generation, stored } = await this.admin.rollback({ model: MODEL, reason: 'chaos' }, actor);
    // A disk that took too long has it in memory only, and the answer says so: that is no promise to keep it.
    if (stored) this.#acknowledge({ kind: 'rollback', version: rolledBackTo, generation });
  }

  async status(): Promise<ModelStatus> {
    const { models } = await this.admin.status({ model: MODEL });
    const [model] = models;
    assert.ok(model, 'the model is there');
    return model;
  }

  /** Everything acknowledged is in the history, generations never repeat, and what is active can answer. */
  async check(): Promise<void> {
    const { model, versions } = await this.status();
    const history = await this.admin.history({ model: MODEL, limit: HISTORY_LIMIT });
    const told = new Set(history.map(({ kind, to, generation }) => `${kind} ${to} ${generation}`));
    const registered = new Set(versions.map(({ version }) => version));
    for (const { kind, version, generation } of this.#acknowledged) {
      if (kind === 'register') assert.ok(registered.has(version), `version ${version} was acknowledged and is gone`);
      else assert.ok(told.has(`${kind} ${version} ${generation}`), `${kind} ${generation} of ${version} is gone`);
    }
    const activations = history.filter(({ kind }) => kind === 'promote' || kind === 'rollback');
    const generations = activations.map(({ generation }) => generation);
    assert.equal(new Set(generations).size, generations.length, 'no generation was given out twice');
    assert.equal(model.generation, Math.max(...generations), 'the newest generation is the active one');
    const active = versions.find(({ version }) => version === model.activeVersion);
    assert.ok(active !== undefined && active.health !== 'unhealthy', 'the active version is a healthy one');
  }

  /** Resident memory of the server in KiB. */
  async residentKib(): Promise<number> {
    return Math.round(((await this.admin.status({})).residentBytes ?? 0) / KIB);
  }

  async end(): Promise<number | null> {
    const server = this.#server;
    this.#goDown();
    this.#server = null;
    return (await server?.stop()) ?? null;
  }
}

// Below the ports that the system gives to connecting sockets: a client that connects to a dead port among those may
// be given that very port, be connected to itself, and keep the server from listening again.
async function freePort(): Promise<number> {
  for (let port = PORTS_FROM + (process.pid % PORTS); ; port += 1) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    server.close();
    if (isFree) return port;
  }
}

/** A change that a dying server did not acknowledge, or that it refused for a reason, is no fault. */
export function isExpected(error: unknown): boolean {
  return isLastgoodError(error) && error.code !== 'INTERNAL';
}
