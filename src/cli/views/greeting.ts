// What `lastgood serve` says when it is ready: where it is, and commands that work when they are pasted into a shell.
import { basename, relative, resolve } from 'node:path';
import type { EngineStatus, ModelStatus } from '../../admin/answers.ts';
import type { Datatype, Golden, GoldenCase, TensorSignature, VersionRecord } from '../../domain/records.ts';
import { paint } from './output.ts';

/** Longer rows are no example that anybody reads. */
const ROW_VALUES_MAX = 64;
const DIGITS = 5;

interface Greeting {
  readonly host: string;
  readonly port: number;
  readonly status: EngineStatus;
  /** Null for a follower, which has none. */
  readonly adminSocket: string | null;
  readonly goldenOf: (version: VersionRecord) => Golden | null;
}

// As whoever started this one can start it again: from a clone it is not on the PATH.
const script = process.argv[1] ?? '';
const program = basename(script) === 'main.js' ? `node ${quote(relative('', script))}` : 'lastgood';

/** The lines for a person; each one that starts with two spaces is a command. */
export function greetingText(greeting: Greeting): string {
  const { host, port, status, adminSocket } = greeting;
  const url = `${status.tls === null ? 'http' : 'https'}://${hostOfUrl(host)}:${port}`;
  const lines = [`lastgood ${status.version} serves on ${paint('bold', url)} from ${status.dataDir}`];
  if (status.models.length === 0) {
    lines.push('No model is registered yet. To bring one in, from another shell:');
    lines.push(`  ${program} register MODEL FILE.onnx --promote${dataFlag(status.dataDir)}`);
    lines.push('or start again with --demo-models.');
  }
  lines.push('To try it, from another shell:', ...commands(greeting, url).map((command) => `  ${command}`));
  if (adminSocket === null) lines.push('This engine follows another one: verbs go to the one that owns the directory.');
  return lines.join('\n');
}

function commands({ status, adminSocket, goldenOf }: Greeting, url: string): string[] {
  const { models, defaultModel } = status;
  const isDefault = ({ model }: ModelStatus): boolean => model.model === defaultModel;
  const shown = models.find(isDefault) ?? models.find(({ model }) => model.activeVersion !== null);
  const base = shown === undefined || isDefault(shown) ? url : `${url}/models/${shown.model.model}`;
  const active = shown?.versions.find(({ version }) => version === shown.model.activeVersion);
  const body = active === undefined ? null : exampleBody(active, goldenOf(active));
  const second = shown?.versions.find(({ version, health }) => version !== active?.version && health !== 'unhealthy');
  // The certificate need not be for this address, or from somebody whom this host trusts.
  const curl = status.tls === null ? 'curl -s' : 'curl -sk';
  return [
    ...(body === null ? [] : [`${curl} ${base}/predict -d ${quote(body)}`]),
    ...(shown === undefined ? [] : [`${curl} ${base}/health`]),
    ...(adminSocket === null ? [] : [`curl -s --unix-socket ${quote(adminSocket)} http://admin/v1/status`]),
    ...(adminSocket === null || shown === undefined || second === undefined
      ? []
      : [`${program} promote ${shown.model.model} ${second.version}${dataFlag(status.dataDir)}`]),
  ];
}

/** A request that this version can answer, from its golden rows or of zeros; null when it would not be readable. */
export function exampleBody({ signature }: Pick<VersionRecord, 'signature'>, golden: Golden | null): string | null {
  const rows = signature.inputs.map((input) => [input.name, exampleRow(input, golden?.cases[0])] as const);
  if (rows.length === 0 || rows.some(([, row]) => row === null)) return null;
  return JSON.stringify({ features: rows.length === 1 ? rows[0]?.[1] : Object.fromEntries(rows) });
}

const NOT_NUMBERS: readonly Datatype[] = ['BYTES', 'BOOL'];

function exampleRow({ name, datatype, shape }: TensorSignature, golden: GoldenCase | undefined): number[] | null {
  const stored = golden?.inputs[name];
  // The first dimension is the batch.
  const values = (stored?.shape ?? shape).slice(1).reduce((product, size) => product * size, 1);
  if (NOT_NUMBERS.includes(datatype) || values < 1 || values > ROW_VALUES_MAX) return null;
  if (stored === undefined) return new Array<number>(values).fill(0);
  const isFloat = datatype.startsWith('FP');
  return stored.data.slice(0, values).map(Number)
    .map((value) => (isFloat ? Number(value.toPrecision(DIGITS)) : value));
}

/** The host as a client on the same machine writes it. */
function hostOfUrl(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function dataFlag(dataDir: string): string {
  return dataDir === resolve('./data') ? '' : ` --data ${quote(dataDir)}`;
}

/** Quotes for sh where it is needed. */
function quote(text: string): string {
  return /^[\w./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
