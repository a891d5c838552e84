// The frames of the `lastgood.f32` WebSocket, little-endian, every part four bytes. Pure; any thread.
//   request   [ id u32 | float32 × row width | … one part per row ]
//   answer    [ id u32 | status u32 = 200 | float32 × … row 0: its outputs in the signature's order | row 1 | … ]
//   error     [ id u32 | status u32 = the HTTP status | {"error":"…","code":"…"} in UTF-8 ]
// Answers are matched to requests by the id, which means nothing else here; they may come in any order.
import { endianness } from 'node:os';
import type { Signature, TensorSignature } from '../../domain/records.ts';
import { rowLayout } from '../../domain/row-layout.ts';
import { shapeText } from '../../domain/datatype.ts';
import { refusalJson } from '../json/refusal.ts';
import type { Refusal } from '../json/refusal.ts';

export const FRAME_ID_BYTES = 4;
/** Id and status before the results. */
export const ANSWER_HEAD_BYTES = 8;
/** Repeated where a frame is too short to have an id. */
const NO_ID = 0;

if (endianness() !== 'LE') throw new Error('load the float frames: the host is big-endian; wanted a little-endian one');

/** The id of a request frame. */
export function floatFrameId(frame: Uint8Array): number {
  if (frame.length < FRAME_ID_BYTES) return NO_ID;
  return (frame[0]! | (frame[1]! << 8) | (frame[2]! << 16) | (frame[3]! << 24)) >>> 0;
}

/** A refusal as a frame. */
export function floatErrorFrame(error: unknown, id: number): Refusal {
  const { status, bytes: json } = refusalJson(error);
  const bytes = Buffer.allocUnsafe(ANSWER_HEAD_BYTES + json.length);
  bytes.writeUInt32LE(id, 0);
  bytes.writeUInt32LE(status, FRAME_ID_BYTES);
  bytes.set(json, ANSWER_HEAD_BYTES);
  return { status, bytes };
}

/** Why a model cannot be asked with bare floats, or null when it can. */
export function floatRefusal(signature: Signature): string | null {
  const [input, ...others] = signature.inputs;
  if (input === undefined || others.length > 0) return `it has ${signature.inputs.length} inputs; wanted one`;
  if (input.datatype !== 'FP32') return `input ${described(input)}; wanted FP32`;
  const { elements } = rowLayout(signature, 1).inputs[0]!;
  if (elements < 1) return `input ${described(input)}, whose rows have no fixed length; wanted one`;
  const odd = signature.outputs.find(({ datatype }) => datatype !== 'FP32');
  return odd === undefined ? null : `output ${described(odd)}; wanted FP32`;
}

const described = ({ name, datatype, shape }: TensorSignature): string => `"${name}" is ${datatype}${shapeText(shape)}`;
