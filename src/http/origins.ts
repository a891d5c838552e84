// Which web pages may ask, and by which names this server may be called. Main thread; no state.
//
// A browser sends a page's request to any address, with the reader's own network around it, and says in Origin where
// the page is from. A request from another origin is refused unless that origin is listed. A page's own server is told
// by Host being the same as in Origin, which a page can arrange by letting its own name lead to this address (DNS
// rebinding): so that name must be one that nobody else can point here, an address, localhost, the host's own, or one
// that is listed. Programs send neither header and are not asked.
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { lastgoodError } from '../base/errors.ts';

/** Lists this one for every origin, or every name. */
const ANY = '*';

const ECHO_CHARACTERS_MAX = 200;
const HOST = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/;
/** What pages may send beside the headers that need no permission, and may read beside those that need none. */
const REQUEST_HEADERS = 'authorization, content-encoding, content-type, inference-header-content-length, x-request-id';
const ANSWER_HEADERS = 'Inference-Header-Content-Length, Retry-After';
/** A browser keeps the permission for so long. */
const PERMISSION_SECONDS = '600';

/** What forms send without asking for permission, as does a script that calls its JSON one of these. */
const FORM_TYPES = new Set(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']);

type Header = readonly [name: string, value: string];

export interface OriginOptions {
  /** Origins as browsers write them, `https://app.example:8443`, or ANY. */
  readonly corsOrigins: readonly string[];
  /** Names of this server beside those that are known, without a port, or ANY. */
  readonly allowedHosts: readonly string[];
}

/** What a request says of the page that sent it; empty without a browser. */
interface Sender {
  readonly origin: string;
  readonly host: string;
  readonly fetchSite: string;
  readonly fetchMode: string;
}

export class OriginPolicy {
  readonly #origins: ReadonlySet<string>;
  readonly #hosts: ReadonlySet<string>;

  constructor({ corsOrigins, allowedHosts }: OriginOptions = { corsOrigins: [], allowedHosts: [] }) {
    this.#origins = new Set(corsOrigins);
    const own = hostname().toLowerCase();
    this.#hosts = new Set(['localhost', own, `${own}.local`, ...allowedHosts.map((name) => name.toLowerCase())]);
  }

  /**
   * The origin that is told it may read the answer; '' for requests of programs and of this server's own pages. Throws
   * ORIGIN_REFUSED.
   */
  admit({ origin, host, fetchSite, fetchMode }: Sender): string {
    if (origin === '') {
      // Images, scripts and styles of other sites' pages name no origin. Following a link is everybody's right.
      const isForeign = fetchSite === 'cross-site' || fetchSite === 'same-site';
      if (isForeign && fetchMode !== 'navigate') throw this.#refusal(`a ${fetchSite} page that names no origin`);
      return '';
    }
    if (this.#origins.has(origin) || this.#origins.has(ANY)) return origin;
    const [scheme, own] = [origin.indexOf('://'), host.toLowerCase()];
    if (scheme > 0 && origin.slice(scheme + '://'.length) === own && this.#isOwn(own)) return '';
    throw this.#refusal(`"${origin.slice(0, ECHO_CHARACTERS_MAX)}"`);
  }

  /** Throws HOST_REFUSED when a client calls this server by a name that others can point here. */
  assertHost(host: string): void {
    if (this.#isOwn(host.toLowerCase())) return;
    throw lastgoodError('HOST_REFUSED', { host: host.slice(0, ECHO_CHARACTERS_MAX) });
  }

  // Behind localhost and an address nobody can put another server.
  #isOwn(host: string): boolean {
    if (this.#hosts.has(ANY)) return true;
    const [, v6, name = ''] = HOST.exec(host) ?? [];
    if (v6 !== undefined) return isIP(v6) === 6;
    return isIP(name) === 4 || name.endsWith('.localhost') || this.#hosts.has(name);
  }

  #refusal(origin: string): Error {
    return lastgoodError('ORIGIN_REFUSED', { origin, allowed: [...this.#origins].join(', ') || 'none' });
  }
}

/** Throws UNSUPPORTED_MEDIA_TYPE when a page's body has a type for which its browser asks no permission. */
export function refuseFormType(contentType: string): void {
  const end = contentType.indexOf(';');
  const essence = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
  if (!FORM_TYPES.has(essence)) return;
  const got = `Content-Type "${essence}", as forms send it, by a web page`;
  throw lastgoodError('UNSUPPORTED_MEDIA_TYPE', { got, wanted: 'application/json' });
}

/** The headers of every answer to a page of `origin`. */
export function readableBy(origin: string): readonly Header[] {
  return [
    ['Access-Control-Allow-Origin', origin], ['Access-Control-Expose-Headers', ANSWER_HEADERS], ['Vary', 'Origin'],
  ];
}

/** The headers of the answer to a browser that asks whether a page may send such a request. */
export function permission(methods: string): readonly Header[] {
  return [
    ['Access-Control-Allow-Methods', methods], ['Access-Control-Allow-Headers', REQUEST_HEADERS],
    ['Access-Control-Max-Age', PERMISSION_SECONDS], ['Access-Control-Allow-Private-Network', 'true'],
  ];
}
