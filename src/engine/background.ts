// Work that is under way beside everything else: models that are being started or closed. Main thread.

export class Background {
  readonly #running = new Set<Promise<void>>();
  readonly #onError: (error: unknown, model: string, what: string) => void;

  constructor(onError: (error: unknown, model: string, what: string) => void) {
    this.#onError = onError;
  }

  /** Goes on with `work`; `what` completes "the model …" when it fails. */
  add(work: Promise<void>, model: string, what: string): void {
    const watched = work
      .catch((error: unknown) => this.#onError(error, model, what))
      .finally(() => this.#running.delete(watched));
    this.#running.add(watched);
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
