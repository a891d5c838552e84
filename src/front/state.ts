// What all connections of one front end share. Main thread only; plain numbers, no locks.
import type { FrontLimits } from './limits.ts';
import { UnreadBudget } from './unread-budget.ts';

/** Counts and flags of one listening front end. */
export interface FrontState {
  readonly limits: FrontLimits;
  /** Requests and WebSocket frames that were taken and have no answer yet. */
  inFlight: number;
  /** Set once, never cleared: answers carry `Connection: close`, new requests are refused. */
  draining: boolean;
  /** Bytes reserved for bodies that are still coming in. */
  receivingBytes: number;
  /** Bytes of answers that are being compressed. */
  compressingBytes: number;
  /** Open connections, WebSockets included. */
  connections: number;
  /** Connections that were closed at once because there were too many. */
  refusedConnections: number;
  /** Open WebSockets. */
  sockets: number;
  /** Answers that were sent and are not read yet. */
  readonly unread: UnreadBudget;
}

export function createFrontState(limits: FrontLimits): FrontState {
  return {
    limits, inFlight: 0, draining: false, receivingBytes: 0, compressingBytes: 0,
    connections: 0, refusedConnections: 0, sockets: 0,
    unread: new UnreadBudget(limits.unreadBytesMax),
  };
}
