#!/usr/bin/env bash
# What becomes of doubtful requests behind nginx and haproxy, which have to be installed: starts lastgood with the demo
# models and both proxies before it, sends each case three ways, and prints one row of the table in docs/security.md a
# case: statuses in their order, "closed" when the connection ended. Needs a build; nothing is left behind.
#   scripts/proxies.sh
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'kill $(cat "$work"/*.pid) 2>/dev/null || true; rm -rf "$work"' EXIT
chmod 755 "$work"
port=${PORT:-28400}; nginx_port=$((port + 1)); haproxy_port=$((port + 2))

node "$here/dist/src/cli/main.js" serve --data "$work/data" --demo-models --listen "127.0.0.1:$port" --no-supervisor \
  > "$work/lastgood.log" 2>&1 & echo $! > "$work/lastgood.pid"
cat > "$work/nginx.conf" <<CONF
pid $work/nginx.pid;
error_log $work/nginx.log;
events {}
http {
  access_log off;
  client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/f; uwsgi_temp_path $work/u;
  scgi_temp_path $work/s;
  upstream lastgood { server 127.0.0.1:$port; keepalive 1; }
  server {
    listen 127.0.0.1:$nginx_port;
    location / {
      proxy_pass http://lastgood; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host \$http_host;
      proxy_request_buffering off;
    }
  }
}
CONF
cat > "$work/haproxy.cfg" <<CONF
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  http-reuse always
frontend all
  bind 127.0.0.1:$haproxy_port
  default_backend lastgood
backend lastgood
  server one 127.0.0.1:$port
CONF
nginx -c "$work/nginx.conf" 2> "$work/nginx.err"
haproxy -f "$work/haproxy.cfg" -D -p "$work/haproxy.pid" > "$work/haproxy.log" 2>&1
for _ in $(seq 100); do
  curl -sf "http://127.0.0.1:$port/v2/health/ready" > "$work/ready" && break
  sleep 0.3
done

node - "$port" "$nginx_port" "$haproxy_port" <<'PROGRAM'
const { connect } = require('node:net');
const ports = process.argv.slice(2).map(Number);
const body = '{"features":[4.4,35,5.1,1.07,1117,2.2,37.24,-121.97]}';
const head = 'POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n`;
const get = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n';
const length = (text) => `${head}Content-Length: ${text}\r\n`;
const cases = {
  'a plain request': `${length(body.length)}\r\n${body}`,
  'a chunked body': `${chunked}\r\n`,
  'trailers behind a chunked body': `${chunked}X-Checksum: 1\r\n\r\n`,
  'a request in the place of trailers': `${chunked}xx${get}`,
  'a chunked body and a second request': `${chunked}\r\n${get}`,
  'Content-Length and Transfer-Encoding': `${length(5)}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${get}`,
  'two Content-Lengths': `${length(body.length)}Content-Length: 5\r\n\r\n${body}${get}`,
  'Transfer-Encoding: xchunked': `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${get}`,
  'a folded header': `${head}X-A: b\r\n Content-Length: 3\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  'a space before the colon': `${head}Content-Length : ${body.length}\r\n\r\n${body}${get}`,
  'a bare line feed in the head': `${head}X: y\nContent-Length: 0\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  'a bare line feed behind a chunk length': `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\n${body}\r\n0\r\n\r\n`,
  'two Hosts': 'GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n',
  'a page of another origin': `${head}Origin: https://evil.example\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  'a rollback under another name': 'POST /rollback HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\n\r\n',
  'an upgrade with a body': 'GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nContent-Length: ${get.length}\r\n\r\n${get}`,
};
const ask = (port, bytes) => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let isClosed = false;
  socket.on('data', (piece) => (text += piece.toString('latin1')));
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  socket.write(Buffer.from(bytes, 'latin1'));
  setTimeout(() => {
    socket.destroy();
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
    resolve([...statuses, ...(isClosed ? ['closed'] : [])].join(', ') || 'no answer');
  }, 1_500);
});
(async () => {
  console.log('| sent | directly | nginx | haproxy |\n|---|---|---|---|');
  for (const [name, bytes] of Object.entries(cases)) {
    console.log(`| ${name} | ${(await Promise.all(ports.map((port) => ask(port, bytes)))).join(' | ')} |`);
  }
})();
PROGRAM
