// Where a result comes from: the machine, the versions, the commit.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import { join } from 'node:path';
import { wrkVersion } from '../load/wrk.ts';
import { packageRoot } from '../../src/base/package-root.ts';
import type { Cpus } from '../settings.ts';

export interface Origin {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly glibc: string | null;
  readonly node: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly generator: string;
  /** The commit that was measured, with a plus when files had been changed since. */
  readonly commit: string;
  readonly command: string;
  readonly startedAt: string;
  /** Where the load generator and the servers ran. */
  readonly cpus: Cpus;
}

const PACKAGES = ['onnxruntime-node', 'piscina', 'uWebSockets.js'];

function git(...args: string[]): string | null {
  try {
    // Without a repository git complains on stderr, and the commit is simply unknown.
    const found = execFileSync('git', args, { cwd: packageRoot(), stdio: ['ignore', 'pipe', 'ignore'] });
    return found.toString().trim();
  } catch {
    return null;
  }
}

function commit(): string {
  const hash = git('rev-parse', '--short', 'HEAD');
  if (hash === null) return 'unknown';
  return git('status', '--porcelain') === '' ? hash : `${hash}+`;
}

function installedVersion(name: string, folder: string): string {
  try {
    const file = createRequire(join(folder, 'package.json')).resolve(`${name}/package.json`);
    return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
  } catch {
    return 'not installed';
  }
}

/** Describes this machine and this checkout; `args` is what `npm run bench --` was given. */
export function describeOrigin(args: readonly string[], startedAt: Date, cpus: Cpus): Origin {
  const root = packageRoot();
  const report = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
  const versions = Object.fromEntries(PACKAGES.map((name) => [name, installedVersion(name, root)]));
  return {
    processor: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGib: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.platform()} ${os.release()} ${os.arch()}`,
    glibc: report.header?.glibcVersionRuntime ?? null,
    node: process.version,
    versions: { ...versions, fastify: installedVersion('fastify', join(root, 'bench/peers')) },
    generator: wrkVersion() ?? 'bundled generator',
    commit: commit(),
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    startedAt: startedAt.toISOString(),
    cpus,
  };
}
