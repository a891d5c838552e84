// Tells a person at a terminal that something is still going on: one line on stderr, redrawn each second and wiped at
// the end. Says nothing when stderr is no terminal.
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
