// Chooses faults by a seed and carries them out one after the other while clients ask without a pause; at the end every
// request must have exactly one outcome, and everything acknowledged must be there.
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../../src/base/errors.ts';
import { randomOf } from '../shared-memory/seeded.ts';
import { Clients } from './clients.ts';
import { FAULTS } from './faults.ts';
import type { Fault } from './faults.ts';
import { Ledger } from './ledger.ts';
import type { Counts } from './ledger.ts';
import { SocketClients } from './socket-clients.ts';
import { World } from './world.ts';

const RSS_SAMPLES_MAX = 400;
const CLIENTS = 8;
const SOCKETS = 2;

export interface ChaosOptions {
  readonly seed: number;
  /** Chaos goes on until so many kills are done, or so much time has passed. */
  readonly kills: number;
  readonly killsMsMax?: number;
  /** After that, a swap a second without any fault for so long. */
  readonly soakMs: number;
  /** A run that takes longer hangs; on a busy machine an innocent one may take seconds. */
  readonly hungMs: number;
  readonly onProgress?: (line: string) => void;
}

export interface ChaosReport {
  readonly seed: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly kills: number;
  readonly acknowledged: number;
  readonly requests: Readonly<Counts>;
  readonly offences: readonly string[];
  readonly restartMsMedian: number;
  readonly restartMsMax: number;
  readonly soakMs: number;
  readonly soakSwaps: number;
  /** Resident KiB of the server through the soak. */
  readonly residentKib: readonly number[];
  readonly versionsThatAnswered: number;
  readonly exitCode: number | null;
  readonly tookMs: number;
}

/** Runs it all; rejects when the server says something else than it had promised. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const startedMs = performance.now();
  const random = randomOf(options.seed);
  const world = new World(options.hungMs);
  await world.begin();
  const ledger = new Ledger((sentMs) => world.wasDownSince(sentMs));
  const clients = [new Clients(world.port, CLIENTS, ledger), new SocketClients(world.port, SOCKETS, ledger)];
  const stopClients = (): Promise<unknown> => Promise.all(clients.map((crowd) => crowd.stop()));
  const faults: Record<string, number> = {};
  try {
    for (const fault of schedule(random)) {
      if (world.kills >= options.kills || performance.now() - startedMs > (options.killsMsMax ?? Infinity)) break;
      faults[fault.name] = (faults[fault.name] ?? 0) + 1;
      try {
        await fault.run(world, random);
      } catch (error) {
        // The end of this run, but what it has found until here is worth a report.
        ledger.offences.push(`fault "${fault.name}", seed ${options.seed}: ${reasonOf(error)}; log: ${world.log}`);
        break;
      }
      options.onProgress?.(`${world.kills} of ${options.kills} kills, ${ledger.counts.answered} answers`);
    }
    const soak = await soakFor(world, options, random, ledger);
    await world.check().catch((error: unknown) => ledger.offences.push(`at the end: ${reasonOf(error)}`));
    await stopClients();
    const exitCode = await world.end();
    const restarts = [...world.restartMs].sort((a, b) => a - b);
    return {
      seed: options.seed, faults, kills: world.kills, acknowledged: world.acknowledgedCount, requests: ledger.counts,
      offences: ledger.offences, restartMsMedian: Math.round(restarts[restarts.length >> 1] ?? 0),
      restartMsMax: Math.round(restarts.at(-1) ?? 0),
      soakMs: options.soakMs, soakSwaps: soak.swaps, residentKib: soak.residentKib,
      versionsThatAnswered: ledger.answersByVersion.size, exitCode, tookMs: Math.round(performance.now() - startedMs),
    };
  } finally {
    await stopClients();
    await world.end();
  }
}

/** Every fault once in an order of chance, then by weight without an end. */
function* schedule(random: () => number): Generator<Fault> {
  const rest = [...FAULTS];
  while (rest.length > 0) yield rest.splice(Math.floor(random() * rest.length), 1)[0]!;
  const total = FAULTS.reduce((sum, { weight }) => sum + weight, 0);
  for (;;) {
    let at = random() * total;
    yield FAULTS.find(({ weight }) => (at -= weight) < 0) ?? FAULTS[0]!;
  }
}

interface Soak {
  readonly swaps: number;
  readonly residentKib: readonly number[];
}

async function soakFor(
  world: World, options: ChaosOptions, random: () => number, { offences }: Ledger,
): Promise<Soak> {
  const residentKib: number[] = [];
  const swap = FAULTS.filter(({ name }) => name === 'promote' || name === 'rollback');
  const everyMs = Math.max(1_000, options.soakMs / RSS_SAMPLES_MAX);
  const startedMs = performance.now();
  let swaps = 0;
  for (let sampledMs = -Infinity; performance.now() - startedMs < options.soakMs; swaps += 1) {
    try {
      await swap[swaps % swap.length]!.run(world, random);
    } catch (error) {
      offences.push(`soak, after ${swaps} swaps: ${reasonOf(error)}; log: ${world.log}`);
      break;
    }
    if (performance.now() - sampledMs >= everyMs) {
      sampledMs = performance.now();
      residentKib.push(await world.residentKib());
      options.onProgress?.(`soak: ${swaps + 1} swaps, ${Math.round((sampledMs - startedMs) / 1e3)} s`);
    }
    await sleep(Math.max(0, startedMs + (swaps + 1) * 1_000 - performance.now()));
  }
  return { swaps, residentKib };
}
