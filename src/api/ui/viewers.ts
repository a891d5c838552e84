// Who looks at the page: one snapshot a second of every model that somebody looks at, made once and shared by all who
// do, and nothing at all while nobody looks. Main thread. Bound: VIEWERS_MAX streams, each of which holds at most one
// snapshot that its client has not read.
import { lastgoodError } from '../../base/errors.ts';
import type { EventStream } from '../../http/event-stream.ts';
import type { ChangeView, PageSnapshot } from '../../page/snapshot.ts';
import type { PageApi } from '../serving-api.ts';

const VIEWERS_MAX = 16;
const SNAPSHOT_MS = 1_000;
/** A comment line goes out every fifth round, so that whoever stands between keeps the connection. */
const COMMENT_ROUNDS = 5;

const encoder = new TextEncoder();
const COMMENT = encoder.encode(': still here\n\n');

interface Viewer {
  readonly stream: EventStream;
  readonly model: string | null;
  /** The number of the newest event that it was told. */
  told: number;
}

export class Viewers {
  readonly #page: Pick<PageApi, 'snapshot'>;
  readonly #viewers = new Set<Viewer>();
  #timer: NodeJS.Timeout | undefined;
  #round = 0;
  #isMaking = false;

  constructor(page: Pick<PageApi, 'snapshot'>) {
    this.#page = page;
  }

  /** Throws TOO_MANY_VIEWERS when one more is too many. */
  assertRoom(): void {
    if (this.#viewers.size >= VIEWERS_MAX) throw lastgoodError('TOO_MANY_VIEWERS', { limit: VIEWERS_MAX });
  }

  /** Shows a model from now on; who was told of event `lastEvent` is told first of what has happened since then. */
  add(stream: EventStream, model: string | null, lastEvent: number | null): void {
    const viewer = { stream, model, told: lastEvent ?? Infinity };
    this.#viewers.add(viewer);
    stream.onEnd = () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
    this.#timer ??= setInterval(() => void this.#showAll(), SNAPSHOT_MS).unref();
    void this.#show(model, [viewer]);
  }

  endAll(): void {
    for (const { stream } of [...this.#viewers]) stream.end();
  }

  // A round that takes longer than a second leaves the next one out.
  async #showAll(): Promise<void> {
    if (this.#isMaking) return;
    this.#isMaking = true;
    try {
      this.#round += 1;
      if (this.#round % COMMENT_ROUNDS === 0) for (const { stream } of this.#viewers) stream.sendIfFree(COMMENT);
      for (const model of new Set(Array.from(this.#viewers, (viewer) => viewer.model))) {
        await this.#show(model, [...this.#viewers].filter((viewer) => viewer.model === model));
      }
    } finally {
      this.#isMaking = false;
    }
  }

  // A model that is gone meanwhile has no snapshots: its viewers see that there is no news.
  async #show(model: string | null, viewers: readonly Viewer[]): Promise<void> {
    const snapshot = await this.#page.snapshot(model).catch(() => null);
    if (snapshot === null) return;
    const newest = snapshot.changes.reduce((most, { sequence }) => Math.max(most, sequence), 0);
    const message = messageOf(snapshot, newest);
    for (const viewer of viewers) {
      const untold = snapshot.changes.filter(({ sequence }) => sequence > viewer.told).reverse();
      viewer.told = newest;
      // In one piece: who reads slowly loses what is told with its snapshot, and has it in the list of the next one.
      viewer.stream.send(untold.length === 0 ? message : Buffer.concat([...untold.map(changeMessage), message]));
    }
  }
}

function messageOf(snapshot: PageSnapshot, id: number): Uint8Array {
  return encoder.encode(`id: ${id}\nevent: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`);
}

function changeMessage(change: ChangeView): Uint8Array {
  return encoder.encode(`id: ${change.sequence}\nevent: change\ndata: ${JSON.stringify(change)}\n\n`);
}
