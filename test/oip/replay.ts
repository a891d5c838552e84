// Sends the collected cases to a server on the loopback interface and compares what comes back.
import { readFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { packageRoot } from '../../src/base/package-root.ts';

export const CASES_FOLDER = join(packageRoot(), 'test', 'oip');
const CHUNK_BYTES = 50;
const HEADER = 'Inference-Header-Content-Length';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Status = number | string | readonly number[];

export interface CaseRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: Json;
  readonly raw?: string;
  readonly raw_base64?: string;
  readonly tail_base64?: string;
  readonly raw_nest?: {
    readonly prefix: string; readonly open: string; readonly depth: number; readonly value: string;
    readonly close: string; readonly suffix: string;
  };
  readonly chunked?: boolean;
}

interface Expectation {
  readonly status: Status;
  readonly error?: boolean;
  readonly valid_json?: boolean;
  readonly array?: boolean;
  readonly array_item_types?: Readonly<Record<string, string>>;
  readonly types?: Readonly<Record<string, string>>;
  readonly subset?: Json;
  readonly n_outputs?: number;
  readonly header_contains?: Readonly<Record<string, string>>;
  readonly outputs?: Readonly<Record<string, Json>>;
  readonly binary_outputs?: Readonly<Record<string, string>>;
  /** Outputs that may come as JSON although binary data is wanted, with what they then hold. */
  readonly loose_binary?: readonly string[];
  readonly loose_data?: Readonly<Record<string, Json>>;
  readonly then?: CaseRequest & { readonly status: Status };
}

export interface Case {
  readonly id: string;
  readonly level: 'core' | 'binary' | 'robust' | 'repository' | 'vendor';
  readonly request: CaseRequest;
  readonly expect: Expectation;
}

interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Output {
  readonly name: string;
  readonly data?: Json;
  readonly parameters?: { readonly binary_data_size?: number };
}

export function readCases(): Case[] {
  return (JSON.parse(readFileSync(join(CASES_FOLDER, 'cases.json'), 'utf8')) as { cases: Case[] }).cases;
}

/** Replays one case; resolves null when the answer is as expected, else with what is wrong. */
export async function replay(port: number, { request, expect }: Case): Promise<string | null> {
  const wrong = difference(expect, await send(port, request));
  if (wrong !== null || expect.then === undefined) return wrong;
  const after = await send(port, expect.then);
  const { method, path, status } = expect.then;
  return statusFits(status, after.status) ? null : `after it, ${method} ${path} gave ${after.status}`;
}

function send(port: number, request: CaseRequest): Promise<Received> {
  const headers: Record<string, string> = { ...request.headers };
  const body = bodyOf(request, headers);
  const { method, path, chunked = false } = request;
  if (chunked) headers['Transfer-Encoding'] = 'chunked';
  else if (body !== null) headers['Content-Length'] = String(body.length);
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false });
    const sent = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(pieces) }));
    });
    sent.on('error', reject);
    const step = chunked ? CHUNK_BYTES : (body?.length ?? 0) + 1;
    for (let at = 0; body !== null && at < body.length; at += step) sent.write(body.subarray(at, at + step));
    sent.end();
  });
}

function bodyOf(request: CaseRequest, headers: Record<string, string>): Buffer | null {
  const { raw, raw_base64: base64, raw_nest: nest, json, tail_base64: tail } = request;
  if (raw !== undefined) return Buffer.from(raw);
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  if (nest !== undefined) {
    const { prefix, open, depth, value, close, suffix } = nest;
    return Buffer.from(prefix + open.repeat(depth) + value + close.repeat(depth) + suffix);
  }
  if (json === undefined) return null;
  const text = Buffer.from(JSON.stringify(json));
  const stated = headers[HEADER];
  // "auto+1" is the JSON's length and one.
  if (stated?.startsWith('auto') === true) headers[HEADER] = String(text.length + Number(stated.slice(4) || 0));
  return tail === undefined ? text : Buffer.concat([text, Buffer.from(tail, 'base64')]);
}

function statusFits(wanted: Status, got: number): boolean {
  if (wanted === 'any') return true;
  if (wanted === '4xx') return got >= 400 && got < 500;
  if (wanted === '>=400') return got >= 400;
  return Array.isArray(wanted) ? (wanted as number[]).includes(got) : got === wanted;
}

function difference(expect: Expectation, received: Received): string | null {
  const { status, headers, body } = received;
  if (!statusFits(expect.status, status)) return `status ${status}: ${body.toString().slice(0, 200)}`;
  const stated = headers[HEADER.toLowerCase()];
  const jsonBytes = stated === undefined ? body.length : Number(stated);
  const { error, subset, types, outputs, binary_outputs: binary, n_outputs: count, valid_json: valid, array } = expect;
  if ([error, subset, types, outputs, binary, count, valid, array].every((one) => one === undefined)) return null;
  let json: Json;
  try {
    json = JSON.parse(body.subarray(0, jsonBytes).toString()) as Json;
  } catch {
    return `the body is no JSON: ${body.toString().slice(0, 200)}`;
  }
  return shapeDifference(expect, headers, json) ?? outputsDifference(expect, received, json, jsonBytes);
}

