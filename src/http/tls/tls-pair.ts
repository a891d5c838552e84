// Reads a certificate and its key and finds out whether they can be served, before a listener is made of them. Main
// thread, when the front starts and when the files change.
//
// The addon reads the files itself, by name. It is given the descriptors that were checked, as /proc/self/fd/N, so that
// a rename or a symlink swap in between cannot put another pair in their place.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { lastgoodError, reasonOf } from '../../base/errors.ts';
import { RegularFile } from '../../base/regular-file.ts';

/** Longer files are no certificate chains. */
const FILE_BYTES_MAX = 1 << 20;
const READABLE_BY_OTHERS = 0o004;

export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
}

/** The first certificate of the chain, as operators know it. */
export interface TlsCertificate {
  readonly subject: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** What is wrong with it and does not keep it from being served. */
  readonly warnings: readonly string[];
}

/** A checked pair; `certFile` and `keyFile` name it until `close`. */
export interface TlsPair extends TlsCertificate {
  /** As the operator names the files. */
  readonly paths: TlsPaths;
  readonly certFile: string;
  readonly keyFile: string;
  close(): void;
}

/** Opens and checks both files; throws TLS_UNUSABLE and leaves nothing open then. The caller closes the pair. */
export function openTlsPair(paths: TlsPaths, nowMs: number): TlsPair {
  const opened: RegularFile[] = [];
  const close = (): void => {
    for (const file of opened.splice(0)) file.close();
  };
  try {
    const cert = openFile('the certificate', paths.cert);
    opened.push(cert);
    const key = openFile('the key', paths.key);
    opened.push(key);
    const certificate = checkPair(cert.text(), key.text());
    const { subject, validFrom, validTo } = certificate;
    const notBeforeMs = Date.parse(validFrom);
    const notAfterMs = Date.parse(validTo);
    const warnings = [
      ...((key.mode & READABLE_BY_OTHERS) !== 0
        ? [`the key "${paths.key}" is readable by every user of this host; wanted 0600`]
        : []),
      ...(nowMs > notAfterMs ? [`the certificate expired on ${validTo}`] : []),
      ...(nowMs < notBeforeMs ? [`the certificate is not valid before ${validFrom}`] : []),
    ];
    const fileOf = ({ descriptor }: RegularFile): string => `/proc/self/fd/${descriptor}`;
    return {
      paths, subject: subject.replaceAll('\n', ', '), notBeforeMs, notAfterMs, warnings,
      certFile: fileOf(cert), keyFile: fileOf(key), close,
    };
  } catch (error) {
    close();
    throw tlsUnusable(paths, reasonOf(error));
  }
}

export function tlsUnusable({ cert, key }: TlsPaths, reason: string): Error {
  return lastgoodError('TLS_UNUSABLE', { cert, key, reason });
}

function openFile(what: string, path: string): RegularFile {
  try {
    return RegularFile.open(path, FILE_BYTES_MAX);
  } catch (error) {
    throw new Error(`${what} cannot be read: ${reasonOf(error)}`);
  }
}

function checkPair(cert: string, key: string): X509Certificate {
  const certificate = parsed('the certificate', () => new X509Certificate(cert));
  const privateKey = parsed('the key', () => unlockedKey(key));
  if (!certificate.checkPrivateKey(privateKey)) throw new Error('the key does not belong to the certificate');
  parsed('the chain', () => createSecureContext({ cert, key }));
  return certificate;
}

function unlockedKey(key: string): KeyObject {
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(key)) {
    throw new Error('it is encrypted; wanted one without a passphrase');
  }
  return createPrivateKey(key);
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new Error(`${what} is not usable: ${reasonOf(error)}`);
  }
}
