// The project's one error class, made from the table of errors, and what every surface says of an error.
import { ERRORS } from './error-table.ts';

export type ErrorCode = keyof typeof ERRORS;
type Details<C extends ErrorCode> = Parameters<(typeof ERRORS)[C]['message']>[0];

/** The only error class of the project; `code` is stable, `status` is the HTTP status that fits it. */
export class LastgoodError extends Error {
  override readonly name = 'LastgoodError';
  readonly code: ErrorCode;
  readonly status: number;

  constructor(code: ErrorCode, message: string, status: number, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = status;
  }
}

/** Builds the error `code` from the table; `details` fills its message. */
export function lastgoodError<C extends ErrorCode>(
  code: C,
  ...details: unknown extends Details<C> ? [] : [details: Details<C>]
): LastgoodError {
  const { status, message } = ERRORS[code];
  const text = (message as (d: unknown) => string)(details[0]);
  // Under a flood refusals must cost little, and where a client's fault was noticed helps nobody.
  const before = Error.stackTraceLimit;
  if (status < 500) Error.stackTraceLimit = 0;
  const error = new LastgoodError(code, text, status);
  Error.stackTraceLimit = before;
  return error;
}

/** Tells whether `error` is a LastgoodError, also one from a second copy of the package. */
export function isLastgoodError(error: unknown): error is LastgoodError {
  return error instanceof Error && error.name === 'LastgoodError' && 'code' in error;
}

/** The text of whatever was thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The JSON body that every surface answers for an error; anything unknown is an INTERNAL error. */
export function errorBody(error: unknown): { status: number; body: { error: string; code: ErrorCode } } {
  const known = isLastgoodError(error) ? error : lastgoodError('INTERNAL', { reason: reasonOf(error) });
  return { status: known.status, body: { error: known.message, code: known.code } };
}
