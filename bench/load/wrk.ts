// Closed-loop HTTP load by wrk (one thread), where it is installed.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from '../contenders/contender.ts';
import { GENERATOR_BUSY_SHARE } from './result.ts';
import type { LoadResult } from './result.ts';

const TICKS_PER_SECOND = 100;
/** wrk's own report comes from a function of its script, so that no text for people is parsed. */
const REPORT = `
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT %d %d %d %d %d %d %d\\n', summary.duration, summary.requests,
    e.connect + e.read + e.write + e.timeout, e.status,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
`;

/** The version line of wrk, or null when it is not installed. */
export function wrkVersion(): string | null {
  const { error, stdout } = spawnSync('wrk', ['-v'], { encoding: 'utf8' });
  return error === undefined ? (/wrk [^ ]+/.exec(stdout)?.[0] ?? 'wrk') : null;
}

/** CPU seconds of all child processes of this one that have ended. */
function endedChildrenCpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/** Keeps one request in flight on each of `connections` for `seconds`. */
export async function runWrk(
  contender: Contender, connections: number, seconds: number, folder: string, cpus: string | null,
): Promise<LoadResult> {
  const { host, port, request } = contender;
  const body = join(folder, 'body');
  const script = join(folder, 'request.lua');
  const headers = Object.entries(request.headers)
    .map(([name, value]) => `wrk.headers[${quoted(name)}]=${quoted(value)}`);
  writeFileSync(body, request.body);
  writeFileSync(script, [
    'wrk.method="POST"', ...headers, `local f=io.open(${quoted(body)},"rb")`, 'wrk.body=f:read("*a")', REPORT,
  ].join('\n'));
  const url = `http://${host}:${port}${request.path}`;
  const wrk = ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '-s', script, url];
  const [command = '', ...args] = cpus === null ? wrk : ['taskset', '-c', cpus, ...wrk];
  const before = endedChildrenCpuSeconds();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  await once(child, 'close');
  const found = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(output);
  if (found === null) throw new Error(`run wrk: no result in ${output}`);
  const [durationUs = 0, requests = 0, broken = 0, refused = 0, p50Us = 0, p99Us = 0, p999Us = 0] =
    found.slice(1).map(Number);
  const generatorCpuSeconds = endedChildrenCpuSeconds() - before;
  const ranSeconds = durationUs / 1e6;
  const answered = requests - refused;
  return {
    seconds: ranSeconds, answered, allAnswered: answered, failed: broken + refused, p50Us, p99Us, p999Us,
    generatorCpuSeconds, isGeneratorBound: generatorCpuSeconds > ranSeconds * GENERATOR_BUSY_SHARE,
  };
}

const quoted = (text: string): string => JSON.stringify(text);
