// One operation of the HTTP surface, as the description of it says. Types, and the errors that operations have in
// common.
import type { z } from 'zod';
import type { ErrorCode } from '../../base/errors.ts';

export interface Operation {
  readonly tag: 'Predict' | 'Open Inference Protocol' | 'TensorFlow Serving' | 'Operate';
  readonly summary: string;
  readonly description?: string;
  /** Of the body; none when there is no body. */
  readonly body?: z.ZodType;
  /** The body may be left out. */
  readonly bodyOptional?: boolean;
  /** It may also come, or be answered, as JSON with raw tensors behind it. */
  readonly binary?: boolean;
  /** Of the good answer; a media type for what is no JSON, '' for none. */
  readonly answer: z.ZodType | string;
  /** Of the good answer; 200 by default. */
  readonly status?: number;
  /** Other statuses that have the same answer. */
  readonly alsoAnswers?: readonly number[];
  readonly errors: readonly ErrorCode[];
  readonly needsToken?: boolean;
  /** Follows the last parameter of the path without a slash. */
  readonly pathEnd?: string;
  readonly query?: Readonly<Record<string, string>>;
}

export const BODY_ERRORS: readonly ErrorCode[] = [
  'INVALID_JSON', 'INVALID_REQUEST', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'BODIES_FULL', 'MEMORY_FULL',
];
export const MODEL_ERRORS: readonly ErrorCode[] = [
  'MODEL_NOT_FOUND', 'MODEL_UNLOADED', 'NO_ACTIVE_VERSION', 'MODEL_STARTING',
];
export const VERSION_ERRORS: readonly ErrorCode[] = [
  ...MODEL_ERRORS, 'VERSION_NOT_FOUND', 'VERSION_NOT_LOADED', 'NAMED_VERSIONS_OFF',
];
/** Of a request that waits for a run. */
export const RUN_ERRORS: readonly ErrorCode[] = [
  'ROWS_TOO_MANY', 'SIZE_TOO_LARGE', 'ELEMENTS_TOO_MANY', 'NON_FINITE_INPUT', 'INPUT_REFUSED', 'QUEUE_FULL',
  'LARGE_REQUESTS_FULL', 'MODEL_FAILED', 'INTERNAL', 'DEADLINE_EXCEEDED',
];
export const TOKEN_ERRORS: readonly ErrorCode[] = ['UNAUTHORIZED', 'FORBIDDEN', 'HOST_REFUSED'];
