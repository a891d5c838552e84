// Predictions for callers in the same process: they take the same way as HTTP requests, through the queue, the batch,
// the worker and its sample. Main thread.
import { LIBRARY_SOURCE } from '../../shared-memory/source-ids.ts';
import type { Submitter } from '../../batch/submit.ts';
import { LastgoodError, lastgoodError, reasonOf } from '../../base/errors.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { readJson } from '../../protocols/json/json-values.ts';
import { jsonText } from '../../protocols/json/value-text.ts';
import { EntryKind } from '../../protocols/protocol.ts';

/**
 * One number per row, an array for larger outputs, an object by name for several outputs. An integer of 64 bits beyond
 * 2^53 is a bigint; what is no finite number is null.
 */
export type Prediction =
  | number | bigint | string | boolean | null | readonly Prediction[] | { readonly [output: string]: Prediction };

/**
 * One row: numbers in the order of the model's input, or an object by input name for several inputs. Integers of 64
 * bits may be bigints; a missing value of a floating-point input is NaN or null.
 */
export type Features = ArrayLike<number | bigint | null> | Readonly<Record<string, unknown>>;

export interface PredictAnswer {
  readonly prediction: Prediction;
  readonly modelVersion: string;
  readonly latencyMs: number;
}
export interface PredictManyAnswer {
  readonly predictions: readonly Prediction[];
  readonly modelVersion: string;
  readonly latencyMs: number;
}

interface AnswerBody {
  readonly prediction?: Prediction;
  readonly predictions?: readonly Prediction[];
  readonly model_version: string;
  readonly latency_ms: number;
}

/** Answers one row; throws what POST /predict would answer, as a LastgoodError with the same code. */
export async function predictRow(queue: Submitter, features: Features, nowUs: number): Promise<PredictAnswer> {
  const body = await submit(queue, { features }, nowUs);
  return { prediction: body.prediction ?? null, modelVersion: body.model_version, latencyMs: body.latency_ms };
}

/** The part of a model that a request of several rows needs. */
interface RowsTaker {
  readonly batcher: Submitter;
  /** Throws ROWS_TOO_MANY: asked before they are written as JSON. */
  assertRows(rows: number): void;
}

/** Answers several rows as one request. */
export async function predictRows(
  served: RowsTaker,
  instances: readonly Features[],
  nowUs: number,
): Promise<PredictManyAnswer> {
  if (!Array.isArray(instances)) throw lastgoodError('INVALID_REQUEST', { reason: 'the instances are no array' });
  served.assertRows(instances.length);
  const body = await submit(served.batcher, { instances }, nowUs);
  return { predictions: body.predictions ?? [], modelVersion: body.model_version, latencyMs: body.latency_ms };
}

function textOf(request: object): string {
  try {
    return jsonText(request);
  } catch (error) {
    throw lastgoodError('INVALID_REQUEST', { reason: `its values cannot be written as JSON: ${reasonOf(error)}` });
  }
}

function submit(queue: Submitter, request: object, nowUs: number): Promise<AnswerBody> {
  const body = Buffer.from(textOf(request));
  return new Promise((resolve, reject) => {
    const answer = (status: number, bytes: Uint8Array): void => {
      const value = readJson(bytes) as unknown as AnswerBody | { readonly error: string; readonly code: ErrorCode };
      if (!('error' in value)) resolve(value);
      else reject(new LastgoodError(value.code, value.error, status));
    };
    try {
      queue.submit(EntryKind.predictJson, body, { answer, source: () => LIBRARY_SOURCE }, nowUs);
    } catch (error) {
      reject(error instanceof Error ? error : lastgoodError('INTERNAL', { reason: String(error) }));
    }
  });
}
