// Clients that stop in the middle of something: the server does not wait for them for ever. The addon gives each of
// them ten to twelve seconds, so they all stop at the same time here.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { RawConnection } from '../support/http.ts';
import { until } from '../support/poll.ts';
import { GOOD_BODY, PATIENCE_MS, Stage } from './stage.ts';

const DRIP_MS = 500;
const POST = 'POST /predict HTTP/1.1\r\nHost: x\r\n';
const GOOD_END = `Content-Length: ${GOOD_BODY.length}\r\n\r\n${GOOD_BODY}`;
const COLUMNS = 4_000_000;

/** What each sends before it stops, and what it goes on dripping. */
const SILENT: Readonly<Record<string, readonly [first: string, drip: string]>> = {
  'says nothing': ['', ''],
  'stops in the request line': ['POST /pre', ''],
  'drips headers': [`${POST}X-A: `, 'a'],
  'drips whole headers': [POST, 'X: a\r\n'],
  'announces a body and sends none': [`${POST}Content-Length: 1000\r\n\r\n`, ''],
  'stops in its body': [`${POST}Content-Length: 1000\r\n\r\n{"features":[1,`, ''],
  'drips its body': [`${POST}Content-Length: 100000\r\n\r\n{"features":[1`, ' '],
  'drips chunks': [`${POST}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
  'never ends its chunks': [`${POST}Transfer-Encoding: chunked\r\n\r\n14\r\n${GOOD_BODY}\r\n`, ''],
  'gives a chunk an extension': [`${POST}Transfer-Encoding: chunked\r\n\r\n14;a=b\r\n${GOOD_BODY}\r\n0\r\n\r\n`, ''],
  'keeps its connection and asks nothing more': ['GET /health HTTP/1.1\r\nHost: x\r\n\r\n', ''],
  'names no host': ['GET /health HTTP/1.1\r\n\r\n', ''],
  'sends more than a hundred headers': [
    `${POST}${Array.from({ length: 120 }, (_, at) => `X${at}: a\r\n`).join('')}${GOOD_END}`, ''],
  'folds a header': [`${POST}X: a\r\n b\r\n${GOOD_END}`, ''],
  'puts a zero byte into a header': [`${POST}X: a\u0000b\r\n${GOOD_END}`, ''],
  'puts a space before the colon': [`${POST}Content-Length : ${GOOD_BODY.length}\r\n\r\n${GOOD_BODY}`, ''],
};

describe('A client that stops', () => {
  let stage: Stage;
  before(async () => (stage = await Stage.open({ limits: { unreadBytesMax: 512 * 1024 * 1024 } })));
  after(() => stage.close());

  test(`is disconnected when it ${Object.keys(SILENT).join(', ')}, or does not read its answer`, async () => {
    const connections: RawConnection[] = [];
    for (const [first, drip] of Object.values(SILENT)) {
      const connection = await RawConnection.open(stage.port);
      connection.socket.write(Buffer.from(first, 'latin1'));
      if (drip !== '') {
        const timer = setInterval(() => connection.socket.write(drip), DRIP_MS);
        connection.socket.on('close', () => clearInterval(timer));
      }
      connections.push(connection);
    }
    const header = JSON.stringify({
      inputs: [{ name: 'x', shape: [1, COLUMNS / 4], datatype: 'FP32' }],
      outputs: [{ name: 'y', parameters: { binary_data: true } }],
    });
    const unread = await RawConnection.open(stage.port);
    unread.socket.pause();
    unread.write([
      'POST /v2/models/id/infer HTTP/1.1', 'Host: x', `Inference-Header-Content-Length: ${header.length}`,
      `Content-Length: ${header.length + COLUMNS}`,
    ], header);
    unread.socket.write(Buffer.alloc(COLUMNS));
    await until('its answer is on the way', () => stage.front.held.unreadBytes > 0, PATIENCE_MS);
    await stage.bystandersAnswered();
    const names = [...Object.keys(SILENT)];
    await until('all are disconnected', () => connections.every(({ closed }) => closed), PATIENCE_MS)
      .catch(() => assert.fail(`still there: ${names.filter((_, at) => !connections[at]!.closed).join('; ')}`));
    await until('the unread answer is dropped', () => stage.front.held.unreadBytes === 0, PATIENCE_MS);
    unread.socket.destroy();
    await stage.quiet();
  });
});
