// The dialects in which requests for whole tensors come, as the worker needs them: how an entry is read, and how its
// answer or its error is written. Worker thread; one set per session.
import type { Signature } from '../../domain/records.ts';
import { EntryKind } from '../../shared-memory/slab.ts';
import { OipEncoder } from '../../protocols/oip/answer.ts';
import type { OipAnswer, OutputTensor } from '../../protocols/oip/answer.ts';
import { oipErrorFrame } from '../../protocols/oip/frame.ts';
import { RequestDecoder, requestId } from '../../protocols/oip/request.ts';
import type { TensorRequest } from '../../protocols/oip/request.ts';
import type { NonFiniteJson } from '../../protocols/json/tensor-json.ts';
import { TfsEncoder } from '../../protocols/tfs/answer.ts';
import { decodeTfsRequest } from '../../protocols/tfs/request.ts';
import type { TfsRequest } from '../../protocols/tfs/request.ts';

export interface TensorCodec {
  /** Reads an entry; what it throws is the client's fault. */
  decode(bytes: Uint8Array, headerBytes: number): TensorRequest;
  /** The bytes are valid until the next call of the set. Throws JsonTooLarge. */
  encode(request: TensorRequest, tensors: readonly (OutputTensor | undefined)[]): OipAnswer;
  /** `id` is that of the request, or null when it was not read. */
  encodeError(error: unknown, id: string | null): OipAnswer;
  /** The id of an entry that could not be decoded, where errors have to repeat it. */
  idOf(bytes: Uint8Array, headerBytes: number): string | null;
}

export interface CodecOptions {
  readonly model: string;
  readonly version: string;
  readonly signature: Signature;
  readonly nonFinite: NonFiniteJson;
  readonly answerBytesMax: number;
}

/** The codecs by entry kind; kinds that are not in it are no requests for tensors. */
export function tensorCodecs(options: CodecOptions): ReadonlyMap<number, TensorCodec> {
  const { signature } = options;
  const encoder = new OipEncoder({ ...options, outputs: signature.outputs });
  const decoder = new RequestDecoder(signature);
  const oip: TensorCodec = {
    decode: (bytes, headerBytes) => decoder.decode(bytes, headerBytes),
    encode: ({ id, outputs }, tensors) => encoder.encode(id, outputs, tensors),
    encodeError: (error) => encoder.encodeError(error),
    idOf: () => null,
  };
  const oipFrame: TensorCodec = {
    ...oip,
    encode: ({ id, outputs }, tensors) => encoder.encodeFrame(id, outputs, tensors),
    encodeError: (error, id) => ({ ...oipErrorFrame(id, error), headerBytes: 0 }),
    idOf: (bytes, headerBytes) => requestId(bytes.subarray(0, headerBytes)),
  };
  const tfsEncoder = new TfsEncoder({ ...options, outputs: signature.outputs });
  const tfs: TensorCodec = {
    decode: (bytes) => decodeTfsRequest(bytes, signature),
    encode: (request, tensors) => {
      const { form, inputs } = request as TfsRequest;
      return tfsEncoder.encode(form, inputs[0]?.shape[0] ?? 0, tensors);
    },
    encodeError: (error) => tfsEncoder.encodeError(error),
    idOf: () => null,
  };
  return new Map([[EntryKind.oip, oip], [EntryKind.oipFrame, oipFrame], [EntryKind.tfsPredict, tfs]]);
}
