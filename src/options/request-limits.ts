// Limits of one request that an operator may set: for the models of an engine, for one of them, or at registration for
// one version, whose record has them. Without any, what the trial measured decides (rollout/deployment/run-limits.ts).
// Schemas; nothing here knows a model.
import { z } from 'zod';

/** No dimension is larger, by the way that shapes are stored. */
const SIZE_MAX = 2 ** 31 - 1;

/** More than it is refused, with 400 and before the model is run. */
export const sizeLimitSchema = z.int().min(1).max(SIZE_MAX);

export const requestLimitsShape = {
  /** Elements of all inputs. */
  elementsMax: sizeLimitSchema.exactOptional(),
  /** The size of each open dimension that does not count rows. */
  dimensionMax: sizeLimitSchema.exactOptional(),
};

export type SaidLimits = z.output<z.ZodObject<typeof requestLimitsShape>>;

/** Those among other things that are said; undefined when none is. */
export function requestLimitsIn({ elementsMax, dimensionMax }: SaidLimits): SaidLimits | undefined {
  const limits = {
    ...(elementsMax === undefined ? {} : { elementsMax }), ...(dimensionMax === undefined ? {} : { dimensionMax }),
  };
  return Object.keys(limits).length === 0 ? undefined : limits;
}
