// lastgood serve with a certificate: clients, operators and a renewal under load, all through the real executable.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { get } from 'node:https';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { connectAdmin } from '../../src/admin/client.ts';
import { lastgood, Server } from '../support/binary.ts';
import { putCertificate, selfSigned } from '../support/certificate.ts';
import { http } from '../support/http.ts';
import { housingBodies, housingFile, housingRows } from '../support/housing.ts';
import { Crowd } from '../support/load.ts';
import { until, untilResolved } from '../support/poll.ts';
import { parseMetrics, total } from '../support/prometheus.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { WebSocketClient } from '../support/websocket-client.ts';

const first = selfSigned({ name: 'first' });
const second = selfSigned({ name: 'second' });
const RENEWAL_MS = 60_000;
const actor = { by: 'test' };

describe('lastgood serve --tls-cert --tls-key', () => {
  test('answers over TLS, renews the certificate under load by SIGHUP, and tells of it', async () => {
    const dataDir = temporaryDirectory();
    const files = temporaryDirectory();
    const { cert, key } = putCertificate(files, first);
    const server = await Server.start(dataDir, ['--tls-cert', cert, '--tls-key', key, '--judge-mode', 'observe']);
    const admin = await connectAdmin(dataDir);
    assert.ok(admin);
    await admin.register({ model: 'housing', file: housingFile('1'), promote: true }, actor);
    const crowd = new Crowd(server.port, '/predict', housingBodies, 4, first.cert);
    const socket = await WebSocketClient.connect(server.port, { ca: first.cert });
    await until('they are answered', () => crowd.answers.length > 50, RENEWAL_MS);

    // Nothing has changed, so only the signal can be why they are read again.
    server.process.kill('SIGHUP');
    await untilResolved('the pair is taken again', async () => (await admin.status({})).tls?.renewals === 1);
    putCertificate(files, second);
    server.process.kill('SIGHUP');
    await untilResolved('new connections are shown the new one', () =>
      http(server.port, '/health', { ca: second.cert }).then(({ status }) => status === 200, () => false));
    const before = crowd.answers.length;
    await until('the old connections go on', () => crowd.answers.length > before + 50, RENEWAL_MS);
    await crowd.stop();
    assert.deepEqual(crowd.failures, []);
    assert.deepEqual(new Set(crowd.answers.map(({ status }) => status)), new Set([200]));
    assert.equal(crowd.answers.length, crowd.sent);
    socket.send(JSON.stringify({ id: 7, features: housingRows[0] }));
    assert.equal((await socket.nextJson())['id'], 7);

    const { tls, listen } = await admin.status({});
    assert.deepEqual([tls?.subject, tls?.problem], ['CN=second', null]);
    const { stdout } = await lastgood(['status', '--data', dataDir]);
    assert.match(stdout, new RegExp(`https://${listen ?? '-'}.*\n\nTLS: CN=second, valid for `));
    const metrics = parseMetrics(await metricsText(server.port, second.cert));
    const expiry = total(metrics, 'lastgood_tls_certificate_expiry_seconds');
    assert.ok(expiry * 1e3 === tls?.notAfterMs);

    rmSync(key);
    server.process.kill('SIGHUP');
    await untilResolved('the refusal is told', async () => typeof (await admin.status({})).tls?.problem === 'string');
    assert.match((await lastgood(['status', '--data', dataDir])).stdout, /TLS files not taken: .*ENOENT/);
    assert.equal((await http(server.port, '/health', { ca: second.cert })).status, 200);
    assert.match(server.log, /the certificate from before is served on/);
    // The supervisor starts one engine for all of this, and both end in peace.
    assert.equal(server.starts.length, 1);
    assert.equal(await server.stop(), 0);
    assert.equal((await socket.closed).code, 1001);
  });

  test('does not start with files that are no pair: it says why and ends with 1', async () => {
    const { cert } = putCertificate(temporaryDirectory(), first);
    const { key } = putCertificate(temporaryDirectory(), second);
    const data = ['--data', join(temporaryDirectory(), 'data'), '--listen', '127.0.0.1:0', '--log-level', 'silent'];
    const { code, stderr } = await lastgood(['serve', ...data, '--tls-cert', cert, '--tls-key', key]);
    assert.equal(code, 1);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    assert.match(stderr, /serve TLS with ".*" and ".*": the key does not belong to the certificate/);
    const half = await lastgood(['serve', ...data, '--tls-cert', cert]);
    assert.notEqual(half.code, 0);
    assert.match(half.stderr, /tlsCert is given without tlsKey; wanted both or neither/);
  });
});

function metricsText(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/metrics', ca, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece)).on('end', () => resolve(text));
    }).on('error', reject);
  });
}
