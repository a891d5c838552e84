// A POST whose body and answer may be compressed: `body` is what came over the wire, `plain` what it holds.
import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { gunzipSync, inflateSync } from 'node:zlib';

export interface PackedAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly plain: Buffer;
}

/** Sends `body` as it is, on a connection of its own. */
export function postPacked(
  port: number, path: string, body: Uint8Array, headers: Record<string, string>,
): Promise<PackedAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1', port, path, method: 'POST', agent: new Agent({ keepAlive: false }),
      headers: { 'content-length': String(body.length), ...headers },
    }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('end', () => {
        const all = Buffer.concat(pieces);
        const encoding = answer.headers['content-encoding'];
        const plain = encoding === 'gzip' ? gunzipSync(all) : encoding === 'deflate' ? inflateSync(all) : all;
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: all, plain });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
