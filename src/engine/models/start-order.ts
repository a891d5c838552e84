// In which order the models of a start come up: active versions in the order in which they are given, a few at a time,
// each suspect of the last crash by itself when nothing else is being brought up; standbys when no active version waits
// any more. Nothing begins before `begin`: a port that is to listen first has the processors for itself until then.
// Main thread. What an operator or a verdict asks for does not wait here.
// Bound: the models of the registry, once each as active and once as standby.

/** Brings something up; what it throws is the business of whoever gave it. */
type Bring = () => Promise<unknown>;

export class StartOrder {
  readonly #atOnce: number;
  readonly #waiting: Bring[] = [];
  readonly #suspects: Bring[] = [];
  readonly #standbys: Bring[] = [];
  /** Called for what is waiting when the end comes. */
  readonly #dropped = new Set<() => void>();
  #running = 0;
  #isAlone = false;
  #isBegun = false;
  #isClosed = false;

  /** So many are brought up at once. */
  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  begin(): void {
    this.#isBegun = true;
    this.#next();
  }

  /** Resolves when `bring` is over, or the end came before its turn; rejects with what it throws. */
  active(bring: Bring, { isSuspect = false }: { readonly isSuspect?: boolean } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const carryOut = async (): Promise<void> => {
        await bring().then(() => resolve(), reject);
      };
      this.#add(isSuspect ? this.#suspects : this.#waiting, carryOut, resolve);
    });
  }

  standby(bring: Bring): void {
    this.#add(this.#standbys, bring, () => undefined);
  }

  /** What has not begun never does. */
  close(): void {
    this.#isClosed = true;
    for (const drop of this.#dropped) drop();
  }

  #add(to: Bring[], bring: Bring, drop: () => void): void {
    if (this.#isClosed) {
      drop();
      return;
    }
    this.#dropped.add(drop);
    to.push(() => {
      this.#dropped.delete(drop);
      return bring();
    });
    this.#next();
  }

  #next(): void {
    while (this.#isBegun && !this.#isClosed && !this.#isAlone && this.#running < this.#atOnce) {
      const isFree = this.#running === 0;
      const bring = this.#waiting.shift() ?? (isFree ? this.#alone() : undefined) ??
        (this.#suspects.length === 0 ? this.#standbys.shift() : undefined);
      if (bring === undefined) return;
      this.#running += 1;
      void bring().catch(() => undefined).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  // While it is brought up nothing else is.
  #alone(): Bring | undefined {
    const suspect = this.#suspects.shift();
    if (suspect === undefined) return undefined;
    this.#isAlone = true;
    return () => suspect().finally(() => (this.#isAlone = false));
  }
}
