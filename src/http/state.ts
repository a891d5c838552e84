// What all connections of one front end share. Main thread only; plain numbers, no locks.
import { type ErrorCode, errorBody } from '../base/errors.ts';
import { AnswerHeads } from './answer-heads.ts';
import type { ConnectionCount, HttpDriver } from './driver.ts';
import type { FrontLimits } from './limits.ts';
import type { MemoryBudget } from '../shared-memory/memory-budget.ts';
import { Sources } from '../batch/sources.ts';
import { OriginPolicy } from './origins.ts';
import { UnreadBudget } from './unread-budget.ts';

/** Counts and flags of one listening front end. */
export interface FrontState {
  readonly limits: FrontLimits;
  readonly heads: AnswerHeads;
  /** What the process may have; null when nothing limits it. */
  readonly memory: MemoryBudget | null;
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
  /** Errors that were answered here, by code; there are as many entries as the table of errors has at most. */
  readonly refusals: Map<ErrorCode, number>;
  readonly sources: Sources;
  readonly origins: OriginPolicy;
}

/** Counts an error that is answered without a version having been asked. */
export function countRefusal({ refusals }: FrontState, error: unknown): void {
  const { code } = errorBody(error).body;
  refusals.set(code, (refusals.get(code) ?? 0) + 1);
}

/** The connections of a front, of which `connectionsMax` may be open at once. */
export function countConnections(state: FrontState, connectionsMax: number): ConnectionCount {
  return {
    opened: () => {
      state.connections += 1;
      if (state.connections <= connectionsMax) return true;
      state.refusedConnections += 1;
      return false;
    },
    closed: () => {
      state.connections -= 1;
    },
  };
}

export function createFrontState(
  limits: FrontLimits, { prepareHead }: Pick<HttpDriver, 'prepareHead'>, memory: MemoryBudget | null = null,
  sources = new Sources(), origins = new OriginPolicy(),
): FrontState {
  return {
    limits, memory, heads: new AnswerHeads(prepareHead), inFlight: 0, draining: false, receivingBytes: 0,
    compressingBytes: 0,
    connections: 0, refusedConnections: 0, sockets: 0,
    unread: new UnreadBudget(limits.unreadBytesMax), refusals: new Map(), sources, origins,
  };
}
