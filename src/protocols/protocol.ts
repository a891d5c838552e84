// The protocols in which requests come, one row for each kind of entry: what the metrics call it, how a worker runs it,
// where its id is, how an error is written. The main thread (a deadline, a lost worker) and the workers refuse an entry
// in the same words. Pure; any thread: decoders and encoders, which only workers need, are in tensor-codecs.ts.
import type { Slab } from '../shared-memory/slab.ts';
import { ANSWER_HEAD_BYTES, floatErrorFrame, floatFrameId } from './f32/frame.ts';
import { idIn, refusalJson } from './json/refusal.ts';
import type { Refusal } from './json/refusal.ts';
import { FRAME_LENGTH_BYTES, oipErrorFrame } from './oip/frame.ts';
import { requestId } from './oip/scan.ts';

/** How the bytes of an entry are encoded; its answer uses the same encoding. */
export const EntryKind = {
  /** The body of POST /predict. */
  predictJson: 1,
  /** A text frame of the `lastgood.json` WebSocket: the same with an `id` that is echoed. */
  socketJson: 2,
  /**
   * An Open Inference Protocol request: `headerBytes` of JSON, then raw tensors. None of JSON: all of it is the one
   * input of the model. Its `answerHeaderBytes` is the length of the answer's JSON when raw tensors follow, else 0.
   */
  oip: 3,
  /** The same from an `oip.v2` WebSocket: an error repeats the request's id. */
  oipFrame: 4,
  /** A binary frame of the `lastgood.f32` WebSocket: see f32/frame.ts. */
  floatFrame: 5,
  /** The body of TensorFlow Serving's predict. */
  tfsPredict: 6,
  /** A kept row, as domain/row-codec.ts writes it, that no client asks about: see worker/run/replay.ts. */
  replay: 7,
} as const;
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind];

interface Protocol {
  /** As metrics have it; a WebSocket's is its subprotocol. */
  readonly name: string;
  /** What a worker makes of an entry: rows of JSON, rows of bare floats, whole tensors, or a kept row run once more. */
  readonly lane: 'rows' | 'floats' | 'tensors' | 'replay';
  /** It comes in WebSocket frames, whose answers and errors repeat the id. */
  readonly isFrame: boolean;
  /** The id inside a request by which people know it, as JSON text; null when it has none, or only a number. */
  readonly idIn: (request: Uint8Array, headerBytes: number) => string | null;
  /** The error as the answer to a request. */
  readonly refusal: (error: unknown, request: Uint8Array, headerBytes: number) => Refusal;
  /** Bytes of a refusal before its JSON. */
  readonly refusalHeadBytes: number;
}

const noId = (): null => null;
const tensorId: Protocol['idIn'] = (request, headerBytes) => requestId(request.subarray(0, headerBytes));

/** What protocols over HTTP have in common: the status says that it is a refusal, and its body is JSON. */
const OVER_HTTP = {
  isFrame: false, idIn: noId, refusal: (error: unknown) => refusalJson(error), refusalHeadBytes: 0,
} as const;

export const PROTOCOLS: Readonly<Record<EntryKind, Protocol>> = {
  [EntryKind.predictJson]: { ...OVER_HTTP, name: 'predict', lane: 'rows' },
  [EntryKind.socketJson]: {
    name: 'lastgood.json', lane: 'rows', isFrame: true, idIn,
    refusal: (error, request) => refusalJson(error, idIn(request)), refusalHeadBytes: 0,
  },
  [EntryKind.oip]: { ...OVER_HTTP, name: 'oip', lane: 'tensors', idIn: tensorId },
  [EntryKind.oipFrame]: {
    name: 'oip.v2', lane: 'tensors', isFrame: true, idIn: tensorId,
    refusal: (error, request, headerBytes) => oipErrorFrame(error, tensorId(request, headerBytes)),
    refusalHeadBytes: FRAME_LENGTH_BYTES,
  },
  [EntryKind.floatFrame]: {
    name: 'lastgood.f32', lane: 'floats', isFrame: true, idIn: noId,
    refusal: (error, request) => floatErrorFrame(error, floatFrameId(request)), refusalHeadBytes: ANSWER_HEAD_BYTES,
  },
  [EntryKind.tfsPredict]: { ...OVER_HTTP, name: 'tfserving', lane: 'tensors' },
  [EntryKind.replay]: { ...OVER_HTTP, name: 'replay', lane: 'replay' },
};

/** The protocol in which an entry of a slab came: one look at an array. */
export const protocolOf = (slab: Slab, entry: number): Protocol => PROTOCOLS[slab.kind(entry) as EntryKind];

/** Encodes an error for an entry of a slab. */
export function refusalOf(slab: Slab, entry: number, error: unknown): Refusal {
  return protocolOf(slab, entry).refusal(error, slab.request(entry), slab.headerBytes(entry));
}
