// The one table of the operator's verbs: what each takes, how it is asked for over the admin socket, and what it calls.
// Server, client and the list at GET / all read it, so none of them can know a verb that the others do not.
import { z } from 'zod';
import { lastgoodError } from '../base/errors.ts';
import { DECLARED_KINDS } from '../registry/records.ts';
import { IN_OUR_WORDS, issuesText } from '../base/schema-text.ts';
import type { Actor, ControlPlane } from './control-plane.ts';

export type Verb = keyof ControlPlane;

/** Reads are GET with a query, changes are POST with a JSON body; both at /v1/VERB. */
export type Method = 'GET' | 'POST';

export interface Command {
  readonly verb: Verb;
  readonly method: Method;
  readonly about: string;
  /** Parses raw arguments and runs the verb; throws a ZodError for arguments that do not fit. */
  readonly run: (control: ControlPlane, raw: unknown, actor: Actor) => Promise<unknown>;
  /** Throws a ZodError for arguments that do not fit. */
  readonly check: (raw: unknown) => void;
  /** Names and types of the arguments, for people. */
  readonly takes: string;
}

const text = z.string().min(1).max(4_096);
const reason = z.string().max(1_000).exactOptional();
const model = text;
const version = text;

function command<S extends z.ZodRawShape>(
  verb: Verb,
  method: Method,
  about: string,
  shape: S,
  run: (control: ControlPlane, args: z.output<z.ZodObject<S>>, actor: Actor) => Promise<unknown>,
): Command {
  const schema = z.strictObject(shape);
  const takes = Object.entries(shape)
    .map(([name, type]) => ((type as z.ZodType).safeParse(undefined).success ? `[${name}]` : name))
    .join(' ');
  return {
    verb, method, about, takes,
    check: (raw) => void schema.parse(raw, IN_OUR_WORDS),
    run: (control, raw, actor) => run(control, schema.parse(raw, IN_OUR_WORDS), actor),
  };
}

export const COMMANDS: readonly Command[] = [
  command('register', 'POST', 'copy an ONNX file in, try it in a child process, record it as a version', {
    model, file: text, version: version.exactOptional(), baseline: text.exactOptional(), golden: text.exactOptional(),
    output: text.exactOptional(), outputKind: z.enum(DECLARED_KINDS).exactOptional(),
    inputColumns: text.exactOptional(),
    promote: z.boolean().exactOptional(), allowSignatureChange: z.boolean().exactOptional(),
  }, (control, args, actor) => control.register(args, actor)),
  command('promote', 'POST', 'load a version beside the active one and make it active', {
    model, version, allowSignatureChange: z.boolean().exactOptional(), reason,
  }, (control, args, actor) => control.promote(args, actor)),
  command('rollback', 'POST', 'go back to the last known good version, or to a named one', {
    model, to: version.exactOptional(), reason,
  }, (control, args, actor) => control.rollback(args, actor)),
  command('confirm', 'POST', 'end the probation of the active version: it is known good', { model },
    (control, args, actor) => control.confirm(args, actor)),
  command('pin', 'POST', 'keep the active version, whatever the monitor or a promote says', { model, reason },
    (control, args, actor) => control.pin(args, actor)),
  command('unpin', 'POST', 'let the active version change again', { model },
    (control, args, actor) => control.unpin(args, actor)),
  command('quarantine', 'POST', 'never choose this version again', { model, version, reason },
    (control, args, actor) => control.quarantine(args, actor)),
  command('release', 'POST', 'let a quarantined version be chosen again', { model, version },
    (control, args, actor) => control.release(args, actor)),
  command('baseline', 'POST', 'give a version a baseline, from a file or from live traffic', {
    model, version: version.exactOptional(), capture: z.boolean().exactOptional(), from: text.exactOptional(),
    acceptNewDistribution: z.boolean().exactOptional(),
  }, (control, args, actor) => control.baseline(args, actor)),
  command('remove', 'POST', 'forget a version, or a model that has never served', {
    model, version: version.exactOptional(),
  }, (control, args, actor) => control.remove(args, actor)),
  command('status', 'GET', 'what serves, how it does, what is loaded', { model: model.exactOptional() },
    (control, args) => control.status(args)),
  command('history', 'GET', 'the events of a model, newest first', {
    model, limit: z.coerce.number().int().min(1).max(10_000).exactOptional(),
  }, (control, args) => control.history(args)),
  command('explain', 'GET', 'a decision with its evidence, by default the newest', { decision: text.exactOptional() },
    (control, args) => control.explain(args)),
  command('drain', 'POST', 'accept nothing more, and return when everything accepted is answered', {},
    (control, _args, actor) => control.drain(actor)),
];

/**
 * What a program gave to a verb, without what is undefined; throws INVALID_OPTION for what the verb does not take, for
 * types hold nobody back who writes JavaScript.
 */
export function checkedArguments<T extends object>(verb: Verb, args: T): T {
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined)) as T;
  try {
    COMMANDS.find((command) => command.verb === verb)?.check(given);
    return given;
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw lastgoodError('INVALID_OPTION', { reason: issuesText(error, 'options') });
  }
}
