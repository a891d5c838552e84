// How many files this process may still open: asked before work that would fail half-way without them, and leave
// whoever reads its message guessing. Linux; elsewhere nobody is refused.
import { readdirSync, readFileSync } from 'node:fs';
import { lastgoodError } from './errors.ts';

/** Throws FILES_EXHAUSTED when less than `spare` more may be opened. */
export function assertOpenFiles(doing: string, spare: number): void {
  const limit = openFilesMax();
  const open = limit === null ? 0 : openFiles(limit);
  if (limit !== null && limit - open < spare) throw lastgoodError('FILES_EXHAUSTED', { doing, open, limit, spare });
}

/** Null where the system does not say, or has no limit. */
function openFilesMax(): number | null {
  try {
    const found = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return found === undefined ? null : Number(found);
  } catch (error) {
    // There is none left to ask with.
    return isExhausted(error) ? 0 : null;
  }
}

function openFiles(limit: number): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch (error) {
    return isExhausted(error) ? limit : 0;
  }
}

const isExhausted = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EMFILE';
