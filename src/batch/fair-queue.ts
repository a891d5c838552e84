// A queue that gives every flow (of one source, say) the same share of what is taken from it, by cost and not by count:
// deficit round robin. A flow whose turn it is may take as much as it has credit; each turn adds the same to the credit
// of each flow that waits. Pure.
// Invariants: within a flow the order is first in first out; no flow that waits is passed over for more than the cost
// of its own first item, and one quantum, of every other flow; one that has nothing left has no credit either.
// Source: M. Shreedhar, G. Varghese, "Efficient fair queueing using deficit round robin", 1996.

interface Waiting<T> {
  readonly item: T;
  readonly cost: number;
}

interface Flow<T> {
  readonly key: number;
  readonly waiting: Waiting<T>[];
  credit: number;
}

export class FairQueue<T> {
  readonly #quantum: number;
  /** Those that have something, the one whose turn it is first. */
  readonly #flows: Flow<T>[] = [];
  #size = 0;

  /** `quantum`: the credit of one turn, above 0. */
  constructor(quantum: number) {
    this.#quantum = quantum;
  }

  get size(): number {
    return this.#size;
  }

  /** `cost` in the unit of the quantum. */
  push(key: number, cost: number, item: T): void {
    this.#flow(key).waiting.push({ item, cost });
    this.#size += 1;
  }

  /** What is to be taken next, and its cost; undefined when nothing waits. */
  peek(): Waiting<T> | undefined {
    if (this.#size === 0) return undefined;
    for (;;) {
      const flow = this.#flows[0]!;
      const first = flow.waiting[0]!;
      // Alone it waits for nobody.
      if (this.#flows.length === 1) flow.credit = Math.max(flow.credit, first.cost);
      if (flow.credit >= first.cost) return first;
      this.#flows.push(this.#flows.shift()!);
      this.#flows[0]!.credit += this.#quantum;
    }
  }

  /** Takes what `peek` tells. */
  shift(): T | undefined {
    const next = this.peek();
    if (next === undefined) return undefined;
    const flow = this.#flows[0]!;
    flow.waiting.shift();
    flow.credit -= next.cost;
    this.#size -= 1;
    if (flow.waiting.length === 0) this.#flows.shift();
    return next.item;
  }

  /** Takes out one that nobody waits for any more; false when it is not there. */
  remove(item: T): boolean {
    for (const [at, { waiting }] of this.#flows.entries()) {
      const found = waiting.findIndex((one) => one.item === item);
      if (found < 0) continue;
      waiting.splice(found, 1);
      this.#size -= 1;
      if (waiting.length === 0) this.#flows.splice(at, 1);
      return true;
    }
    return false;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const { waiting } of this.#flows) for (const { item } of waiting) yield item;
  }

  #flow(key: number): Flow<T> {
    let flow = this.#flows.find((one) => one.key === key);
    if (flow === undefined) {
      flow = { key, waiting: [], credit: 0 };
      this.#flows.push(flow);
    }
    return flow;
  }
}
