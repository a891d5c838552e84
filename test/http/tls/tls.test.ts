// TLS on the public port: what is served, what is refused, and how one certificate takes the place of another.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { connect } from 'node:tls';
import type { Front } from '../../../src/api/serving-api.ts';
import { isLastgoodError } from '../../../src/base/errors.ts';
import type { TlsPaths } from '../../../src/http/tls/tls-pair.ts';
import type { TlsNews } from '../../../src/http/tls/tls-renewal.ts';
import { EchoEngine, frontBefore } from '../../api/echo-engine.ts';
import { type Certificate, type CertificateFiles, putCertificate, selfSigned } from '../../support/certificate.ts';
import { namedPipe } from '../../support/disk.ts';
import { http, RawConnection } from '../../support/http.ts';
import { Crowd } from '../../support/load.ts';
import { until } from '../../support/poll.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { WebSocketClient } from '../../support/websocket-client.ts';

const first = selfSigned({ name: 'first' });
const second = selfSigned({ name: 'second' });
const YEAR_MS = 365 * 86_400_000;
const expired = selfSigned({
  name: 'expired', notBeforeMs: Date.now() - 2 * YEAR_MS, notAfterMs: Date.now() - YEAR_MS,
});
const LOCKED = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----';
/** Two looks at the files and a busy machine. */
const RENEWAL_MS = 60_000;

async function serveTls(paths: TlsPaths, engine = new EchoEngine()): Promise<{ front: Front; news: TlsNews[] }> {
  const news: TlsNews[] = [];
  const front = await frontBefore(engine, {
    tls: { paths, nowMs: () => Date.now(), tell: (one) => news.push(one) },
  });
  after(() => front.close());
  return { front, news };
}

const isTlsUnusable = (reason: RegExp) => (error: unknown) =>
  isLastgoodError(error) && error.code === 'TLS_UNUSABLE' && reason.test(error.message);

/** Whether a new connection is shown this certificate, and no other. */
async function shows(front: Front, { cert }: Certificate): Promise<boolean> {
  return http(front.port, '/health', { ca: cert }).then(({ status }) => status === 200, () => false);
}

async function renewed(front: Front, certificate: Certificate, renewals: number): Promise<void> {
  await until('the pair is taken', () => front.tls?.renewals === renewals, RENEWAL_MS);
  assert.equal(await shows(front, certificate), true);
}

describe('TLS on the public port', () => {
  test('carries HTTP and WebSocket, from TLS 1.2 on, and no plain HTTP', async () => {
    const { front } = await serveTls(putCertificate(temporaryDirectory(), first));
    assert.equal(front.tls?.subject, 'CN=first');
    const answer = await http(front.port, '/health', { ca: first.cert });
    assert.deepEqual([answer.status, answer.json['healthy']], [200, true]);
    const socket = await WebSocketClient.connect(front.port, { ca: first.cert });
    assert.equal(socket.status, 101);
    socket.destroy();
    const handshake = (maxVersion: 'TLSv1.1' | 'TLSv1.2'): Promise<string> => new Promise((resolve) => {
      const client = connect({
        host: '127.0.0.1', port: front.port, ca: first.cert, minVersion: 'TLSv1', maxVersion,
        ciphers: 'DEFAULT@SECLEVEL=0',
      }, () => {
        resolve(client.getProtocol() ?? '');
        client.destroy();
      });
      client.on('error', () => resolve('refused'));
    });
    assert.deepEqual([await handshake('TLSv1.1'), await handshake('TLSv1.2')], ['refused', 'TLSv1.2']);
    const plain = await RawConnection.open(front.port);
    plain.write(['GET /health HTTP/1.1', 'Host: x']);
    await until('it is cut', () => plain.closed);
    assert.deepEqual(plain.statuses, []);
  });

  test('takes its port for itself: a second front is refused, with TLS or without', async () => {
    const paths = putCertificate(temporaryDirectory(), first);
    const { front } = await serveTls(paths);
    const isTaken = (error: unknown): boolean => isLastgoodError(error) && error.code === 'LISTEN_FAILED';
    const tls = { paths, nowMs: () => Date.now(), tell: () => undefined };
    await assert.rejects(frontBefore(new EchoEngine(), { port: front.port, tls }), isTaken);
    await assert.rejects(frontBefore(new EchoEngine(), { port: front.port }), isTaken);
  });

  test('warns of a key that others may read, and of a certificate out of its time', async () => {
    const paths = putCertificate(temporaryDirectory(), expired);
    chmodSync(paths.key, 0o644);
    const { news: [served] } = await serveTls(paths);
    assert.ok(served?.kind === 'served');
    assert.match(served.certificate.warnings.join('\n'), /readable by every user.*wanted 0600\n.*expired on/s);
    const nextYearMs = Date.now() + YEAR_MS;
    const young = selfSigned({ name: 'young', notBeforeMs: nextYearMs, notAfterMs: nextYearMs + YEAR_MS });
    const { news: [early] } = await serveTls(putCertificate(temporaryDirectory(), young));
    assert.ok(early?.kind === 'served');
    assert.match(early.certificate.warnings.join('\n'), /^the certificate is not valid before /);
  });

  test('is refused at start with files that are no pair, and says why', async () => {
    const good = putCertificate(temporaryDirectory(), first);
    const other = putCertificate(temporaryDirectory(), second);
    const folder = temporaryDirectory();
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const cases: [TlsPaths, RegExp][] = [
      [{ ...good, key: other.key }, /the key does not belong to the certificate/],
      [{ ...good, cert: join(folder, 'none.pem') }, /the certificate cannot be read: ENOENT/],
      [{ ...good, key: file('key.txt', 'no key') }, /the key is not usable/],
      [{ ...good, cert: good.key }, /the certificate is not usable/],
      [{ ...good, cert: namedPipe() }, /the certificate cannot be read: it is a named pipe; wanted a regular file/],
      [{ ...good, key: namedPipe() }, /the key cannot be read: it is a named pipe; wanted a regular file/],
      [{ ...good, key: '/dev/zero' }, /the key cannot be read: it is a device; wanted a regular file/],
      [{ ...good, cert: folder }, /the certificate cannot be read: it is a directory; wanted a regular file/],
      [{ ...good, key: file('locked.pem', LOCKED) },
        /the key is not usable: it is encrypted; wanted one without a passphrase/],
    ];
    for (const [paths, reason] of cases) await assert.rejects(serveTls(paths), isTlsUnusable(reason));
  });
});

