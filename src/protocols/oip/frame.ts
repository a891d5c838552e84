// The frames of the `oip.v2` WebSocket, the same in both directions. Pure; any thread.
//   frame   [ jsonBytes u32, little-endian | jsonBytes of JSON | raw tensors, as the JSON says ]
// The JSON is a request or an answer of the Open Inference Protocol, a request with "model_name" and optionally
// "model_version"; an error is {"id":…,"error":"…","code":"…"}. Answers are matched by the id, in any order.
import { lastgoodError } from '../../base/errors.ts';
import { refusalJson } from '../json/refusal.ts';
import type { Refusal } from '../json/refusal.ts';

export const FRAME_LENGTH_BYTES = 4;

/** The bytes of JSON that a frame says it has, without a look at whether they are there; 0 when it is too short. */
function saidJsonBytes(frame: Uint8Array): number {
  if (frame.length < FRAME_LENGTH_BYTES) return 0;
  return (frame[0]! | (frame[1]! << 8) | (frame[2]! << 16) | (frame[3]! << 24)) >>> 0;
}

/** The length of the JSON part behind the frame's first four bytes; throws INVALID_REQUEST. */
export function frameJsonBytes(frame: Uint8Array): number {
  const bytes = saidJsonBytes(frame);
  const left = frame.length - FRAME_LENGTH_BYTES;
  if (bytes > 0 && bytes <= left) return bytes;
  const reason = left < 0
    ? `the frame has ${frame.length} bytes; wanted the length of its JSON in the first ${FRAME_LENGTH_BYTES}`
    : `the frame says that its JSON has ${bytes} bytes; wanted 1 to ${left}, which follow`;
  throw lastgoodError('INVALID_REQUEST', { reason });
}

/** What is there of the JSON part, also of a frame that is refused. */
export function frameJson(frame: Buffer): Buffer {
  return frame.subarray(FRAME_LENGTH_BYTES, FRAME_LENGTH_BYTES + saidJsonBytes(frame));
}

/** Writes the length of the JSON part into the first four bytes of a frame. */
export function writeJsonBytes(frame: Uint8Array, jsonBytes: number): void {
  for (let at = 0; at < FRAME_LENGTH_BYTES; at += 1) frame[at] = (jsonBytes >>> (at * 8)) & 0xff;
}

/** A refusal as a frame; `id` is JSON text. */
export function oipErrorFrame(error: unknown, id: string | null): Refusal {
  const { status, bytes: json } = refusalJson(error, id);
  const bytes = Buffer.allocUnsafe(FRAME_LENGTH_BYTES + json.length);
  writeJsonBytes(bytes, json.length);
  bytes.set(json, FRAME_LENGTH_BYTES);
  return { status, bytes };
}
