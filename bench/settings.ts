// What `npm run bench -- …` was asked for: which parts, how large, against which other servers, on which CPUs.
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';

export const PARTS = [
  'throughput', 'latency', 'websocket', 'compute', 'judge', 'pairs', 'scrape', 'rollout', 'swaps', 'overload', 'json',
  'idle', 'page', 'fair', 'restart', 'stacking', 'micro',
] as const;
export type PartName = (typeof PARTS)[number];

/** How much is measured. */
export interface Size {
  readonly rounds: number;
  /** Seconds of load in one turn. */
  readonly seconds: number;
  /** Seconds of load before the first round, for each contender. */
  readonly warmSeconds: number;
  readonly connections: readonly number[];
  /** The same for the other models. */
  readonly otherConnections: readonly number[];
  /** Only the tiny model. */
  readonly tinyOnly: boolean;
  /** Connections of the open loop. */
  readonly openConnections: number;
  /** Pairs of a promote and a rollback under load. */
  readonly rollouts: number;
  readonly swaps: number;
  readonly idleSeconds: number;
  /** Engines that are killed and started again. */
  readonly restarts: number;
  readonly microMs: number;
  /** Rounds of the part that looks for a few percent. */
  readonly pairRounds: number;
}

const FULL: Size = {
  rounds: 5, seconds: 1, warmSeconds: 0.5, connections: [1, 16, 64, 256], otherConnections: [64],
  tinyOnly: false, openConnections: 64,
  rollouts: 8, swaps: 500, idleSeconds: 7, restarts: 8, microMs: 150, pairRounds: 20,
};
const SMALLEST: Size = {
  rounds: 1, seconds: 0.1, warmSeconds: 0.05, connections: [4], otherConnections: [4],
  tinyOnly: true, openConnections: 4,
  rollouts: 1, swaps: 2, idleSeconds: 0.2, restarts: 1, microMs: 2, pairRounds: 1,
};

/** Another HTTP server that takes part; it is running already and is not ours to stop. */
export interface OtherServer {
  readonly name: string;
  readonly url: URL;
  /** The body's template; see other-server.ts. */
  readonly bodyFile: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly pid: number | null;
}

export interface Settings {
  readonly parts: readonly PartName[];
  readonly size: Size;
  /** Where the JSON and the chart go, or null for nowhere. */
  readonly outFolder: string | null;
  readonly others: readonly OtherServer[];
  readonly withPeers: boolean;
  /** One for the load generator, the others for the servers. */
  readonly cpus: Cpus;
  /** For servers that have work for two CPUs or more, under a generator that has little: apart from three CPUs on. */
  readonly wideCpus: Cpus;
}

/** CPUs as taskset writes them; null for all of them. */
export interface Cpus {
  readonly generator: string | null;
  readonly server: string | null;
}

export const HELP = `npm run bench -- [PART…] [options]

Parts: ${PARTS.join(', ')} (all of them without an argument)
  --smallest          the least of everything, to see that it runs
  --rounds N          rounds of A B C A B C … (default ${FULL.rounds}; of pairs ${FULL.pairRounds})
  --connections LIST  of the closed loop (default ${FULL.connections.join(',')})
  --cross             the other models too at each of these, not only at 64 (takes 15 minutes more)
  --tiny              only the tiny model
  --seconds N         seconds of load in one turn (default ${FULL.seconds}; whole ones for wrk)
  --out DIR           where result.json and chart.svg go (default bench/results)
  --no-out            write no files
  --no-peers          leave the servers of bench/peers out
  --no-pin            generator and servers share the CPUs (else: it gets the last one, they the others)
  --server NAME=URL   another HTTP server that is running already; with each one, in the same order:
  --body FILE         its request, where $ROW, $ROWS, $FLAT, $COUNT and $WIDTH stand for the numbers
  --header NAME:TEXT  a header of its request (Content-Type is application/json)
  --pid N             its process, for CPU time (0: unknown)`;

/** Reads the arguments; throws a text for people. */
export function readSettings(args: readonly string[]): Settings | null {
  const { values, positionals } = parseArgs({
    args: [...args], allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h' }, smallest: { type: 'boolean' }, rounds: { type: 'string' },
      connections: { type: 'string' }, tiny: { type: 'boolean' },
      cross: { type: 'boolean' }, seconds: { type: 'string' },
      out: { type: 'string' }, 'no-out': { type: 'boolean' },
      'no-peers': { type: 'boolean' }, 'no-pin': { type: 'boolean' },
      server: { type: 'string', multiple: true }, body: { type: 'string', multiple: true },
      header: { type: 'string', multiple: true }, pid: { type: 'string', multiple: true },
    },
  });
  if (values.help === true) return null;
  const isSmallest = values.smallest === true;
  const base = isSmallest ? SMALLEST : FULL;
  const isPinned = values['no-pin'] !== true;
  const servers = values.server ?? [];
  const connections = counts(values.connections) ?? base.connections;
  return {
    parts: positionals.length === 0 ? PARTS : positionals.map(partName),
    size: {
      ...base,
      tinyOnly: base.tinyOnly || values.tiny === true,
      connections,
      otherConnections: values.cross === true ? connections : base.otherConnections,
      rounds: positive('rounds', values.rounds) ?? base.rounds,
      pairRounds: positive('rounds', values.rounds) ?? base.pairRounds,
      seconds: positive('seconds', values.seconds) ?? base.seconds,
    },
    outFolder: values['no-out'] === true ? null : (values.out ?? (isSmallest ? null : 'bench/results')),
    others: servers.map((text, index) =>
      otherServer(text, values.body?.[index], values.header ?? [], values.pid?.[index])),
    withPeers: values['no-peers'] !== true,
    cpus: apart(isPinned, 2),
    wideCpus: apart(isPinned, 3),
  };
}

function apart(isWanted: boolean, coresMin: number): Cpus {
  const cores = availableParallelism();
  if (!isWanted || cores < coresMin) return { generator: null, server: null };
  return { generator: String(cores - 1), server: cores === 2 ? '0' : `0-${cores - 2}` };
}

function partName(text: string): PartName {
  const name = PARTS.find((part) => part === text);
  if (name === undefined) throw new Error(`there is no part "${text}"; wanted one of ${PARTS.join(', ')}`);
  return name;
}

function counts(list: string | undefined): number[] | undefined {
  return list?.split(',').map((text) => positive('connections', text) ?? 1);
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} is "${text}"; wanted a positive number`);
  return value;
}

function otherServer(
  text: string, bodyFile: string | undefined, headers: readonly string[], pid: string | undefined,
): OtherServer {
  const [, name = '', url = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === '' || bodyFile === undefined) throw new Error('wanted --server NAME=URL with a --body FILE');
  const pairs = headers.map((header) => header.split(/:\s*(.*)/s).slice(0, 2) as [string, string]);
  return {
    name, url: new URL(url), bodyFile, pid: Number(pid ?? 0) || null,
    headers: { 'Content-Type': 'application/json', ...Object.fromEntries(pairs) },
  };
}
