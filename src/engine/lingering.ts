// A deployment that no longer serves stays as it is for a moment: its end (sessions released, garbage collected, rings
// looked into a last time) would take the CPU from the first answers of the version that took its place. Main thread.
// Invariant: one lingers at most; whoever needs its threads or its end hurries it.

/** Longer than two versions take to change places; short beside how long either serves. */
export const LINGER_MS = 500;

export class Lingering {
  readonly #lingerMs: number;
  #hurry: () => void = () => undefined;
  #isOver = false;

  constructor(lingerMs = LINGER_MS) {
    this.#lingerMs = lingerMs;
  }

  /** Resolves when the caller may go: after a while, or when the next one comes, or when somebody hurries it. */
  async linger(): Promise<void> {
    this.hurry();
    if (this.#isOver) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#lingerMs).unref();
      this.#hurry = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Lets the one that lingers go. */
  hurry(): void {
    this.#hurry();
  }

  /** From now on nobody lingers. */
  end(): void {
    this.#isOver = true;
    this.hurry();
  }
}
