// The protocols whose requests are for whole tensors, as a worker needs them: a decoder and an encoder for each kind of
// entry. Worker thread; one set per session. The rest of a protocol, which every thread may ask for, is in protocol.ts.
import { EntryKind } from './protocol.ts';
import { OipEncoder } from './oip/answer.ts';
import { RequestDecoder } from './oip/request.ts';
import type { CodecOptions, TensorCodec } from './tensor-request.ts';
import { TfsEncoder } from './tfs/answer.ts';
import { decodeTfsRequest } from './tfs/request.ts';

type CodecMaker = (options: CodecOptions) => TensorCodec;

/** Null for those that have a lane of their own. */
const MAKERS: Readonly<Record<EntryKind, CodecMaker | null>> = {
  [EntryKind.predictJson]: null,
  [EntryKind.socketJson]: null,
  [EntryKind.oip]: (options) => oipCodec(options, false),
  [EntryKind.oipFrame]: (options) => oipCodec(options, true),
  [EntryKind.floatFrame]: null,
  [EntryKind.tfsPredict]: (options) => ({
    decoder: { decode: (bytes) => decodeTfsRequest(bytes, options.signature) }, encoder: new TfsEncoder(options),
  }),
  [EntryKind.replay]: null,
};

const oipCodec = (options: CodecOptions, isFrame: boolean): TensorCodec =>
  ({ decoder: new RequestDecoder(options.signature), encoder: new OipEncoder(options, isFrame) });

/** The codecs of a session by kind of entry. */
export function tensorCodecs(options: CodecOptions): ReadonlyMap<number, TensorCodec> {
  return new Map(Object.values(EntryKind).flatMap((kind): [EntryKind, TensorCodec][] => {
    const codec = MAKERS[kind]?.(options);
    return codec === undefined ? [] : [[kind, codec]];
  }));
}
