// The one parameter of an Open Inference Protocol request that the queue has to know before a worker reads it.
import { topLevelMember } from '../wire/frame-scan.ts';

const TIMEOUT_KEY = Buffer.from('"timeout"');

/** The client's own limit of waiting, Infinity when it has none; what is wrong with it the worker says. */
export function timeoutIn(body: Uint8Array, headerBytes: number): number {
  const json = Buffer.from(body.buffer, body.byteOffset, headerBytes);
  // Nearly no request has one, and only those that do are looked through.
  if (!json.includes(TIMEOUT_KEY)) return Infinity;
  const parameters = topLevelMember(json, 'parameters');
  if (typeof parameters !== 'object' || parameters === null) return Infinity;
  const { timeout } = parameters as { readonly timeout?: unknown };
  return typeof timeout === 'number' && timeout > 0 ? timeout : Infinity;
}
