// Who may change something through the public port: the holder of the admin token. Main thread.
import { createHash, timingSafeEqual } from 'node:crypto';
import { lastgoodError } from '../base/errors.ts';
import type { HttpRequest } from '../http/driver.ts';
import type { Reply } from '../http/reply.ts';

/** Tells whether a request may go on; otherwise it has been answered, or FORBIDDEN is thrown. */
type AdminCheck = (reply: Reply, request: HttpRequest) => boolean;

/** Compares bearer tokens with `adminToken`; without one nobody is let through. */
export function adminCheck(adminToken: string | undefined): AdminCheck {
  if (adminToken === undefined || adminToken === '') {
    return () => {
      throw lastgoodError('FORBIDDEN');
    };
  }
  const wanted = sha256(adminToken);
  return (reply, request) => {
    const token = /^bearer +(.*)$/i.exec(request.getHeader('authorization'))?.[1];
    // Digests have one length, so the comparison takes the same time for every token.
    if (token !== undefined && timingSafeEqual(sha256(token), wanted)) return true;
    reply.fail(lastgoodError('UNAUTHORIZED'), { header: ['WWW-Authenticate', 'Bearer'] });
    return false;
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
