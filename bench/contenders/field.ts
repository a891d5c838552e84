// Sets up the contenders of one workload: starts their servers, checks that each answers, and names what is missing.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../../src/base/package-root.ts';
import { SocketClient } from '../load/socket-client.ts';
import type { Settings } from '../settings.ts';
import { MODEL, floatPayload, oipBinaryRequest, oipJsonRequest, predictRequest } from '../workloads.ts';
import type { RequestText, Workload } from '../workloads.ts';
import { ServerChild } from './child.ts';
import type { Contender, Field } from './contender.ts';
import { startLastgood, writeModel } from './lastgood.ts';
import { otherContender } from './other-server.ts';

const HOST = '127.0.0.1';
const CEILING_SERVER = fileURLToPath(new URL('./ceiling-server.js', import.meta.url));
const PEERS = join(packageRoot(), 'bench/peers');
const PEER_FILES = { 'fastify + onnxruntime': 'fastify-ort.mjs', 'fastify + piscina': 'fastify-piscina.mjs' };

/** Names that goals and charts refer to. */
export const Name = {
  ceiling: 'ceiling', json: 'lastgood /predict', oipJson: 'lastgood OIP json', oipBinary: 'lastgood OIP binary',
  floats: 'lastgood f32', fastify: 'fastify + onnxruntime', piscina: 'fastify + piscina',
} as const;

export interface FieldOptions {
  readonly workload: Workload;
  readonly folder: string;
  readonly settings: Settings;
  /** Only these of the bench's own contenders. */
  readonly names: readonly string[];
  readonly lastgoodArgs?: readonly string[];
}

/** The WebSocket's address and the payload of its frames. */
export function floatRequest(workload: Workload): RequestText {
  return { path: `/ws?model=${MODEL}`, headers: {}, body: floatPayload(workload) };
}

/** A lastgood server that is asked for /predict. */
export function predictContender({ port, pid }: ServerChild, workload: Workload): Contender {
  return {
    name: Name.json, transport: 'http', host: HOST, port, pid, rows: workload.rows, request: predictRequest(workload),
  };
}

/** Sends a request once and returns the length of its answer; throws when it is not answered with 200. */
export async function probe({ name, host, port, request }: Contender): Promise<number> {
  const { path, headers, body } = request;
  const answer = await fetch(`http://${host}:${port}${path}`, { method: 'POST', headers: { ...headers }, body });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (answer.ok) return bytes.length;
  throw new Error(`ask ${name} once: it answered ${answer.status}: ${bytes.toString().slice(0, 300)}`);
}

async function speaksFloats({ host, port, request }: Contender): Promise<boolean> {
  try {
    const client = await SocketClient.open(host, port, request.path, request.body, 1, () => undefined);
    client.end();
    return true;
  } catch {
    return false;
  }
}

/** Starts everything that `names` asks for. */
export async function openField(options: FieldOptions): Promise<Field> {
  const { workload, folder, settings, names, lastgoodArgs } = options;
  const { cpus, withPeers, others } = settings;
  const file = writeModel(folder, workload);
  const servers: ServerChild[] = [];
  const contenders: Contender[] = [];
  const notes: string[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  const start = async (server: Promise<ServerChild>): Promise<ServerChild> => {
    servers.push(await server);
    return server;
  };
  const { rows } = workload;
  const http = (name: string, { port, pid }: ServerChild, request: RequestText): Contender =>
    ({ name, transport: 'http', host: HOST, port, request, pid, rows });
  try {
    const lastgood = await start(
      startLastgood({ folder, file, cpus: cpus.server, ...(lastgoodArgs && { args: lastgoodArgs }) }));
    const json = http(Name.json, lastgood, predictRequest(workload));
    const answerBytes = await probe(json);
    if (names.includes(Name.ceiling)) {
      const args = [CEILING_SERVER, String(answerBytes)];
      const ceiling = await start(ServerChild.start({ command: process.execPath, args, cpus: cpus.server }));
      contenders.push(http(Name.ceiling, ceiling, predictRequest(workload)));
    }
    const own: Contender[] = [
      json,
      http(Name.oipJson, lastgood, oipJsonRequest(workload)),
      http(Name.oipBinary, lastgood, oipBinaryRequest(workload)),
      { ...http(Name.floats, lastgood, floatRequest(workload)), transport: 'f32' },
    ];
    contenders.push(...own.filter(({ name }) => names.includes(name)));
    for (const [name, script] of Object.entries(PEER_FILES)) {
      if (!names.includes(name) || !withPeers) continue;
      if (!existsSync(join(PEERS, 'node_modules'))) {
        notes.push(`${name} is missing: npm ci --prefix bench/peers`);
        continue;
      }
      const args = [join(PEERS, script), file];
      const peer = await start(ServerChild.start({ command: process.execPath, args, cpus: cpus.server }));
      contenders.push(http(name, peer, predictRequest(workload)));
    }
    contenders.push(...others.map((other) => otherContender(other, workload)));
    for (const contender of [...contenders]) {
      if (contender.transport === 'http') await probe(contender);
      else if (!(await speaksFloats(contender))) {
        notes.push(`${contender.name} is missing: this build does not speak it`);
        contenders.splice(contenders.indexOf(contender), 1);
      }
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { contenders, servers, notes, stop };
}
