// Requests for whole tensors and their answers, in whatever protocol they come; and what a protocol gives the worker to
// read and to write them.
import type { Tensor } from '../domain/datatype.ts';
import type { Signature } from '../domain/records.ts';
import type { NonFiniteJson } from './json/tensor-json.ts';

/** One output that a request asks for. */
export interface WantedOutput {
  /** Its place in the signature. */
  readonly index: number;
  readonly isBinary: boolean;
}

export interface TensorRequest {
  /** JSON text, or null when the request has none. */
  readonly id: string | null;
  /** Microseconds that the client is ready to wait in the queue; 0 for as long as the engine allows. */
  readonly timeoutUs: number;
  /** In the order of the model's signature. */
  readonly inputs: readonly Tensor[];
  /** Of the inputs that may be left out, in the order of the signature; not there when all of them are. */
  readonly optional?: readonly (Tensor | undefined)[];
  readonly outputs: readonly WantedOutput[];
}

export interface TensorAnswer {
  readonly bytes: Uint8Array;
  /** Length of the JSON part when raw bytes follow it; 0 when all of it is one. */
  readonly headerBytes: number;
}

export interface TensorDecoder {
  /** Reads an entry whose first `headerBytes` are its JSON part; what it throws is the client's fault. */
  decode(bytes: Uint8Array, headerBytes: number): TensorRequest;
}

export interface TensorEncoder {
  /**
   * Writes the answer to a request of the same codec's decoder; `tensors` are by their place in the signature. The
   * bytes are valid until the next call. Throws JsonTooLarge, NON_FINITE_ANSWER, or what is the client's fault.
   */
  encode(request: TensorRequest, tensors: readonly (Tensor | undefined)[]): TensorAnswer;
}

/** How requests of one protocol are read and answered. Worker thread; one per session. */
export interface TensorCodec {
  readonly decoder: TensorDecoder;
  readonly encoder: TensorEncoder;
}

export interface CodecOptions {
  readonly model: string;
  readonly version: string;
  readonly signature: Signature;
  /** Which outputs have a row for each row; by default those that have a first dimension. */
  readonly rowOutputs?: readonly boolean[];
  /** What NaN and infinities become in JSON. */
  readonly nonFinite: NonFiniteJson;
  readonly answerBytesMax: number;
}

/** Why a row has no value for an input that may be left out: rows of several clients may be in one run. */
export const sharedByRows = (name: string): string =>
  `input "${name}" may be left out and has one value for all rows, so that no row can bring one; wanted it as a ` +
    'tensor beside the others: by the Open Inference Protocol, or in the columns ("inputs") of TensorFlow Serving';
