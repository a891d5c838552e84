#!/usr/bin/env node
// `npm run clients`: the official clients against the real server, as they come from PyPI. What cannot be had here
// (no Python, no network) is skipped and said so; what runs and fails ends with exit code 1.
import { join } from 'node:path';
import { packageRoot } from '../src/base/package-root.ts';
import { run } from './clients/commands.ts';
import { preparePerfAnalyzer, readSweep } from './clients/perf-analyzer.ts';
import { NotAtHand, preparePython } from './clients/python.ts';
import { modelFile, serveModels } from './clients/served.ts';

const FOLDER = join(packageRoot(), 'scripts', 'clients');
const CHECK_SECONDS_MAX = 120;
const CONCURRENCIES = [1, 2, 3];
/** A window ends when so many requests are answered, and no window is thrown away because the machine is busy. */
const SWEEP = ['--concurrency-range', '1:3:1', '--measurement-mode', 'count_windows',
  '--measurement-request-count', '200', '--stability-percentage', '1000', '--max-trials', '3'];

/** Runs one part; returns whether it may count as passed. */
function part(name: string, act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof NotAtHand) {
      console.log(`clients: ${name} was skipped: ${error.message}`);
      return true;
    }
    console.log(`clients: ${name} FAILED: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

function runPython(python: string, script: string, args: readonly string[]): void {
  const { isDone, output } = run(python, [join(FOLDER, script), ...args], CHECK_SECONDS_MAX);
  process.stdout.write(output);
  if (!isDone) throw new Error(`${script} did not pass`);
}

function sweep(python: string, address: string): void {
  const perfAnalyzer = preparePerfAnalyzer(python);
  for (const batch of ['1', '8']) {
    const args = ['-m', 'simple', '-u', address, '-b', batch, ...SWEEP];
    const { isDone, output } = perfAnalyzer.run(args, CHECK_SECONDS_MAX);
    const lines = readSweep(output);
    const asked = lines.map(({ concurrency }) => concurrency);
    const isWhole = String(asked) === String(CONCURRENCIES) && lines.every((line) => line.infersPerSecond > 0);
    // Its own view of the server comes from the statistics extension.
    if (isDone && isWhole && output.includes('Successful request count: ')) {
      console.log(`perf_analyzer, batch size ${batch}:`);
      for (const { text } of lines) console.log(`  ${text}`);
      continue;
    }
    throw new Error(`its sweep is not whole:\n${output}`);
  }
}

async function main(): Promise<void> {
  const startMs = performance.now();
  let python = '';
  const file = join(FOLDER, 'requirements.txt');
  if (!part('everything', () => (python = preparePython(file)))) process.exitCode = 1;
  if (python === '') return;
  const served = await serveModels();
  try {
    const { address } = served;
    const passed = [
      part('tritonclient', () => runPython(python, 'tritonclient_check.py', [address, modelFile('identity_FP32')])),
      part('perf_analyzer', () => sweep(python, address)),
      part('prometheus-client and openapi-spec-validator', () => runPython(python, 'documents_check.py', [address])),
    ];
    if (passed.includes(false)) process.exitCode = 1;
  } finally {
    await served.stop();
    console.log(`clients: done in ${Math.round((performance.now() - startMs) / 1e3)} s`);
  }
}

await main();
