// What models and versions may be called. Names become URL segments, metric labels and arguments on a command line,
// so the alphabet is the one that needs no escaping in any of them.
import { lastgoodError } from './errors.ts';

const NAME_LENGTH_MAX = 64;
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** Tells whether `name` may name a model or a version. */
function isValidName(name: string): boolean {
  return name.length <= NAME_LENGTH_MAX && NAME.test(name);
}

/** Returns `name`; throws INVALID_NAME. `what` reads like "the model name". */
export function checkName(what: string, name: string): string {
  if (!isValidName(name)) {
    // An endless wrong name must not become an endless message.
    const got = name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX)}...` : name;
    throw lastgoodError('INVALID_NAME', { what, got });
  }
  return name;
}
