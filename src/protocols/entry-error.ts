// How an error is written for an entry of a slab, in the encoding of its kind: the main thread (a deadline, a lost
// worker) and the workers (a batch that could not be run) answer in the same words. Pure; any thread.
import { errorBody } from '../base/errors.ts';
import { EntryKind } from '../shared-memory/slab.ts';
import type { Slab } from '../shared-memory/slab.ts';
import { floatErrorFrame, floatFrameId } from './f32/frame.ts';
import { oipErrorFrame } from './oip/frame.ts';
import { requestId } from './oip/request.ts';
import { frameId } from './predict/body.ts';

export interface EntryError {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/** Encodes `error`; a WebSocket frame's carries the frame's id, or nobody could tell which frame was refused. */
export function encodeEntryError(slab: Slab, entry: number, error: unknown): EntryError {
  switch (slab.kind(entry)) {
    case EntryKind.socketJson:
      return jsonError(`{"id":${frameId(slab.request(entry)) ?? 'null'},`, error);
    case EntryKind.oipFrame:
      return oipErrorFrame(requestId(slab.request(entry).subarray(0, slab.headerBytes(entry))), error);
    case EntryKind.floatFrame:
      return floatErrorFrame(floatFrameId(slab.request(entry)), error);
    default:
      return jsonError('{', error);
  }
}

function jsonError(start: string, error: unknown): EntryError {
  const { status, body } = errorBody(error);
  return { status, bytes: Buffer.from(start + JSON.stringify(body).slice(1)) };
}
