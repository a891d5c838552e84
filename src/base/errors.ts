// The project's one error class, made from the table of errors, and what every surface says of an error.
import { ERRORS } from './error-table.ts';

export type ErrorCode = keyof typeof ERRORS;
export type ErrorDetails = Readonly<Record<string, unknown>>;
type Details<C extends ErrorCode> = Parameters<(typeof ERRORS)[C]['message']>[0];

/** The only error class of the project; `code` is stable, `status` is the HTTP status that fits it. */
export class LastgoodError extends Error {
  override readonly name = 'LastgoodError';
  readonly code: ErrorCode;
  readonly status: number;
  /** What programs are told beside the text, by name; absent for most codes. */
  declare readonly details?: ErrorDetails;

  constructor(code: ErrorCode, message: string, status: number, details?: ErrorDetails) {
    super(message);
    this.code = code;
    this.status = status;
    if (details !== undefined) this.details = details;
  }
}

/** Builds the error `code` from the table; `details` fills its message. */
export function lastgoodError<C extends ErrorCode>(
  code: C,
  ...details: unknown extends Details<C> ? [] : [details: Details<C>]
): LastgoodError {
  const { status, message, told } = ERRORS[code];
  const text = (message as (d: unknown) => string)(details[0]);
  // Under a flood refusals must cost little, and where a client's fault was noticed helps nobody.
  const before = Error.stackTraceLimit;
  if (status < 500) Error.stackTraceLimit = 0;
  const error = new LastgoodError(code, text, status, toldOf(told, details[0]));
  Error.stackTraceLimit = before;
  return error;
}

function toldOf(names: readonly string[], details: unknown): ErrorDetails | undefined {
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, (details as ErrorDetails)[name]]));
}

/** Tells whether `error` is a LastgoodError, also one from a second copy of the package. */
export function isLastgoodError(error: unknown): error is LastgoodError {
  return error instanceof Error && error.name === 'LastgoodError' && 'code' in error;
}

/** The text of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What is wrong, without what was being done if the details tell that: for an error that another one is about. */
export function innerReasonOf(error: unknown): string {
  const reason = isLastgoodError(error) ? error.details?.['reason'] : undefined;
  return typeof reason === 'string' ? reason : reasonOf(error);
}

/** An error on its way to another thread or process, where it would lose its class. */
export interface EncodedError {
  /** Null for one that is not of the table. */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly details?: ErrorDetails;
}

export function encodeError(error: unknown): EncodedError {
  if (!isLastgoodError(error)) return { code: null, message: reasonOf(error) };
  const { code, message, details } = error;
  return { code, message, ...(details !== undefined && { details }) };
}

/** The last word of a task in another thread or process: what it threw. */
export interface FailedTask {
  readonly kind: 'failed';
  readonly error: EncodedError;
}

export const failedTask = (error: unknown): FailedTask => ({ kind: 'failed', error: encodeError(error) });

/** The error again, with the code and details that it had. */
export function decodeError({ code, message, details }: EncodedError): Error {
  return code === null ? new Error(message) : new LastgoodError(code, message, ERRORS[code].status, details);
}

/** The JSON body that every surface answers for an error; anything unknown is an INTERNAL error. */
export function errorBody(error: unknown): {
  status: number; body: { error: string; code: ErrorCode; details?: ErrorDetails };
} {
  const known = isLastgoodError(error) ? error : lastgoodError('INTERNAL', { reason: reasonOf(error) });
  const { status, message, code, details } = known;
  return { status, body: { error: message, code, ...(details !== undefined && { details }) } };
}