function shapeDifference(expect: Expectation, headers: IncomingHttpHeaders, json: Json): string | null {
  const members = (Array.isArray(json) ? {} : json) as Readonly<Record<string, Json>>;
  if (expect.error === true && typeof members['error'] !== 'string') return 'there is no text under "error"';
  for (const [name, part] of Object.entries(expect.header_contains ?? {})) {
    if (!String(headers[name] ?? '').includes(part)) return `header ${name} is ${String(headers[name])}`;
  }
  if (expect.array === true && !Array.isArray(json)) return 'the body is no array';
  for (const [key, type] of Object.entries(expect.types ?? {})) {
    const got = Array.isArray(members[key]) ? 'array' : typeof members[key];
    if (got !== type) return `"${key}" is ${got}; wanted ${type}`;
  }
  for (const item of Array.isArray(json) ? (json as Record<string, Json>[]) : []) {
    for (const [key, type] of Object.entries(expect.array_item_types ?? {})) {
      if (typeof item[key] !== type) return `"${key}" of an item is ${typeof item[key]}; wanted ${type}`;
    }
  }
  return expect.subset === undefined ? null : subsetDifference(expect.subset, json, '$');
}

function outputsDifference(
  expect: Expectation, { headers, body }: Received, json: Json, jsonBytes: number,
): string | null {
  const given = (json as { readonly outputs?: readonly Output[] }).outputs;
  const wantsOutputs = expect.outputs !== undefined || expect.binary_outputs !== undefined;
  if (given === undefined) return wantsOutputs ? 'there are no outputs' : null;
  if (expect.n_outputs !== undefined && given.length !== expect.n_outputs) return `${given.length} outputs`;
  const tails = new Map<string, Buffer>();
  let at = jsonBytes;
  for (const { name, data, parameters } of given) {
    const size = parameters?.binary_data_size;
    if (size === undefined) continue;
    if (data !== undefined) return `output ${name} has both data and a binary size`;
    tails.set(name, body.subarray(at, at + size));
    at += size;
  }
  if (at !== body.length) return `the body has ${body.length} bytes, JSON and announced data ${at}`;
  if (at > jsonBytes && headers[HEADER.toLowerCase()] === undefined) return `binary data without ${HEADER}`;
  for (const [name, wanted] of Object.entries(expect.outputs ?? {})) {
    const wrong = subsetDifference(wanted, flattened(given, name), name);
    if (wrong !== null) return wrong;
  }
  for (const [name, wanted] of Object.entries(expect.binary_outputs ?? {})) {
    const tail = tails.get(name);
    if (tail === undefined && expect.loose_binary?.includes(name) === true) {
      const wrong = subsetDifference({ data: expect.loose_data?.[name] ?? null }, flattened(given, name), name);
      if (wrong !== null) return wrong;
    } else if (tail?.toString('base64') !== wanted) {
      return `output ${name} has the bytes ${String(tail?.toString('hex').slice(0, 60))}`;
    }
  }
  return null;
}

function flattened(outputs: readonly Output[], name: string): Json {
  const output = outputs.find((one) => one.name === name);
  if (output === undefined) return null;
  const data = Array.isArray(output.data) ? (output.data as unknown[]).flat(Infinity) : output.data;
  return { ...output, data } as Json;
}

// Everything in `wanted` is in `got`; numbers are compared as float32, with a little room for the last digit.
function subsetDifference(wanted: Json, got: Json | undefined, at: string): string | null {
  if (Array.isArray(wanted)) {
    const list = wanted as readonly Json[];
    const found = got as readonly Json[];
    if (!Array.isArray(got) || found.length !== list.length) return `${at} is ${JSON.stringify(got)}`;
    return firstOf(list.map((item, index) => subsetDifference(item, found[index], `${at}[${index}]`)));
  }
  if (typeof wanted === 'object' && wanted !== null) {
    const members = (got ?? {}) as Readonly<Record<string, Json>>;
    return firstOf(Object.entries(wanted).map(([key, value]) => subsetDifference(value, members[key], `${at}.${key}`)));
  }
  const isSame = typeof wanted === 'number' && typeof got === 'number'
    ? Math.fround(wanted) === Math.fround(got) || Math.abs(wanted - got) <= 1e-6 * Math.abs(wanted)
    : wanted === got;
  return isSame ? null : `${at} is ${JSON.stringify(got)}; wanted ${JSON.stringify(wanted)}`;
}

const firstOf = (texts: readonly (string | null)[]): string | null => texts.find((text) => text !== null) ?? null;
