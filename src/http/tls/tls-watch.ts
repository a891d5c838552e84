// Notices that the files of a certificate and its key are others than the ones that were tried last. Main thread.
//
//   same <-> changed once -> changed, and the same at two looks -> tried     (a request by signal: tried at once)
//
// A change counts when it lasts for two looks: the two files are not replaced in one step. What is compared is what a
// path leads to, so renames and symlink swaps are seen; a file that is missing counts as a change too.
import { stat } from 'node:fs/promises';
import type { TlsPaths } from './tls-pair.ts';

/** Time between two looks at the files. */
const TLS_LOOK_MS = 1_000;

export class TlsWatch {
  readonly #paths: TlsPaths;
  readonly #take: () => void;
  #timer: NodeJS.Timeout | null = null;
  #tried = '';
  #seen = '';

  /** `take` tries the files as they are now, and throws nothing. */
  constructor(paths: TlsPaths, take: () => void) {
    this.#paths = paths;
    this.#take = take;
  }

  /** Call it before the files are read for the first time, so that no change falls in between. */
  async start(): Promise<void> {
    this.#tried = this.#seen = await fingerprint(this.#paths);
    this.#timer = setInterval(() => void this.#look(), TLS_LOOK_MS).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Tries the files now, changed or not. */
  async takeNow(): Promise<void> {
    this.#tried = this.#seen = await fingerprint(this.#paths);
    this.#take();
  }

  async #look(): Promise<void> {
    const found = await fingerprint(this.#paths);
    const isSettled = found === this.#seen;
    this.#seen = found;
    if (!isSettled || found === this.#tried || this.#timer === null) return;
    this.#tried = found;
    this.#take();
  }
}

async function fingerprint({ cert, key }: TlsPaths): Promise<string> {
  const marks = await Promise.all([cert, key].map(async (path) => {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(':');
    } catch {
      return 'unreadable';
    }
  }));
  return marks.join(' ');
}
