#!/usr/bin/env node
// Runs every compiled `*.test.js` below dist/test with Node's own runner (whose directory and glob arguments
// differ between Node 20 and 22). Arguments are substrings that select files: `node dist/scripts/run-tests.js tidy`;
// `--pure` leaves only those that open no port, process, thread or addon.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Transform } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { packageRoot } from '../src/base/package-root.ts';
import { pureTests } from './pure-tests.ts';

// Test files start engines and child processes of their own; more than two at once only adds noise.
const FILES_AT_ONCE_MAX = 2;
const FILE_TIMEOUT_MS = 300_000;
const SLOWEST_SHOWN = 25;

const testRoot = fileURLToPath(new URL('../test/', import.meta.url));
const onlyPure = process.argv.includes('--pure');
const wanted = process.argv.slice(2).filter((argument) => argument !== '--pure');
// What an earlier build left of a test that has been moved or removed since is no test.
const hasSource = (name: string): boolean =>
  existsSync(join(packageRoot(), 'test', name.replace(/\.js$/, '.ts')));
const found = readdirSync(testRoot, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.js') && hasSource(name))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .sort()
  .map((name) => join(testRoot, name));
const files = onlyPure ? pureTests(found) : found;

if (files.length === 0) {
  console.error(`run-tests: no test file matches ${wanted.join(', ')}: look below test/`);
  process.exit(2);
}

let failed = 0;
let passed = 0;
const seconds: [seconds: number, file: string][] = [];
const stream = run({ files, concurrency: FILES_AT_ONCE_MAX, timeout: FILE_TIMEOUT_MS });
stream.on('test:fail', () => (failed += 1));
stream.on('test:pass', () => (passed += 1));
// A file as a whole goes by its path.
stream.on('test:complete', ({ name, details }) => {
  if (files.includes(name)) seconds.push([Math.round(details.duration_ms / 1e3), name.slice(testRoot.length)]);
});
stream.on('end', () => {
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
});
const report: Transform = new spec();
stream.pipe(report).pipe(process.stdout);
report.on('end', () => {
  const slowest = seconds.sort(([one], [other]) => other - one).slice(0, SLOWEST_SHOWN);
  console.log(`slowest files, in seconds: ${slowest.map(([took, file]) => `${took} ${file}`).join(', ')}`);
});
