// A model as its clients see it: what it is asked, by the metadata of the Open Inference Protocol, and one row as the
// body of /predict. It works on any host, also where there is no data directory.
import { z } from 'zod';
import { reasonOf } from '../../base/errors.ts';
import type { FileRow } from '../../datasets/rows.ts';
import { DATATYPES } from '../../domain/datatype.ts';
import type { Signature } from '../../domain/records.ts';
import { nestedValues } from '../../datasets/rows.ts';
import type { RowAnswer } from './sender.ts';

const SHOWN_CHARACTERS = 200;

const tensorSchema = z.object({ name: z.string(), datatype: z.enum(DATATYPES), shape: z.array(z.number()) });
const metadataSchema = z.object({ inputs: z.array(tensorSchema), outputs: z.array(tensorSchema) });
const answerSchema = z.object({ model_version: z.string() });
const refusalSchema = z.object({ code: z.string() });

const pathOf = (model: string): string => encodeURIComponent(model);

/** What the model takes and gives. Throws an Error with what the server says, or why there is none. */
export async function signatureOf(address: string, model: string): Promise<Signature> {
  const url = `${address}/v2/models/${pathOf(model)}`;
  const response = await fetch(url).catch((error: unknown) => {
    throw new Error(`${url} gives no answer (${causeOf(error)})`);
  });
  const text = await response.text();
  if (!response.ok) {
    const { error = text } = valueOf(text) as { readonly error?: string };
    throw new Error(error.slice(0, SHOWN_CHARACTERS));
  }
  const parsed = metadataSchema.safeParse(valueOf(text));
  if (!parsed.success) throw new Error(`${url} does not describe a model: is it lastgood that listens there?`);
  return parsed.data;
}

/** The body of /predict for one row. */
export function bodyOf(row: Readonly<Record<string, FileRow>>): string {
  const inputs = Object.entries(row).map(([name, values]) => [name, nestedValues(values)] as const);
  // A model of one input takes its values as they are.
  return JSON.stringify({ features: inputs.length === 1 ? inputs[0]![1] : Object.fromEntries(inputs) });
}

/** Asks once; what goes wrong is a reply too. */
export async function predict(address: string, model: string, body: string): Promise<RowAnswer> {
  try {
    const url = `${address}/models/${pathOf(model)}/predict`;
    const response = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    const answer = valueOf(await response.text());
    const { status } = response;
    const answered = answerSchema.safeParse(answer);
    if (status === 200 && answered.success) return { status, version: answered.data.model_version, code: null };
    return { status, version: null, code: refusalSchema.safeParse(answer).data?.code ?? null };
  } catch (error) {
    return { status: 0, version: null, code: causeOf(error) };
  }
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return {};
  }
}

// What fetch throws says only that it failed; why stands in its cause.
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code ?? reasonOf(cause ?? error);
}
