// The ceiling: a bare uWebSockets.js server that reads the whole body and answers a constant, with no model behind it.
// Its own process; argument: bytes of the answer's body.
import { loadUws } from '../../src/http/uws/addon.ts';

const answerBytes = Number(process.argv[2]);
const answer = `{"prediction":0.5${' '.repeat(Math.max(0, answerBytes - 18))}}`;
const uws = loadUws();
let readBytes = 0;
const app = uws.App().post('/*', (response) => {
  response.onAborted(() => undefined);
  response.onData((chunk, isLast) => {
    readBytes += chunk.byteLength;
    if (!isLast) return;
    response.cork(() => {
      response.writeHeader('Content-Type', 'application/json');
      response.end(answer);
    });
  });
});
app.listen('127.0.0.1', 0, uws.LIBUS_LISTEN_EXCLUSIVE_PORT, (socket) => {
  if (socket === false) throw new Error('listen: no port is free');
  process.stdout.write(`${JSON.stringify({ port: uws.us_socket_local_port(socket) })}\n`);
});
process.on('SIGTERM', () => {
  process.stderr.write(`read ${readBytes} bytes\n`);
  process.exit();
});
