// Which served model a request means. Main thread; asked for every request.
import { lastgoodError } from '../base/errors.ts';

/**
 * The model of this name. Without one, which is while no version of any model is active, the only one there is. Throws
 * MODEL_NOT_FOUND, MODEL_UNLOADED or NO_DEFAULT_MODEL.
 */
export function chooseModel<T>(
  models: ReadonlyMap<string, T>, name: string | undefined, unloaded: ReadonlySet<string>,
): T {
  // Nothing is listed before it is clear that the answer is an error.
  let chosen = name === undefined ? undefined : models.get(name);
  if (name === undefined && models.size === 1) for (const only of models.values()) chosen = only;
  if (chosen !== undefined) return chosen;
  const known = [...models.keys()].map((one) => `"${one}"`).join(', ') || 'none';
  if (name === undefined) throw lastgoodError('NO_DEFAULT_MODEL', { known });
  if (unloaded.has(name)) throw lastgoodError('MODEL_UNLOADED', { model: name });
  throw lastgoodError('MODEL_NOT_FOUND', { model: name, known });
}
