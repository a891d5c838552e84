// What the clients of the public port may hold of this process, by name, and how connections beyond it are refused.
// Main thread.
//   connectionsMax    a further connection is closed as soon as it is accepted
//   socketsMax        a further upgrade is answered 503 SOCKETS_FULL
//   frameBytesMax     a longer WebSocket message ends its socket
//   headerBytesMax    a longer head is answered 431 HEADERS_TOO_LARGE
//   unreadBytesMax    see unread-budget.ts
import { readFileSync } from 'node:fs';

export interface FrontLimits {
  readonly connectionsMax: number;
  readonly socketsMax: number;
  readonly frameBytesMax: number;
  readonly headerBytesMax: number;
  readonly unreadBytesMax: number;
}

/** Descriptors that are left to models, the registry, worker threads and children when clients take all they may. */
const FILES_SPARE = 256;

/**
 * Connections that the front may really hold: with all descriptors of the process given to clients, nothing could be
 * accepted, loaded or rolled back any more. `filesMax` is how many files the process may open.
 */
export function connectionsAllowed(connectionsMax: number, filesMax: number): number {
  return Math.max(1, Math.min(connectionsMax, Math.max(filesMax - FILES_SPARE, filesMax >> 1)));
}

/** The soft limit of open files of this process; Infinity where it is not to be had. */
export function openFilesMax(): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? Infinity : Number(limit);
  } catch {
    return Infinity;
  }
}
