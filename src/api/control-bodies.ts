// The small JSON bodies that the main thread reads itself: those of operators and of the repository extension, never
// those of predictions. As schemas they check the body, and the description of the HTTP surface shows the same. Pure.
import { z } from 'zod';
import { lastgoodError } from '../base/errors.ts';
import { expectOf } from '../domain/known-answers.ts';
import { STACKING_WISHES } from '../domain/records.ts';
import { sizeLimitSchema } from '../options/request-limits.ts';
import { sessionOptionsSchema } from '../options/session-options.ts';
import { IN_OUR_WORDS } from '../base/schema-text.ts';
import { readJsonObject } from '../protocols/json/json-values.ts';

const REASON_CHARACTERS_MAX = 500;
const SESSION_CHARACTERS_MAX = 65_536;

/** POST /rollback; all of it may be left out. */
export const rollbackBody = z.looseObject({
  reason: z.string().max(REASON_CHARACTERS_MAX).optional()
    .meta({ description: 'why; kept with the decision' }),
  expected_generation: z.int().min(1).optional().meta({
    description: 'the generation that is to go; refused with GENERATION_CONFLICT when another one is active by now',
  }),
});
export type RollbackBody = z.output<typeof rollbackBody>;

/** POST /ui/actions: what the page asks for. `rows` changes nothing. */
export const pageActionBody = z.strictObject({
  verb: z.enum(['rows', 'rollback', 'confirm', 'pin', 'unpin', 'quarantine', 'release', 'drain']),
  model: z.string().nullish(),
  version: z.string().nullish(),
  generation: z.int().min(0).optional().meta({ description: 'that was shown; refused when another one is active' }),
});
export type PageAction = z.output<typeof pageActionBody>;

/** POST /v2/repository/index */
export const indexBody = z.looseObject({
  ready: z.boolean().nullish().meta({ description: 'true: only what answers' }),
});

// A parameter of the protocol is a text, a number or a truth value.
const sessionTextSchema = z.string().max(SESSION_CHARACTERS_MAX).transform((text, context) => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    context.addIssue('wanted JSON');
    return z.NEVER;
  }
}).pipe(sessionOptionsSchema);

/** POST /v2/repository/models/{model}/load */
export const loadBody = z.looseObject({
  parameters: z.looseObject({
    version: z.string().optional().meta({ description: 'the version to make the active one' }),
    stacking: z.enum(STACKING_WISHES).optional().meta({
      description: 'whether rows of different requests may share a run of the new version; by default if it is proven',
    }),
    expect: z.string().refine((given) => expectOf(given) !== null, 'wanted same, or change=PERCENT').optional().meta({
      description: 'how much it answers otherwise than the version before: same, or change=PERCENT',
    }),
    session: z.union([sessionOptionsSchema, sessionTextSchema]).optional().meta({
      description: 'how the runtime is to run the new version (providers, graph, threads, arena, free dimensions, ' +
        'entries): an object, or its JSON as a text',
    }),
    elements_max: sizeLimitSchema.optional().meta({
      description: "elements of a request's inputs for the new version; more are refused with 400",
    }),
    dimension_max: sizeLimitSchema.optional().meta({
      description: 'size of an open dimension in a request for the new version; more is refused with 400',
    }),
    config: z.unknown().optional().meta({ description: 'taken and not needed' }),
  }).nullish().meta({
    description: 'beside them "file:VERSION/NAME": the bytes of a new version in base64, one for each of its files',
  }),
});

/** POST /v2/repository/models/{model}/unload */
export const unloadBody = z.looseObject({
  parameters: z.looseObject({
    force: z.boolean().optional().meta({ description: 'true: also a model that is serving' }),
  }).nullish(),
});

/** The object in `body`, an empty one for an empty body; throws INVALID_JSON. */
export function objectIn(body: Uint8Array): Readonly<Record<string, unknown>> {
  return body.length === 0 ? {} : readJsonObject(body);
}

/** What `body` is by `schema`; throws INVALID_REQUEST, which says where it differs. */
export function checkedBody<S extends z.ZodType>(schema: S, body: Readonly<Record<string, unknown>>): z.output<S> {
  const { success, data, error } = schema.safeParse(body, IN_OUR_WORDS);
  if (success) return data;
  const said = error.issues.map(({ path, message }) => `"${path.join('.')}": ${message}`);
  throw lastgoodError('INVALID_REQUEST', { reason: said.join('; ').slice(0, 500) });
}
