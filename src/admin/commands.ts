// The one table of the operator's verbs. From a row follow the types of a verb's arguments and answer, the interface
// that the engine, the client of its socket and the offline twin have in common, the route at the admin socket, the
// line at GET /, and whether it is refused without an engine. So none of them can know a verb that the others do not.
import { resolve } from 'node:path';
import { z } from 'zod';
import { lastgoodError } from '../base/errors.ts';
import { IN_OUR_WORDS, issuesText } from '../base/schema-text.ts';
import { type Expect, expectOf } from '../domain/known-answers.ts';
import { DECLARED_KINDS, NAN_INPUTS, STACKING_WISHES } from '../domain/records.ts';
import { requestLimitsShape } from '../options/request-limits.ts';
import { sessionOptionsSchema } from '../options/session-options.ts';
import type { EventRecord, ModelRecord, VersionRecord } from '../domain/records.ts';
import type { Rollback } from '../rollout/events.ts';
import type { Outlook } from '../rollout/outlook.ts';
import type { EngineStatus, ExplainedDecision, PauseView, Promotion, Registration } from './answers.ts';

interface Command {
  /** Reads are GET with a query and nobody's doing, changes are POST with a JSON body; both at /v1/VERB. */
  readonly method: 'GET' | 'POST';
  readonly about: string;
  readonly takes: z.ZodObject;
  /** For its type alone: nobody checks an engine's answers. */
  readonly answers: z.ZodType;
  /** Without an engine it is refused: always, or with this switch among its arguments. */
  readonly engineNeeded?: string;
  /** It may be the first one on a directory. */
  readonly makesDirectory?: true;
}

/** Thirty days: a judge that watches only for longer is a setting. */
const OBSERVE_MS_MAX = 30 * 86_400_000;

const text = z.string().min(1).max(4_096);
/** Absolute from here on: the engine may run in another directory. */
const path = text.transform((given) => resolve(given));
const flag = z.boolean().exactOptional();
const reason = z.string().max(1_000).exactOptional();
const model = text;
const version = text;
/** How much a version answers otherwise than the one before; more than that counts against it. */
const expect = z.string().refine((given) => expectOf(given) !== null,
  'wanted same, or change=PERCENT above 0 and up to 100').transform((given) => given as Expect).exactOptional();

