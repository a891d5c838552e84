// Who asks, as a short salted hash: of a client's address, an IPv6 one by its /64, or of a header's value where a proxy
// that is trusted says so. Main thread. The salt is of this process: a hash finds no address, here or elsewhere.
// What the numbers mean is in shared-memory/source-ids.ts.
//
// Fixed memory: hashes of the newest few thousand that asked are kept.
import { createHash, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { lastgoodError } from '../base/errors.ts';
import { sourceOfHash, UNKNOWN_SOURCE } from '../shared-memory/source-ids.ts';

const KNOWN_MAX = 4_096;
/** Longer header values are cut: they are hashed for every request that is looked at. */
const VALUE_CHARACTERS_MAX = 256;
const SALT_BYTES = 16;
const V6_BYTES = 16;
const PREFIX_BYTES = 8;
/** How an IPv4 address stands in an IPv6 one: ten zeros and two bytes of ones before it. */
const MAPPED = Buffer.from('00000000000000000000ffff', 'hex');
const LOOPBACK_V6 = Buffer.from('00000000000000000000000000000001', 'hex');
const LOOPBACK_V4 = 127;

export interface SourceOptions {
  /** In lower case; empty when no header says who asks. */
  readonly header: string;
  /** Addresses of proxies, separated by commas; the header counts from these alone. */
  readonly trustedProxy: string;
}

export class Sources {
  /** The header that says who asks; empty when none does. */
  readonly header: string;
  readonly #proxies: ReadonlySet<string>;
  readonly #salt = randomBytes(SALT_BYTES);
  readonly #known = new Map<string, number>();

  /** Throws INVALID_OPTION for what is no address, and for a header that nobody is trusted to send. */
  constructor({ header, trustedProxy }: SourceOptions = { header: '', trustedProxy: '' }) {
    this.header = header.toLowerCase();
    this.#proxies = new Set(trustedProxy.split(',').map((one) => one.trim()).filter((one) => one !== '').map(proxyKey));
    if (header !== '' && this.#proxies.size === 0) {
      const reason = 'sourceHeader: anybody could send it; wanted trustedProxy as well, the proxies that set it';
      throw lastgoodError('INVALID_OPTION', { reason });
    }
  }

  /** The source of a request from this address, 4 or 16 bytes, whose header has this value. */
  of(address: ArrayBuffer, value: string): number {
    const bytes = plainAddress(Buffer.from(address));
    const isTrusted = this.#proxies.size > 0 && this.#proxies.has(bytes.toString('hex'));
    if (isTrusted) return value === '' ? UNKNOWN_SOURCE : this.#hash(`header ${value.slice(0, VALUE_CHARACTERS_MAX)}`);
    if (bytes.length === 0 || isLoopback(bytes)) return UNKNOWN_SOURCE;
    return this.#hash(bytes.subarray(0, PREFIX_BYTES).toString('hex'));
  }

  #hash(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    const source = sourceOfHash(createHash('sha256').update(this.#salt).update(text).digest().readUInt32BE(0));
    this.#known.set(text, source);
    return source;
  }
}

const isLoopback = (bytes: Buffer): boolean =>
  (bytes.length === V6_BYTES ? bytes.equals(LOOPBACK_V6) : bytes[0] === LOOPBACK_V4);

// An IPv4 address as its four bytes, also where it came in an IPv6 one.
function plainAddress(bytes: Buffer): Buffer {
  const isMapped = bytes.length === V6_BYTES && bytes.subarray(0, MAPPED.length).equals(MAPPED);
  return isMapped ? bytes.subarray(MAPPED.length) : bytes;
}

function proxyKey(address: string): string {
  const version = isIP(address);
  if (version === 4) return Buffer.from(address.split('.').map(Number)).toString('hex');
  if (version === 6) return plainAddress(v6Bytes(address)).toString('hex');
  const reason = `trustedProxy: "${address.slice(0, 100)}" is no IP address; wanted some, separated by commas`;
  throw lastgoodError('INVALID_OPTION', { reason });
}

function v6Bytes(address: string): Buffer {
  // The URL parser writes it out with :: in one place, and an IPv4 tail as two groups.
  const { hostname } = new URL(`http://[${address.split('%')[0]!}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [left, right] = [groups(head), tail === undefined ? [] : groups(tail)];
  const zeros = Array.from({ length: V6_BYTES / 2 - left.length - right.length }, () => '0');
  return Buffer.from([...left, ...zeros, ...right].map((group) => group.padStart(4, '0')).join(''), 'hex');
}
