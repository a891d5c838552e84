// What all connections of one front end share. Main thread only; plain numbers, no locks.

/** Counts and flags of one listening front end. */
export interface FrontState {
  /** Requests and WebSocket frames that were taken and have no answer yet. */
  inFlight: number;
  /** Set once, never cleared: answers carry `Connection: close`, new requests are refused. */
  draining: boolean;
  /** Bytes reserved for bodies that are still coming in. */
  receivingBytes: number;
}

export function createFrontState(): FrontState {
  return { inFlight: 0, draining: false, receivingBytes: 0 };
}
