// What became of a queue's requests since it was made, and what its model counts beyond it. Main thread.
import { type LastgoodError, lastgoodError } from '../base/errors.ts';
import { ModelMeter } from '../metrics/model-meter.ts';
import type { EntryKind } from '../protocols/protocol.ts';

export class BatcherCounts {
  readonly meter: ModelMeter;
  accepted = 0;
  answered = 0;
  cancelled = 0;
  /** For want of room: requests, slabs or the memory of large ones. */
  refusedQueueFull = 0;
  refusedDraining = 0;
  expired = 0;
  batches = 0;
  #full: { readonly pending: number; readonly error: LastgoodError } | null = null;

  constructor(meter = new ModelMeter()) {
    this.meter = meter;
  }

  settled(how: 'answered' | 'cancelled'): void {
    if (how === 'answered') {
      this.answered += 1;
      return;
    }
    this.cancelled += 1;
    this.meter.cancelled += 1;
  }

  /** QUEUE_FULL; the same one as long as it says the same, so that whoever answers it need not write it anew. */
  queueFull(model: string, pending: number, limit: number): LastgoodError {
    if (this.#full?.pending !== pending) {
      this.#full = { pending, error: lastgoodError('QUEUE_FULL', { model, pending, limit }) };
    }
    return this.#full.error;
  }

  /** Counts a request that is not accepted; returns what to throw. */
  refused(kind: EntryKind, error: LastgoodError): LastgoodError {
    if (error.code === 'DRAINING') this.refusedDraining += 1;
    else if (error.code !== 'INPUT_REFUSED') {
      this.refusedQueueFull += 1;
      this.meter.queueFull += 1;
    }
    this.meter.unserved.add(kind, error.status);
    return error;
  }
}
