// Chooses the port for an address with port 0. Main thread.
//
// The addon could do that, but it sets SO_REUSEADDR only when a port is named, and then a process that takes over the
// port of a crashed one finds it taken for a minute, as long as connections of the dead linger in TIME_WAIT.
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { lastgoodError } from '../base/errors.ts';

/** A port of `host` that nobody listens on; throws LISTEN_FAILED when `host` is none of this machine's addresses. */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', ({ message }) => reject(lastgoodError('LISTEN_FAILED', { host, port: 0, reason: message })));
    probe.listen({ host, port: 0, exclusive: true }, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