export const COMMANDS = {
  register: {
    method: 'POST', about: 'copy an ONNX file in, try it in a child process, record it as a version',
    makesDirectory: true,
    takes: z.strictObject({
      model, file: path, version: version.exactOptional(), baseline: path.exactOptional(), golden: path.exactOptional(),
      /** The output that the judge reads, and how; what is left out is inferred from signature and baseline. */
      output: text.exactOptional(), outputKind: z.enum(DECLARED_KINDS).exactOptional(),
      /** Those that are watched, such as age,features[0-7]; by default all of them, at most 32. */
      inputColumns: text.exactOptional(),
      /** Whether rows of different requests may share a run; by default wherever that is proven. */
      stacking: z.enum(STACKING_WISHES).exactOptional(),
      /** Whether it is asked about NaN, in JSON null; by default unless it fails at that in its trial. */
      nanInputs: z.enum(NAN_INPUTS).exactOptional(),
      /** How the runtime is to run it; what is left out is the engine's. */
      session: sessionOptionsSchema.exactOptional(),
      /** Of a request's inputs, and of its open dimensions; more are refused with 400. */
      ...requestLimitsShape,
      expect,
      promote: flag, allowSignatureChange: flag,
      /** Also when its answers are not the baseline file's; with promote: also what is in quarantine elsewhere. */
      force: flag,
    }),
    answers: z.custom<Registration>(),
  },
  promote: {
    method: 'POST', about: 'load a version beside the active one and make it active',
    takes: z.strictObject({ model, version, allowSignatureChange: flag, force: flag, reason, expect }),
    answers: z.custom<Promotion>(),
  },
  rollback: {
    method: 'POST', about: 'go back to the last known good version, or to a named one',
    takes: z.strictObject({
      model, to: version.exactOptional(), reason,
      /** The generation that is to go: with another one active the rollback is refused, or was done already. */
      generation: z.int().min(1).exactOptional(),
    }),
    answers: z.custom<Rollback>(),
  },
  confirm: {
    method: 'POST', about: 'end the probation of the active version: it is known good',
    takes: z.strictObject({ model }), answers: z.custom<ModelRecord>(),
  },
  pin: {
    method: 'POST', about: 'keep the active version, whatever the monitor or a promote says',
    takes: z.strictObject({ model, reason }), answers: z.custom<ModelRecord>(),
  },
  unpin: {
    method: 'POST', about: 'let the active version change again',
    takes: z.strictObject({ model }), answers: z.custom<ModelRecord>(),
  },
  observe: {
    method: 'POST', about: 'let the judge watch only for forMs, or (off) act again; what fails is told',
    takes: z.strictObject({
      model, forMs: z.int().min(1_000).max(OBSERVE_MS_MAX).exactOptional(), off: flag, reason,
    }).refine(({ forMs, off = false }) => off !== (forMs !== undefined), 'wanted exactly one of forMs and off'),
    answers: z.custom<{ readonly model: string; readonly pause: PauseView | null }>(),
  },
  quarantine: {
    method: 'POST', about: 'never choose this version again',
    takes: z.strictObject({ model, version, reason }), /** A warning where nothing is left to go back to. */
    answers: z.custom<VersionRecord & { readonly warning: string | null }>(),
  },
  release: {
    method: 'POST', about: 'let a quarantined version be chosen again',
    takes: z.strictObject({ model, version }), answers: z.custom<VersionRecord>(),
  },
  baseline: {
    method: 'POST', about: 'give a version a baseline, from a file or from live traffic', engineNeeded: 'capture',
    takes: z.strictObject({
      model, version: version.exactOptional(), capture: flag, from: path.exactOptional(),
      /** A capture may be far from what the version before answered. */
      acceptNewDistribution: flag,
    }).refine(
      ({ capture = false, from }) => capture !== (from !== undefined), 'wanted exactly one of capture and from'),
    answers: z.custom<VersionRecord>(),
  },
  remove: {
    method: 'POST', about: 'forget a version, or a model that has never served',
    takes: z.strictObject({ model, version: version.exactOptional() }),
    answers: z.custom<{ readonly removed: string[]; readonly artifacts: string[] }>(),
  },
  status: {
    method: 'GET', about: 'what serves, how it does, what is loaded',
    takes: z.strictObject({ model: model.exactOptional() }), answers: z.custom<EngineStatus>(),
  },
  history: {
    method: 'GET', about: 'the events of a model, newest first',
    takes: z.strictObject({ model, limit: z.coerce.number().int().min(1).max(10_000).exactOptional() }),
    answers: z.custom<EventRecord[]>(),
  },
  explain: {
    method: 'GET', about: 'a decision with its evidence, by default the newest',
    takes: z.strictObject({ decision: text.exactOptional() }), answers: z.custom<ExplainedDecision>(),
  },
  outlook: {
    method: 'GET', about: 'what would be done about a model now, and what it waits for', engineNeeded: 'always',
    takes: z.strictObject({ model }), answers: z.custom<Outlook>(),
  },
  drain: {
    method: 'POST', about: 'accept nothing more, and return when everything accepted is answered',
    engineNeeded: 'always', takes: z.strictObject({}), answers: z.custom<{ readonly answered: number }>(),
  },
} as const satisfies Readonly<Record<string, Command>>;

