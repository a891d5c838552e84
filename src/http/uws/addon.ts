// Loads the uWebSockets.js addon and checks that this build has what its driver calls. The binaries in one package
// version differ by Node version, so presence is tested, never inferred from a version number. Main thread.
import { createRequire } from 'node:module';
import { type LastgoodError, lastgoodError, reasonOf } from '../../base/errors.ts';
import type { Uws } from './addon-types.ts';

const MODULE_FUNCTIONS = ['App', 'SSLApp', 'us_listen_socket_close', 'us_socket_local_port'];
const MODULE_NUMBERS = ['LIBUS_LISTEN_EXCLUSIVE_PORT', 'DISABLED'];
const APP_FUNCTIONS = ['filter', 'get', 'head', 'post', 'any', 'ws', 'listen', 'close'];

const SUPPORT_TABLE = `
  Node       needs on Linux x64 or arm64   for example
  20         glibc 2.27 or newer           Debian 11 and 12, Ubuntu 20.04 and 22.04, RHEL 9, Raspberry Pi OS
  22, 24     glibc 2.38 or newer           Debian 13, Ubuntu 24.04
  musl (Alpine): not supported
  To use the upstream build instead: npm install "uWebSockets.js@github:uNetworking/uWebSockets.js#v20.52.0"`;

/** What the host looks like, for the message of FRONT_UNAVAILABLE. */
interface HostDescription {
  readonly node: string;
  readonly platform: string;
  readonly architecture: string;
  /** The version of glibc, or undefined where there is none (musl, other systems). */
  readonly glibc: string | undefined;
}

/**
 * Returns the addon. Throws FRONT_UNAVAILABLE, with the table of systems it runs on, when it does not load or lacks a
 * function. `load` and `host` are arguments for tests.
 */
export function loadUws(load: () => unknown = requireAddon, host: () => HostDescription = describeHost): Uws {
  let addon: unknown;
  try {
    addon = load();
  } catch (error) {
    throw frontUnavailable(reasonOf(error), host());
  }
  const missing = missingFeatures(addon);
  if (missing.length > 0) throw frontUnavailable(`this build lacks ${missing.join(', ')}`, host());
  return addon as Uws;
}

function requireAddon(): unknown {
  // A CommonJS module that requires the .node file; its ESM wrapper re-exports names that not every build has.
  return createRequire(import.meta.url)('uWebSockets.js') as unknown;
}

function missingFeatures(addon: unknown): string[] {
  const missing = lacking(addon, MODULE_FUNCTIONS, 'function').concat(lacking(addon, MODULE_NUMBERS, 'number'));
  if (missing.length > 0) return missing;
  return lacking((addon as Uws).App(), APP_FUNCTIONS, 'function').map((name) => `App.${name}`);
}

function lacking(holder: unknown, names: readonly string[], type: 'function' | 'number'): string[] {
  if (typeof holder !== 'object' || holder === null) return [...names];
  return names.filter((name) => typeof (holder as Record<string, unknown>)[name] !== type);
}

function frontUnavailable(reason: string, host: HostDescription): LastgoodError {
  const libc = host.platform === 'linux' ? (host.glibc === undefined ? ', no glibc' : `, glibc ${host.glibc}`) : '';
  const here = `here is Node ${host.node} on ${host.platform} ${host.architecture}${libc}`;
  return lastgoodError('FRONT_UNAVAILABLE', { reason: `${firstUsefulLine(reason)}; ${here}; wanted${SUPPORT_TABLE}` });
}

// The addon's loader puts a paragraph about Node versions before the linker's own message, which is the one that helps.
function firstUsefulLine(reason: string): string {
  const lines = reason.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  return lines.find((line) => /GLIBC|shared object|Cannot find module/.test(line)) ?? lines[0] ?? 'unknown reason';
}

function describeHost(): HostDescription {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  const { version: node, platform, arch: architecture } = process;
  return { node, platform, architecture, glibc: report.header?.glibcVersionRuntime };
}
