// Triton's perf_analyzer: fetched from PyPI, and, where the system's C library is older than the one it was built for,
// started with the libraries of Debian 13 from packages that are unpacked beside it. The program itself is as it comes.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLine, run } from './commands.ts';
import type { Finished } from './commands.ts';
import { cacheFolder, filled, NotAtHand, PIP } from './python.ts';

const WHEEL = 'perf-analyzer==2.60.0';
const PLATFORM = 'manylinux_2_38_x86_64';
const LIBRARIES = ['libc6', 'libstdc++6', 'libgcc-s1', 'libssl3t64', 'zlib1g', 'libzstd1'];
const SUITE = 'trixie';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const FETCH_SECONDS_MAX = 120;
const PROBE_SECONDS_MAX = 30;

/** One line of its table. */
export interface SweepLine {
  readonly concurrency: number;
  readonly infersPerSecond: number;
  readonly latencyUs: number;
  /** As it was printed. */
  readonly text: string;
}

export interface PerfAnalyzer {
  run(args: readonly string[], secondsMax: number): Finished;
}

/** Fetches it with the pip of `python`; throws NotAtHand. */
export function preparePerfAnalyzer(python: string): PerfAnalyzer {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new NotAtHand(`perf_analyzer is published for Linux on x64; here is ${process.platform} ${process.arch}`);
  }
  const folder = filled(cacheFolder('perf-analyzer', WHEEL + PLATFORM), () => fetchProgram(python));
  const program = join(folder, 'perf_analyzer', 'bin', 'perf_analyzer');
  if (run(program, ['--version'], PROBE_SECONDS_MAX).isDone) {
    return { run: (args, secondsMax) => run(program, args, secondsMax) };
  }
  const libraries = filled(cacheFolder('perf-libraries', SUITE + LIBRARIES.join()), fetchLibraries);
  const root = join(libraries, 'root', 'usr');
  const loader = join(root, 'lib64', 'ld-linux-x86-64.so.2');
  const before = ['--library-path', join(root, 'lib', 'x86_64-linux-gnu'), program];
  const probe = run(loader, [...before, '--version'], PROBE_SECONDS_MAX);
  if (!probe.isDone) throw new NotAtHand(`perf_analyzer does not start: ${lastLine(probe.output)}`);
  return { run: (args, secondsMax) => run(loader, [...before, ...args], secondsMax) };
}

function fetchProgram(python: string): void {
  const folder = cacheFolder('perf-analyzer', WHEEL + PLATFORM);
  const wanted = ['download', '--no-deps', '--only-binary', ':all:', '--platform', PLATFORM, '--dest', folder, WHEEL];
  const fetched = run(python, [...PIP, ...wanted], FETCH_SECONDS_MAX);
  if (!fetched.isDone) throw new NotAtHand(`pip could not fetch ${WHEEL}: ${lastLine(fetched.output)}`);
  const unpack = 'import glob, sys, zipfile\n'
    + 'zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0]).extractall(sys.argv[1])';
  const unpacked = run(python, ['-c', unpack, folder], FETCH_SECONDS_MAX);
  if (!unpacked.isDone) throw new NotAtHand(`${WHEEL} could not be unpacked: ${lastLine(unpacked.output)}`);
  chmodSync(join(folder, 'perf_analyzer', 'bin', 'perf_analyzer'), 0o755);
}

// With lists, cache and sources of its own: what the system has installed is neither read nor changed.
function fetchLibraries(): void {
  const folder = cacheFolder('perf-libraries', SUITE + LIBRARIES.join());
  for (const name of ['sources', 'lists/partial', 'cache/archives/partial', 'packages']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  const source = [
    'Types: deb', `URIs: ${debianMirror()}`, `Suites: ${SUITE}`, 'Components: main', `Signed-By: ${KEYRING}`,
  ];
  writeFileSync(join(folder, 'sources', 'debian.sources'), `${source.join('\n')}\n`);
  const settings = [
    'Dir::Etc::sourcelist=/dev/null', `Dir::Etc::sourceparts=${folder}/sources`, `Dir::State::lists=${folder}/lists`,
    `Dir::Cache=${folder}/cache`, 'Dir::State::status=/dev/null', 'Acquire::Languages=none', 'APT::Architecture=amd64',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false', 'APT::Sandbox::User=',
  ].flatMap((setting) => ['-o', setting]);
  const steps: readonly (readonly [string, readonly string[]])[] = [
    ['apt-get', [...settings, 'update']],
    ['sh', ['-c', `cd "$0/packages" && exec apt-get "$@" download ${LIBRARIES.join(' ')}`, folder, ...settings]],
    ['sh', ['-c', 'for one in "$0"/packages/*.deb; do dpkg-deb -x "$one" "$0/root" || exit 1; done', folder]],
  ];
  for (const [program, args] of steps) {
    const done = run(program, args, FETCH_SECONDS_MAX);
    if (done.isDone) continue;
    throw new NotAtHand('perf_analyzer needs glibc 2.38, and the libraries of Debian 13 could not be fetched: ' +
      lastLine(done.output));
  }
}

// The one that this system takes its own packages from.
function debianMirror(): string {
  const asked = ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'];
  const { output } = run('apt-get', asked, PROBE_SECONDS_MAX);
  const mirror = output.split('\n').find((uri) => /^https?:.*\/debian\/?$/.test(uri));
  if (mirror !== undefined) return mirror;
  throw new NotAtHand('perf_analyzer needs glibc 2.38, and this system has no Debian mirror to take it from');
}

/** The lines of the table that closes a sweep. */
export function readSweep(output: string): SweepLine[] {
  const line = /^Concurrency: (\d+), throughput: ([\d.]+) infer\/sec, latency (\d+) usec$/gm;
  return [...output.matchAll(line)].map(([text, concurrency, infersPerSecond, latencyUs]) => ({
    text, concurrency: Number(concurrency), infersPerSecond: Number(infersPerSecond), latencyUs: Number(latencyUs),
  }));
}
