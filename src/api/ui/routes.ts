// The routes of the page: the document with its first snapshot, its script and its style, the stream of snapshots, the
// past, and what a holder of the admin token may do. Main thread. Every route wants a Host that nobody else can point
// here; a change is a POST with the token as a bearer header and never anything else, so that no link can make it.
import { lastgoodError } from '../../base/errors.ts';
import { collectBody } from '../../http/body.ts';
import { encodingFor } from '../../http/compression.ts';
import type { HttpRequest } from '../../http/driver.ts';
import type { ExtraHeader, Reply } from '../../http/reply.ts';
import type { RequestHead } from '../../http/request-head.ts';
import type { Route } from '../../http/routes.ts';
import type { FrontState } from '../../http/state.ts';
import { pageDocument } from '../../page/view/page.ts';
import { firstState } from '../../page/view/state.ts';
import { adminCheck } from '../admin-check.ts';
import { checkedBody, objectIn, pageActionBody } from '../control-bodies.ts';
import type { FrontOptions, PageApi } from '../serving-api.ts';
import { pageScript, pageStyle, type ReadyFile, readyFile } from './files.ts';
import type { Viewers } from './viewers.ts';

const ACTION_BYTES_MAX = 4 * 1024;
const MINUTES_FIRST = 15;
/** A document is given out again for so long, however many ask. */
const DOCUMENT_MS = 1_000;
const JSON_TYPE = 'application/json';

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
const HEADERS: readonly ExtraHeader[] = [
  ['Content-Security-Policy', POLICY], ['X-Content-Type-Options', 'nosniff'], ['Referrer-Policy', 'no-referrer'],
];
const NOW: ExtraHeader = ['Cache-Control', 'no-store'];
const STREAM_HEADERS: readonly ExtraHeader[] =
  [...HEADERS, ['Content-Type', 'text/event-stream'], NOW, ['X-Accel-Buffering', 'no']];

type Query = ReadonlyMap<string, string>;
const queryOf = (request: HttpRequest): Query => new Map(new URLSearchParams(request.getQuery() ?? ''));
const modelOf = (query: Query): string | null => query.get('model') ?? null;
const minutesOf = (query: Query): number => Number(query.get('minutes') ?? MINUTES_FIRST);

/** The routes, for `driverRoutes`. */
export function pageRoutes(page: PageApi, viewers: Viewers, options: FrontOptions, state: FrontState): Route[] {
  const documents = new Documents(page);
  const get = (pattern: string, handle: Route['handle']): Route =>
    ({ method: 'GET', pattern, whileDraining: true, isAdmin: true, handle });
  const file = (ready: () => ReadyFile): Route['handle'] => (reply, request) => {
    const { etag, ...rest } = ready();
    // One tag for the bytes as they are and packed: a browser that has either has both.
    const headers: ExtraHeader[] = [['ETag', etag], ['Cache-Control', 'no-cache']];
    if (request.getHeader('if-none-match') === etag) reply.ready(304, [...HEADERS, ...headers], new Uint8Array(0));
    else sendReady(reply, rest, headers);
  };
  return [
    get('/ui', (reply, request) => {
      const query = queryOf(request);
      documents.get(modelOf(query), minutesOf(query)).then(
        (ready) => sendReady(reply, ready, [NOW]), (error: unknown) => reply.fail(error));
    }),
    get('/ui/page.js', file(pageScript)),
    get('/ui/page.css', file(pageStyle)),
    get('/ui/timeline', (reply, request) => {
      const query = queryOf(request);
      const text = JSON.stringify(page.timeline(query.get('model') ?? '', minutesOf(query)));
      sendReady(reply, readyFile(JSON_TYPE, text), [NOW]);
    }),
    get('/ui/events', (reply, request) => {
      viewers.assertRoom();
      const last = /^\d{1,15}$/.exec(request.getHeader('last-event-id'))?.[0];
      const model = modelOf(queryOf(request));
      const stream = reply.stream(STREAM_HEADERS);
      if (stream !== null) viewers.add(stream, model, last === undefined ? null : Number(last));
    }),
    { method: 'POST', pattern: '/ui/actions', isAdmin: true, handle: actionHandler(page, options, state) },
  ];
}

function sendReady(
  reply: Reply, { contentType, bytes, packed }: Omit<ReadyFile, 'etag'>, headers: readonly ExtraHeader[],
): void {
  const all: ExtraHeader[] = [...HEADERS, ['Content-Type', contentType], ['Vary', 'Accept-Encoding'], ...headers];
  if (encodingFor(reply.acceptEncoding) === 'gzip') reply.ready(200, [...all, ['Content-Encoding', 'gzip']], packed);
  else reply.ready(200, all, bytes);
}

function actionHandler(page: PageApi, options: FrontOptions, state: FrontState): Route['handle'] {
  const authorize = adminCheck(page.mode === 'full' ? options.adminToken : undefined);
  return (reply, request, head: RequestHead) => {
    if (!authorize(reply, request)) return;
    // A form of another site has three types, none of which is this one.
    if (head.contentType.split(';')[0]?.trim().toLowerCase() !== JSON_TYPE) {
      const got = `Content-Type "${head.contentType.slice(0, 100)}"`;
      throw lastgoodError('UNSUPPORTED_MEDIA_TYPE', { got, wanted: JSON_TYPE });
    }
    collectBody(reply, head, state, Math.min(ACTION_BYTES_MAX, options.bodyBytesMax), (body) => {
      const action = checkedBody(pageActionBody, objectIn(body));
      page.act(action).then((result) => reply.json(200, result), (error: unknown) => reply.fail(error));
    });
  };
}

/** The newest document: one, because nearly everybody asks for the same. */
class Documents {
  readonly #page: PageApi;
  #last: { readonly key: string; readonly atMs: number; readonly made: Promise<ReadyFile> } | null = null;

  constructor(page: PageApi) {
    this.#page = page;
  }

  get(model: string | null, minutes: number): Promise<ReadyFile> {
    const key = JSON.stringify([model, minutes]);
    const atMs = performance.now();
    if (this.#last?.key === key && atMs - this.#last.atMs < DOCUMENT_MS) return this.#last.made;
    const made = this.#make(model, minutes);
    this.#last = { key, atMs, made };
    return made;
  }

  async #make(model: string | null, minutes: number): Promise<ReadyFile> {
    const snapshot = await this.#page.snapshot(model);
    const timeline = snapshot.model === null ? null : this.#page.timeline(snapshot.model, minutes);
    return readyFile('text/html; charset=utf-8', pageDocument(snapshot, firstState(timeline)));
  }
}
