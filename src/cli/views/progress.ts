// Tells a person at a terminal that something is still going on, or how far it is: one line on stderr, redrawn and
// wiped at the end. Says nothing when stderr is no terminal.
const REDRAW_MS = 1_000;
const WIPE = '\r\u001b[K';

/** Awaits `work` while "what … 3 s" stands on the terminal. */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  const { stderr } = process;
  if (!stderr.isTTY) return work;
  const startMs = performance.now();
  const draw = (): void => {
    stderr.write(`${WIPE}${what} … ${Math.floor((performance.now() - startMs) / 1_000)} s`);
  };
  draw();
  const timer = setInterval(draw, REDRAW_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    stderr.write(WIPE);
  }
}

/** How many rows are done: a line on the terminal, nothing elsewhere. */
export class RowsProgress {
  readonly #what: string;
  readonly #isShown = process.stderr.isTTY;

  constructor(what: string) {
    this.#what = what;
  }

  draw(done: number, rows: number): void {
    if (this.#isShown) process.stderr.write(`${WIPE}${this.#what}: ${done} of ${rows} rows`);
  }

  clear(): void {
    if (this.#isShown) process.stderr.write(WIPE);
  }
}

const BAR_CELLS = 24;
const BAR_REDRAW_MS = 200;
const PERCENT = 100;
const MIB = 1024 * 1024;

/** How far a long read is: a bar on the terminal, nothing elsewhere. */
export class ProgressBar {
  readonly #what: string;
  readonly #bytesMax: number | null;
  readonly #isShown = process.stderr.isTTY;
  readonly #startMs = performance.now();
  #drawnMs = -Infinity;

  /** `bytesMax` is null where nobody knows how long it is. */
  constructor(what: string, bytesMax: number | null) {
    this.#what = what;
    this.#bytesMax = bytesMax;
  }

  /** Shows that so many bytes are done, a few times a second. */
  draw(bytes: number): void {
    const nowMs = performance.now();
    if (!this.#isShown || nowMs - this.#drawnMs < BAR_REDRAW_MS) return;
    this.#drawnMs = nowMs;
    const seconds = (nowMs - this.#startMs) / 1_000;
    process.stderr.write(`${WIPE}${this.#what} ${this.#text(bytes, seconds)}`);
  }

  #text(bytes: number, seconds: number): string {
    const rate = `${(bytes / MIB / Math.max(seconds, 0.001)).toFixed(0)} MiB/s`;
    if (this.#bytesMax === null) return `${(bytes / MIB).toFixed(0)} MiB, ${rate}`;
    const share = this.#bytesMax === 0 ? 1 : Math.min(1, bytes / this.#bytesMax);
    const cells = Math.floor(share * BAR_CELLS);
    const leftS = share === 0 ? 0 : Math.ceil((seconds / share) * (1 - share));
    const bar = `${'#'.repeat(cells)}${'.'.repeat(BAR_CELLS - cells)}`;
    return `[${bar}] ${Math.floor(share * PERCENT)} %, ${rate}, ${leftS} s left`;
  }

  /** Wipes the bar; the next draw brings it back. */
  clear(): void {
    if (!this.#isShown || this.#drawnMs === -Infinity) return;
    process.stderr.write(WIPE);
    this.#drawnMs = -Infinity;
  }
}