describe('a renewed certificate', () => {
  test('is shown to new connections, and no request on the ones that are open fails', async () => {
    const directory = temporaryDirectory();
    const { front } = await serveTls(putCertificate(directory, first));
    const crowd = new Crowd(front.port, '/predict', ['{"features":[1]}'], 8, first.cert);
    const socket = await WebSocketClient.connect(front.port, { ca: first.cert });
    await until('they ask', () => crowd.answers.length > 50);
    putCertificate(directory, second);
    await renewed(front, second, 1);
    assert.equal(await shows(front, first), false);
    const other = await WebSocketClient.connect(front.port, { ca: second.cert });
    assert.equal(front.held.sockets, 2, 'sockets of both certificates are counted');
    other.destroy();
    await until('the other is gone', () => front.held.sockets === 1);
    const before = crowd.answers.length;
    await until('they go on asking', () => crowd.answers.length > before + 50);
    await crowd.stop();
    assert.deepEqual(crowd.failures, []);
    assert.ok(crowd.answers.every(({ status }) => status === 200));
    assert.equal(crowd.answers.length, crowd.sent);
    socket.send('{"id":1,"features":[1]}');
    assert.equal((await socket.nextJson())['id'], 1);
    // The old listener's connections are ended by the drain, as the new one's are.
    front.stopIntake();
    front.close();
    assert.equal((await socket.closed).code, 1001);
  });

  test('is found behind a symlink that was swapped, and by asking for it', async () => {
    const root = temporaryDirectory();
    for (const [name, certificate] of [['1', first], ['2', second]] as const) {
      mkdirSync(join(root, name));
      putCertificate(join(root, name), certificate);
    }
    symlinkSync('1', join(root, 'now'));
    const { front } = await serveTls({ cert: join(root, 'now/cert.pem'), key: join(root, 'now/key.pem') });
    const swap = (name: string): void => {
      symlinkSync(name, join(root, 'next'));
      renameSync(join(root, 'next'), join(root, 'now'));
    };
    swap('2');
    await renewed(front, second, 1);
    swap('1');
    front.renewTls();
    await renewed(front, first, 2);
  });

  test('that cannot be served leaves the one from before, says so, and is taken when it is whole', async () => {
    const directory = temporaryDirectory();
    const { front, news } = await serveTls(putCertificate(directory, first));
    const files: CertificateFiles = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
    const refused = async (refusals: number, reason: RegExp): Promise<void> => {
      await until('it is refused', () => (front.tls?.refusals ?? 0) === refusals, RENEWAL_MS);
      const last = news.at(-1);
      assert.ok(last?.kind === 'refused');
      assert.match(last.reason, reason);
      assert.match(front.tls?.problem ?? '', reason);
      assert.deepEqual([front.tls?.subject, await shows(front, first)], ['CN=first', true]);
    };
    writeFileSync(files.cert, second.cert);
    await refused(1, /the key does not belong to the certificate/);
    unlinkSync(files.key);
    await refused(2, /the key cannot be read: ENOENT/);
    putCertificate(directory, expired);
    await refused(3, /has expired, and the one that is served has not/);
    putCertificate(directory, second);
    await renewed(front, second, 1);
    assert.equal(front.tls?.problem, null);
    rmSync(directory, { recursive: true });
  });
});
