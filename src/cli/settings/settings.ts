// Where a setting comes from: flag, else environment, else config file, else the default in src/options/options.ts.
// Each value is checked by itself first, so that a refusal names the place it came from; unknown keys are refused
// everywhere.
import { resolve } from 'node:path';
import { innerReasonOf, isLastgoodError, lastgoodError, reasonOf } from '../../base/errors.ts';
import { readRegularFile } from '../../base/regular-file.ts';
import { parseOptions, resolveOptions } from '../../options/options.ts';
import type { ResolvedOptions } from '../../options/options.ts';
import { DATA_SETTING, environmentName, flagKey, SERVE_SETTINGS } from './settings-table.ts';
import type { Setting } from './settings-table.ts';

export interface ServeSettings {
  /** `dataDir` is absolute. */
  readonly options: ResolvedOptions;
  readonly demoModels: boolean;
  readonly follower: boolean;
  /** Whether a parent process watches over the engine. */
  readonly supervisor: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;
type RawOptions = Record<string, unknown>;

const ALL_SETTINGS = [DATA_SETTING, ...SERVE_SETTINGS];
const ENVIRONMENT_PREFIX = 'LASTGOOD_';
const PORT_MAX = 65_535;
/** Longer config files are refused. */
const CONFIG_BYTES_MAX = 1024 * 1024;

/**
 * Puts the settings together from commander's `flags`, the environment and the config file that one of them names.
 * Throws INVALID_OPTION, which says what is wrong and where it came from, or FILE_UNREADABLE.
 */
export function resolveSettings(flags: Readonly<Record<string, unknown>>, env: Environment): ServeSettings {
  refuseUnknownVariables(env);
  const given = ALL_SETTINGS.map((setting) => ({ setting, ...valueOf(setting, flags, env) }));
  const found = (flag: string): unknown => given.find(({ setting }) => setting.flag === flag)?.value;
  const config = found('config');
  const raw = typeof config === 'string' ? readConfigFile(config) : {};
  for (const { setting, value, origin } of given) {
    if (value === undefined) continue;
    checkAlone(optionsOf(setting, value), origin);
    merge(raw, optionsOf(setting, value));
  }
  const options = resolveOptions(raw);
  return {
    options: { ...options, dataDir: resolve(options.dataDir) },
    demoModels: found('demo-models') === true,
    follower: options.follow,
    supervisor: found('no-supervisor') !== true,
  };
}

function refuseUnknownVariables(env: Environment): void {
  const known = new Set(ALL_SETTINGS.map(environmentName));
  for (const name of Object.keys(env)) {
    if (!name.startsWith(ENVIRONMENT_PREFIX) || known.has(name)) continue;
    throw invalid(`environment variable ${name} is unknown; wanted a twin of a flag that lastgood serve --help lists`);
  }
}

function valueOf(
  setting: Setting, flags: Readonly<Record<string, unknown>>, env: Environment,
): { readonly value: unknown; readonly origin: string } {
  const flag = flags[flagKey(setting)];
  const name = environmentName(setting);
  if (typeof flag === 'boolean') return { value: flag, origin: `--${setting.flag}` };
  const given = Array.isArray(flag) ? flag.join(',') : flag;
  const [text, place] = typeof given === 'string' ? [given, `--${setting.flag}`] : [env[name], name];
  // A secret does not belong into a log.
  const origin = setting.flag === 'admin-token' ? place : `${place} "${text ?? ''}"`;
  return { value: text === undefined ? undefined : parse(setting, text, origin), origin };
}

function parse({ kind }: Setting, text: string, origin: string): unknown {
  if (text === '') throw invalid(`${origin}: it is empty; wanted a value, or the setting left out`);
  switch (kind) {
    case 'text':
      return text;
    case 'list':
      return text.split(',').map((one) => one.trim());
    case 'switch':
      if (text === '1' || text === 'true') return true;
      if (text === '0' || text === 'false') return false;
      throw invalid(`${origin}: it is no switch; wanted 1 or 0`);
    case 'address':
      return parseAddress(text, origin);
    case 'integer':
      if (!/^-?\d+$/.test(text)) throw invalid(`${origin}: it is no whole number`);
      return Number(text);
    case 'number':
      if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) throw invalid(`${origin}: it is no number`);
      return Number(text);
  }
}

/** Parses HOST:PORT, an IPv6 host in brackets. */
function parseAddress(text: string, origin: string): { host: string; port: number } {
  const match = /^(?:\[([\w:.%]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > PORT_MAX) {
    throw invalid(`${origin}: it is no address; wanted HOST:PORT with a port up to ${PORT_MAX}, IPv6 as [::1]:8080`);
  }
  return { host, port };
}

function optionsOf({ path, kind }: Setting, value: unknown): RawOptions {
  if (kind === 'address') return value as RawOptions;
  const [first, second] = path ?? [];
  if (first === undefined) return {};
  return { [first]: second === undefined ? value : { [second]: value } };
}

function checkAlone(options: RawOptions, origin: string): void {
  try {
    parseOptions(options);
  } catch (error) {
    if (!isLastgoodError(error)) throw error;
    throw invalid(`${origin}: ${innerReasonOf(error)}`);
  }
}

function readConfigFile(path: string): RawOptions {
  let text: string;
  try {
    text = readRegularFile(path, CONFIG_BYTES_MAX);
  } catch (error) {
    throw lastgoodError('FILE_UNREADABLE', { path, reason: reasonOf(error) });
  }
  const origin = `config file "${path}"`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(`${origin}: ${reasonOf(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${origin}: it holds no JSON object`);
  }
  checkAlone(value as RawOptions, origin);
  return { ...value };
}

// The judge's section is the only one that flags reach into.
function merge(raw: RawOptions, from: RawOptions): void {
  for (const [key, value] of Object.entries(from)) {
    raw[key] = key === 'judge' ? { ...(raw[key] as RawOptions | undefined), ...(value as RawOptions) } : value;
  }
}

function invalid(reason: string): Error {
  return lastgoodError('INVALID_OPTION', { reason });
}
