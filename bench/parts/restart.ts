// How long clients go without answers when the engine is killed: kill -9 of the engine under its supervisor, to the
// first answer of the next one on the same port; each time the first death of a new supervisor, which does not pause.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAIN, verb, writeModel } from '../contenders/lastgood.ts';
import { median } from '../measure/statistics.ts';
import { MODEL, predictRequest, TINY } from '../workloads.ts';
import { atMost, rounded } from './part.ts';
import type { PartContext, PartResult } from './part.ts';

const STOP_MS = 15_000;
const POLL_MS = 2;

interface Ready {
  readonly port: number;
  readonly pid: number;
}

export async function restart({ settings, folder, progress }: PartContext): Promise<PartResult> {
  const { restarts } = settings.size;
  const dataDir = mkdtempSync(join(folder, 'data-'));
  await verb(['register', MODEL, writeModel(folder, TINY), '--version', '1', '--promote', '--data', dataDir]);
  await verb(['confirm', MODEL, '--data', dataDir]);
  const times: number[] = [];
  for (let number = 1; number <= restarts; number += 1) {
    progress(`restart ${number} of ${restarts}`);
    times.push(await restartOnce(dataDir));
  }
  const [least, most] = [Math.min(...times), Math.max(...times)];
  return {
    name: 'restart',
    tables: [{
      title: `${times.length} times kill -9 of the engine under its supervisor, one tiny model`,
      columns: ['median ms', 'least ms', 'most ms'],
      rows: [[rounded(median(times)), rounded(least), rounded(most)]],
    }],
    goals: [atMost('kill -9 to the first answer again', 1_000, ' ms', median(times))],
    notes: [],
  };
}

async function restartOnce(dataDir: string): Promise<number> {
  const serve = ['serve', '--data', dataDir, '--listen', '127.0.0.1:0', '--json', '--log-level', 'error'];
  const supervisor = spawn(process.execPath, [MAIN, ...serve], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const lines = createInterface({ input: supervisor.stdout })[Symbol.asyncIterator]();
    const { pid, port } = await nextReady(lines);
    await firstAnswer(port);
    const beginMs = performance.now();
    process.kill(pid, 'SIGKILL');
    await nextReady(lines);
    await firstAnswer(port);
    return performance.now() - beginMs;
  } finally {
    await stop(supervisor);
  }
}

async function nextReady(lines: AsyncIterator<string>): Promise<Ready> {
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
    if (line.value.startsWith('{')) return JSON.parse(line.value) as Ready;
  }
  throw new Error('restart: the supervisor has ended');
}

async function firstAnswer(port: number): Promise<void> {
  const { path, body, headers } = predictRequest(TINY);
  for (;;) {
    const request = { method: 'POST', body, headers: { ...headers } };
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, request).catch(() => null);
    if (answer?.status === 200) return;
    await sleep(POLL_MS);
  }
}

async function stop(supervisor: ChildProcess): Promise<void> {
  if (supervisor.exitCode !== null || supervisor.signalCode !== null) return;
  supervisor.kill('SIGTERM');
  const timer = setTimeout(() => supervisor.kill('SIGKILL'), STOP_MS);
  await once(supervisor, 'exit');
  clearTimeout(timer);
}
