// Reads the headers that say where a body ends and what it is, and refuses what a driver's parser lets through: with
// two Content-Length headers that of the addon believes the first, and it takes any Transfer-Encoding for chunked, so
// that a proxy in front could see other request borders than we do (request smuggling). Main thread.
import { lastgoodError } from '../base/errors.ts';
import type { HttpRequest } from './driver.ts';

/** `contentLength` of a chunked body, whose length nobody knows. */
export const LENGTH_UNKNOWN = -1;

const CONTENT_LENGTH = /^\d{1,9}$/;

/** Valid only until the next request is read: there is one object for all requests. */
export interface RequestHead {
  /** Bytes, 0 without a body, or LENGTH_UNKNOWN. */
  readonly contentLength: number;
  readonly contentType: string;
  readonly contentEncoding: string;
  readonly acceptEncoding: string;
  /** X-Request-Id, by which the client finds its request again; empty without one. */
  readonly requestId: string;
  /** The value of the header that says who asks; empty without one. */
  readonly source: string;
  /** Of a browser's request, the page that sent it; see origins.ts. Empty without one; two are put together. */
  readonly origin: string;
  readonly fetchSite: string;
  readonly fetchMode: string;
  /** The name by which the client calls this server. */
  readonly host: string;
}

const head = {
  contentLength: 0, contentType: '', contentEncoding: '', acceptEncoding: '', requestId: '', source: '',
  origin: '', fetchSite: '', fetchMode: '', host: '',
};
let sourceHeader = '';
let hostHeaders = 0;
let lengthHeaders = 0;
let lengthText = '';
let transferHeaders = 0;
let transferText = '';
let headerBytes = 0;
/** The colon, the space and the end of a header's line. */
const LINE_BYTES = 4;

function visit(name: string, value: string): void {
  headerBytes += name.length + value.length + LINE_BYTES;
  if (name === sourceHeader) head.source = value;
  switch (name) {
    case 'content-length':
      lengthHeaders += 1;
      lengthText = value;
      break;
    case 'transfer-encoding':
      transferHeaders += 1;
      transferText = value;
      break;
    case 'content-type':
      head.contentType = value;
      break;
    case 'content-encoding':
      head.contentEncoding = value;
      break;
    case 'accept-encoding':
      head.acceptEncoding = value;
      break;
    case 'x-request-id':
      head.requestId = value;
      break;
    case 'host':
      hostHeaders += 1;
      head.host = value;
      break;
    case 'origin':
      head.origin = head.origin === '' ? value : `${head.origin}, ${value}`;
      break;
    case 'sec-fetch-site':
      head.fetchSite = value;
      break;
    case 'sec-fetch-mode':
      head.fetchMode = value;
      break;
  }
}

/**
 * Reads all headers of a request. Throws INVALID_REQUEST when the end of its body is not certain, HEADERS_TOO_LARGE
 * when they have more than `headerBytesMax` bytes: close then.
 */
export function readHead(request: HttpRequest, headerBytesMax: number, sourceName = ''): RequestHead {
  head.contentLength = 0;
  head.contentType = '';
  head.contentEncoding = '';
  head.acceptEncoding = '';
  head.requestId = '';
  head.source = '';
  head.origin = '';
  head.fetchSite = '';
  head.fetchMode = '';
  head.host = '';
  hostHeaders = 0;
  sourceHeader = sourceName;
  lengthHeaders = 0;
  transferHeaders = 0;
  headerBytes = 0;
  request.forEach(visit);
  if (headerBytes > headerBytesMax) {
    throw lastgoodError('HEADERS_TOO_LARGE', { got: headerBytes, limitBytes: headerBytesMax });
  }
  // Who stands in front may have gone by the other one.
  if (hostHeaders > 1) throw refusal(`Host is given ${hostHeaders} times; wanted it once`);
  if (transferHeaders > 0) {
    if (transferHeaders > 1 || transferText.toLowerCase() !== 'chunked') {
      throw refusal(`Transfer-Encoding is "${transferText}"; wanted exactly one "chunked"`);
    }
    if (lengthHeaders > 0) throw refusal('Content-Length and Transfer-Encoding are both given; wanted one of them');
    head.contentLength = LENGTH_UNKNOWN;
  } else if (lengthHeaders > 0) {
    if (lengthHeaders > 1) throw refusal(`Content-Length is given ${lengthHeaders} times; wanted it once`);
    if (lengthText !== knownText) knowLength(lengthText);
    head.contentLength = knownLength;
  }
  return head;
}

// Clients of one model send bodies of few lengths, so the text is often that of the last request.
let knownText = '0';
let knownLength = 0;

function knowLength(text: string): void {
  if (!CONTENT_LENGTH.test(text)) throw refusal(`Content-Length is "${text}"; wanted 1 to 9 digits`);
  knownText = text;
  knownLength = Number(text);
}

function refusal(reason: string): Error {
  return lastgoodError('INVALID_REQUEST', { reason: reason.slice(0, 200) });
}
