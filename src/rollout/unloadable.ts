// Remembers the generation whose version did not load, so that it is not tried at every look. Pure: told the time.

/** A version that the registry wants and that does not load is tried again after so long, or at the next generation. */
const RELOAD_US = 60e6;

export class Unloadable {
  #known: { readonly generation: number; readonly retryUs: number } | null = null;

  note(generation: number, nowUs: number): void {
    this.#known = { generation, retryUs: nowUs + RELOAD_US };
  }

  has(generation: number, nowUs: number): boolean {
    return this.#known?.generation === generation && nowUs < this.#known.retryUs;
  }
}
