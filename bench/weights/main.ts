// What weights cost in memory: four sessions on each kind of model, as they are and as they are prepared, with and
// without the allocator's threshold; an engine with four workers; thirty swaps. Writes bench/results/memory.json and
// docs/memory.md. Run: npm run build && node dist/bench/weights/main.js
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import '../../src/base/telemetry-off.ts';
import { packageRoot } from '../../src/base/package-root.ts';
import { prepare } from '../../src/worker/session/prepare.ts';
import type { Order } from './child.ts';
import { KINDS, matrices, type Kind } from './models.ts';
import { memoryPage, type MemoryResult, type SessionsResult } from './page.ts';

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));
const THRESHOLD = '1048576';
const THRESHOLDS = ['131072', '33554432'];
const SWAPS = 30;
const PREPARED_FILES = ['weights.bin'];
const folder = mkdtempSync(join(tmpdir(), 'lastgood-weights-'));

function measured(order: Order, threshold: string | null): unknown {
  const env = { ...process.env };
  delete env['MALLOC_MMAP_THRESHOLD_'];
  const stdout = execFileSync(process.execPath, [CHILD, JSON.stringify(order)], {
    encoding: 'utf8', env: { ...env, ...(threshold === null ? {} : { MALLOC_MMAP_THRESHOLD_: threshold }) },
  });
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

const sessions = (order: Order, threshold: string | null): SessionsResult =>
  measured(order, threshold) as SessionsResult;

async function kindOf(kind: Kind, at: number): Promise<MemoryResult['kinds'][number]> {
  const path = join(folder, `${at}.onnx`);
  writeFileSync(path, kind.bytes());
  const dataFiles = kind.weights === undefined ? [] : [kind.weights.name];
  if (kind.weights !== undefined) writeFileSync(join(folder, kind.weights.name), kind.weights.bytes());
  const prepared = join(folder, `prepared-${at}`);
  mkdirSync(prepared);
  const refused = await prepare({ file: { path, kind: 'onnx', dataFiles }, folder: prepared, golden: null })
    .catch((error: unknown) => String(error));
  const order = (isPrepared: boolean): Order => ({
    what: 'sessions', path: isPrepared ? join(prepared, 'model.onnx') : path,
    dataFiles: isPrepared ? PREPARED_FILES : dataFiles, row: kind.row, rowAxis: kind.rowAxis,
  });
  const result = {
    name: kind.name, refused, plain: sessions(order(false), null),
    prepared: refused === null ? sessions(order(true), null) : null,
    withThreshold: refused === null ? sessions(order(true), THRESHOLD) : null,
  };
  if (at > 0) rmSync(path);
  if (at > 0) rmSync(prepared, { recursive: true });
  return result;
}

const kinds: MemoryResult['kinds'] = [];
for (const [at, kind] of KINDS.entries()) kinds.push(await kindOf(kind, at));
const path = join(folder, '0.onnx');
const [first] = KINDS;
const thresholds = THRESHOLDS.map((bytes) => ({
  bytes: Number(bytes),
  ...sessions({ what: 'sessions', path: join(folder, 'prepared-0', 'model.onnx'),
    dataFiles: PREPARED_FILES, row: first!.row, rowAxis: first!.rowAxis }, bytes),
}));
const engine = (name: string, preparedBytesMax: number): MemoryResult['engine']['plain'] =>
  measured({ what: 'engine', dataDir: join(folder, name), path, preparedBytesMax }, THRESHOLD) as
    MemoryResult['engine']['plain'];
const engines = { plain: engine('plain', 0), prepared: engine('shared', 2 ** 33) };
const paths = [2, 3].map((seed) => {
  const file = join(folder, `swap-${seed}.onnx`);
  writeFileSync(file, matrices(2, seed));
  return file;
});
const swaps = measured({ what: 'swaps', dataDir: join(folder, 'swaps'), paths, count: SWAPS }, THRESHOLD) as
  { readonly anonymousMib: readonly number[] };
rmSync(folder, { recursive: true });

const result: MemoryResult = {
  date: new Date().toISOString().slice(0, 10), processor: cpus()[0]?.model ?? '', node: process.version,
  kinds, thresholds, engine: engines, swaps: swaps.anonymousMib,
};
writeFileSync(join(packageRoot(), 'bench', 'results', 'memory.json'), `${JSON.stringify(result, null, 2)}\n`);
writeFileSync(join(packageRoot(), 'docs', 'memory.md'), memoryPage(result));