type Table = typeof COMMANDS;
export type Verb = keyof Table;
export type Arguments<V extends Verb> = z.output<Table[V]['takes']>;
export type Answer<V extends Verb> = z.output<Table[V]['answers']>;
/** Arguments before they are looked at. */
export type Given<V extends Verb> = { readonly [A in keyof Arguments<V>]: Arguments<V>[A] | undefined };
export type RegisterArguments = Arguments<'register'>;
export type PromoteArguments = Arguments<'promote'>;

/** Who asks: stored with every event. */
export interface Actor {
  readonly by: string;
}

/** The operator's verbs; a change belongs to somebody. */
export type ControlPlane = {
  readonly [V in Verb]: Table[V]['method'] extends 'GET'
    ? (args: Arguments<V>) => Promise<Answer<V>>
    : (args: Arguments<V>, actor: Actor) => Promise<Answer<V>>;
};

/** Those that a directory without an engine carries out. */
export type OfflineVerb = {
  [V in Verb]: Table[V] extends { readonly engineNeeded: 'always' } ? never : V;
}[Verb];

export const VERBS = Object.keys(COMMANDS) as readonly Verb[];

/** A verb in one line, for people who ask by curl; what can be left out stands in brackets. */
export function usageOf(verb: Verb): string {
  const { method, takes, about } = COMMANDS[verb];
  const needed = new Set(takes.safeParse({}).error?.issues.map(({ path: [name] }) => name));
  const names = Object.keys(takes.shape).map((name) => (needed.has(name) ? name : `[${name}]`));
  return `${method} /v1/${verb} ${names.join(' ')}: ${about}`;
}

type Asked = Readonly<Record<string, unknown>>;

/**
 * Every verb of the table, each handed to `handle` when its arguments fit; else it rejects with INVALID_REQUEST, for
 * types hold nobody back who writes JavaScript. What `handle` throws becomes a rejection.
 */
export function controlPlane(handle: (verb: Verb, args: Asked, actor?: Actor) => Promise<unknown>): ControlPlane {
  const handlers = VERBS.map((verb) =>
    [verb, async (raw: unknown, actor?: Actor) => handle(verb, parsedArguments(verb, raw), actor)]);
  return Object.fromEntries(handlers) as ControlPlane;
}

/** Has a verb carried out whose name comes at run time; a control plane looks at its arguments itself. */
export function carryOut<V extends Verb>(
  control: ControlPlane, verb: V, args: unknown, actor?: Actor,
): Promise<Answer<V>> {
  type Handlers = Readonly<Record<Verb, (args: unknown, actor?: Actor) => Promise<Answer<V>>>>;
  return (control as unknown as Handlers)[verb](args, actor);
}

function parsedArguments<V extends Verb>(verb: V, raw: unknown): Arguments<V> {
  return parsed(verb, raw, (error) => lastgoodError('INVALID_REQUEST', { reason: issuesText(error, 'arguments') }));
}

/** What a program gave to a verb, parsed and without what is undefined; throws INVALID_OPTION for what does not fit. */
export function checkedArguments<V extends Verb>(verb: V, given: Given<V>): Arguments<V> {
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return parsed(verb, present, (error) => lastgoodError('INVALID_OPTION', { reason: issuesText(error, 'options') }));
}

function parsed<V extends Verb>(verb: V, raw: unknown, refusal: (error: z.ZodError) => Error): Arguments<V> {
  const { success, data, error } = COMMANDS[verb].takes.safeParse(raw, IN_OUR_WORDS);
  if (success) return data as Arguments<V>;
  throw refusal(error);
}

/** Throws ENGINE_NEEDED for what cannot be done on the directory alone. */
export function refuseWithoutEngine(verb: Verb, args: Asked, dataDir: string): void {
  const { engineNeeded = '' }: Command = COMMANDS[verb];
  if (engineNeeded === 'always') throw lastgoodError('ENGINE_NEEDED', { verb, dataDir });
  if (args[engineNeeded] === true) throw lastgoodError('ENGINE_NEEDED', { verb: `${verb} --${engineNeeded}`, dataDir });
}
