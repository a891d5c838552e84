// The parameters of Open Inference Protocol requests: which mean something here, which are passed over, and which are
// refused because the client could not tell that they were ignored. Pure; worker thread, but for `timeoutIn`.
import { lastgoodError } from '../../base/errors.ts';
import type { LastgoodError } from '../../base/errors.ts';
import type { Signature } from '../../domain/records.ts';
import { describeValue } from '../json/value.ts';
import { topLevelMember } from '../json/member-scan.ts';
import type { WantedOutput } from '../tensor-request.ts';

interface RequestParameters {
  /** Microseconds; 0 without a limit of the client's own. */
  readonly timeoutUs: number;
  /** Outputs that say nothing themselves are binary. */
  readonly isBinary: boolean;
}

type Parameters = Readonly<Record<string, unknown>>;

/** Reserved for the server by Triton's parameters extension. */
const RESERVED_PREFIX = 'triton_';
const TIMEOUT_US_MAX = Number.MAX_SAFE_INTEGER;
const TIMEOUT_KEY = Buffer.from('"timeout"');

/**
 * The one parameter of an inference request that the queue has to know before a worker reads it: the client's own limit
 * of waiting, Infinity when it has none; what is wrong with it the worker says.
 */
export function timeoutIn(body: Uint8Array, headerBytes: number): number {
  const json = Buffer.from(body.buffer, body.byteOffset, headerBytes);
  // Nearly no request has one, and only those that do are looked through.
  if (!json.includes(TIMEOUT_KEY)) return Infinity;
  const parameters = topLevelMember(json, 'parameters');
  if (typeof parameters !== 'object' || parameters === null) return Infinity;
  const { timeout } = parameters as { readonly timeout?: unknown };
  return typeof timeout === 'number' && timeout > 0 ? timeout : Infinity;
}

/** Reads the request's own parameters; throws INVALID_REQUEST. */
export function readRequestParameters(value: unknown): RequestParameters {
  const parameters = readMap('the request', value);
  const isBinary = readFlag('binary_data_output', parameters['binary_data_output']) ?? false;
  readCount('priority', parameters['priority']);
  return { timeoutUs: readCount('timeout', parameters['timeout']), isBinary };
}

/** Returns the declared size of an input's binary data, or -1 when there is none; throws INVALID_REQUEST. */
export function readInputParameters(input: string, value: unknown): number {
  if (value === undefined || value === null) return -1;
  const parameters = readMap(`input "${input}"`, value);
  const size = parameters['binary_data_size'];
  if (size === undefined) return -1;
  if (Number.isSafeInteger(size) && (size as number) >= 0) return size as number;
  throw invalid(`"binary_data_size" of input "${input}" is ${describeValue(size)}; wanted a whole number from 0`);
}

/** Reads which outputs are wanted and how; all of them when none is listed. Throws INVALID_REQUEST. */
export function readOutputs(value: unknown, request: RequestParameters, signature: Signature): WantedOutput[] {
  const known = signature.outputs;
  const isListed = Array.isArray(value) && value.length > 0;
  if (!isListed && value !== undefined && value !== null && !Array.isArray(value)) {
    throw invalid(`"outputs" is ${describeValue(value)}; wanted an array`);
  }
  const wanted = isListed
    ? (value as unknown[]).map((output) => readOutput(output, request, signature))
    : known.map((_, index) => ({ index, isBinary: request.isBinary }));
  const twice = wanted.find(({ index }, at) => wanted.findIndex((other) => other.index === index) !== at);
  if (twice !== undefined) throw invalid(`output "${known[twice.index]?.name ?? ''}" is asked for twice`);
  const half = wanted.find(({ index, isBinary }) => !isBinary && known[index]?.datatype === 'FP16');
  if (half !== undefined) {
    const name = known[half.index]?.name ?? '';
    throw invalid(`output "${name}" is FP16, which has no JSON form; wanted "binary_data": true for it`);
  }
  return wanted;
}

function readOutput(output: unknown, request: RequestParameters, { outputs }: Signature): WantedOutput {
  if (typeof output !== 'object' || output === null || Array.isArray(output)) {
    throw invalid(`an element of "outputs" is ${describeValue(output)}; wanted an object`);
  }
  const { name, parameters } = output as Parameters;
  if (typeof name !== 'string') {
    throw invalid(`an output's "name" is ${name === undefined ? 'missing' : describeValue(name)}; wanted a text`);
  }
  const index = outputs.findIndex((known) => known.name === name);
  if (index < 0) {
    const names = outputs.map((known) => `"${known.name}"`).join(', ');
    throw invalid(`there is no output ${describeValue(name)}; wanted ${names}`);
  }
  if (parameters === undefined || parameters === null) return { index, isBinary: request.isBinary };
  const map = readMap(`output "${name}"`, parameters);
  if ((map['classification'] ?? 0) !== 0) throw invalid(`"classification" of output "${name}" is not supported here`);
  return { index, isBinary: readFlag('binary_data', map['binary_data']) ?? request.isBinary };
}

function readMap(owner: string, value: unknown): Parameters {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw invalid(`"parameters" of ${owner} is ${describeValue(value)}; wanted an object`);
  }
  for (const [key, parameter] of Object.entries(value)) {
    if (key.startsWith(RESERVED_PREFIX)) {
      throw invalid(`parameter ${describeValue(key)} of ${owner} begins with "${RESERVED_PREFIX}", which is reserved`);
    }
    if (key.startsWith('shared_memory_')) {
      throw invalid(`${owner} refers to shared memory, which is not supported here; wanted the data itself`);
    }
    if (typeof parameter === 'object' && parameter !== null) {
      throw invalid(`parameter ${describeValue(key)} of ${owner} is ${describeValue(parameter)}; ` +
        'wanted a text, a number or a truth value');
    }
  }
  return value as Parameters;
}

function readFlag(key: string, value: unknown): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return value;
  throw invalid(`"${key}" is ${describeValue(value)}; wanted true or false`);
}

function readCount(key: string, value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= TIMEOUT_US_MAX) return value as number;
  throw invalid(`"${key}" is ${describeValue(value)}; wanted a whole number from 0`);
}

const invalid = (reason: string): LastgoodError => lastgoodError('INVALID_REQUEST', { reason });
