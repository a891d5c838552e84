// Requests that are not asked again for a while, because one like it ended the process, or a run that did not come
// back, on every version that was asked. A request is known by the hash of its bytes; they themselves are not kept.
// Main thread. While nothing is refused a request costs the look whether that is so.
//
//   suspected (was running at a death) --again at another--> refused for a minute --found harmless--> forgotten
//                     \---------------- found deadly --------------> refused for ten minutes
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { RefusedInput } from '../../admin/answers.ts';
import type { Clock } from '../../base/clock.ts';
import { lastgoodError } from '../../base/errors.ts';

/** How long a request is refused that was found to end a process. */
const REFUSED_MS = 600_000;
/** How long one is that was there at two deaths and has not been asked alone yet, or is suspected at all. */
const SUSPECTED_MS = 60_000;
/** Requests that are known; the oldest is forgotten first. */
const REQUESTS_MAX = 128;
/** What was there at so many deaths is not let in again before it is known better. */
const DEATHS_MAX = 2;
const WHY_CHARACTERS_MAX = 160;

interface Known extends RefusedInput {
  readonly model: string;
  readonly untilUs: number;
  readonly deaths: number;
  readonly isRefused: boolean;
}

/** What a process leaves to the one after it, which may be of another version. */
const knownSchema = z.array(z.strictObject({
  model: z.string(), version: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/), bytes: z.int().min(0),
  why: z.string().max(WHY_CHARACTERS_MAX), untilMs: z.number(), untilUs: z.number(), deaths: z.int().min(0),
  isRefused: z.boolean(),
})).max(REQUESTS_MAX);

interface RefusedInputsPorts {
  readonly clock: Clock;
  /** What the process before knew; '' when there is nothing. */
  readonly before: string;
  /** Keeps it for the process after this one. */
  readonly keep: (text: string) => void;
}

export class RefusedInputs {
  readonly #ports: RefusedInputsPorts;
  /** By model, oldest first; a model of which nothing is known is not there. */
  readonly #known = new Map<string, Known[]>();

  constructor(ports: RefusedInputsPorts) {
    this.#ports = ports;
    const nowUs = ports.clock.monotonicUs();
    for (const one of parsed(ports.before)) if (one.untilUs > nowUs) this.#add(one);
  }

  /** Whether nothing is known of any model's requests. */
  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  /** Throws INPUT_REFUSED. Asked for every request while something is known. */
  assertAllowed(model: string, body: Uint8Array): void {
    const known = this.#known.get(model);
    if (known === undefined || !known.some(({ bytes }) => bytes === body.length)) return;
    const sha256 = hashOf(body);
    const found = known.find((one) => one.sha256 === sha256 && one.isRefused);
    const leftUs = (found?.untilUs ?? 0) - this.#ports.clock.monotonicUs();
    if (found === undefined || leftUs <= 0) return;
    const { version, why } = found;
    throw lastgoodError('INPUT_REFUSED', { model, version, why, retryAfterSeconds: Math.ceil(leftUs / 1e6) });
  }

  /** Those of a model that are refused now. */
  of(model: string): RefusedInput[] {
    const { clock } = this.#ports;
    const [nowUs, wallMs] = [clock.monotonicUs(), clock.wallMs()];
    return (this.#known.get(model) ?? [])
      .filter(({ isRefused, untilUs }) => isRefused && untilUs > nowUs)
      .map(({ version, sha256, bytes, why, untilUs }) =>
        ({ version, sha256, bytes, why, untilMs: Math.round(wallMs + (untilUs - nowUs) / 1e3) }));
  }

  /** These were running when a process died: whoever was there at another death is refused until it is found out. */
  suspect(model: string, version: string, bodies: readonly Uint8Array[]): void {
    for (const body of bodies) {
      const before = this.#forget(model, hashOf(body));
      if (before?.isRefused === true && before.deaths === 0) {
        this.#add(before);
        continue;
      }
      const deaths = (before?.deaths ?? 0) + 1;
      const why = `it was running at ${deaths} ends of the process, and is asked alone first`;
      this.#note({ model, version, body, why, deaths, isRefused: deaths >= DEATHS_MAX, forMs: SUSPECTED_MS });
    }
    this.#keep();
  }

  /** They do no harm. */
  clear(model: string, bodies: readonly Uint8Array[]): void {
    for (const body of bodies) this.#forget(model, hashOf(body));
    this.#keep();
  }

  /** They end the process. */
  refuse(model: string, version: string, bodies: readonly Uint8Array[], why: string): void {
    for (const body of bodies) {
      this.#forget(model, hashOf(body));
      this.#note({ model, version, body, why, deaths: 0, isRefused: true, forMs: REFUSED_MS });
    }
    this.#keep();
  }

  #note({ body, forMs, why, ...rest }: Pick<Known, 'model' | 'version' | 'why' | 'deaths' | 'isRefused'> & {
    readonly body: Uint8Array; readonly forMs: number;
  }): void {
    const { clock } = this.#ports;
    this.#add({
      ...rest, why: why.slice(0, WHY_CHARACTERS_MAX), sha256: hashOf(body), bytes: body.length,
      untilMs: clock.wallMs() + forMs, untilUs: clock.monotonicUs() + forMs * 1e3,
    });
  }

  #add(one: Known): void {
    const known = this.#known.get(one.model);
    if (known === undefined) this.#known.set(one.model, [one]);
    else known.push(one);
    const all = [...this.#known.values()].flat();
    if (all.length <= REQUESTS_MAX) return;
    const oldest = all.reduce((a, b) => (b.untilUs < a.untilUs ? b : a));
    this.#forget(oldest.model, oldest.sha256);
  }

  #forget(model: string, sha256: string): Known | undefined {
    const known = this.#known.get(model) ?? [];
    const at = known.findIndex((one) => one.sha256 === sha256);
    if (at < 0) return undefined;
    const [found] = known.splice(at, 1);
    if (known.length === 0) this.#known.delete(model);
    return found;
  }

  #keep(): void {
    const nowUs = this.#ports.clock.monotonicUs();
    for (const { model, sha256, untilUs } of [...this.#known.values()].flat()) {
      if (untilUs <= nowUs) this.#forget(model, sha256);
    }
    this.#ports.keep(JSON.stringify([...this.#known.values()].flat()));
  }
}

const hashOf = (body: Uint8Array): string => createHash('sha256').update(body).digest('hex');

function parsed(text: string): Known[] {
  try {
    return text === '' ? [] : knownSchema.parse(JSON.parse(text));
  } catch {
    // Its writer was killed within the write, or was of another version.
    return [];
  }
}
