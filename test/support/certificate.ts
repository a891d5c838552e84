// Makes self-signed certificates for tests: Node can read X.509 and not write it. The structure is that of RFC 5280,
// section 4.1, with an EC key on P-256.
import { generateKeyPairSync, sign } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const Tag = { integer: 0x02, bits: 0x03, bytes: 0x04, oid: 0x06, utf8: 0x0c, time: 0x18, sequence: 0x30, set: 0x31 };
const DAY_MS = 86_400_000;

export interface CertificateOptions {
  /** The common name; the certificate is for localhost and 127.0.0.1. */
  readonly name: string;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate that is its own authority, and its key, both in PEM. */
export function selfSigned(options: CertificateOptions): Certificate {
  const nowMs = Date.now();
  const { name, notBeforeMs = nowMs - DAY_MS, notAfterMs = nowMs + 30 * DAY_MS } = options;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ecdsaWithSha256 = der(Tag.sequence, der(Tag.oid, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
  const commonName = der(Tag.sequence, der(Tag.oid, [0x55, 0x04, 0x03]), der(Tag.utf8, Buffer.from(name)));
  const names = der(Tag.sequence, der(Tag.set, commonName));
  const alternatives = der(Tag.sequence, der(0x82, Buffer.from('localhost')), der(0x87, [127, 0, 0, 1]));
  const subjectAltName = der(Tag.sequence, der(Tag.oid, [0x55, 0x1d, 0x11]), der(Tag.bytes, alternatives));
  const body = der(
    Tag.sequence,
    der(0xa0, der(Tag.integer, [2])),
    der(Tag.integer, [1]),
    ecdsaWithSha256,
    names,
    der(Tag.sequence, time(notBeforeMs), time(notAfterMs)),
    names,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(Tag.sequence, subjectAltName)),
  );
  const signature = sign('sha256', body, privateKey);
  const whole = der(Tag.sequence, body, ecdsaWithSha256, der(Tag.bits, [0], signature));
  const lines = whole.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

function der(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = content;
  const head = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

function time(atMs: number): Buffer {
  return der(Tag.time, Buffer.from(new Date(atMs).toISOString().replace(/[-:T]|\.\d+/g, '')));
}

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Puts both files into `directory`, each by an atomic rename, the key for its owner only. */
export function putCertificate(directory: string, { cert, key }: Certificate): CertificateFiles {
  const files = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  for (const [path, text, mode] of [[files.key, key, 0o600], [files.cert, cert, 0o644]] as const) {
    writeFileSync(`${path}.new`, text, { mode });
    renameSync(`${path}.new`, path);
  }
  return files;
}
