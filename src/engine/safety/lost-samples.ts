// Samples of requests whose worker is gone or does not come back: the main thread writes them, in a ring of its own.
// (A run that comes back late after all writes its latency as well.)
import type { AttachRings } from '../../judge/types/messages.ts';
import type { LossReason } from '../../batch/options.ts';
import { emptySample, Outcome, SampleWriter, sampleRingBytes } from '../../shared-memory/sample-ring.ts';
import type { Slab } from '../../shared-memory/slab.ts';

const CAPACITY = 1_024;
/** The pseudo deployment under which this ring is attached. */
export const MAIN_THREAD_RING = 0;

export class LostSamples {
  readonly #ring = new SharedArrayBuffer(sampleRingBytes(CAPACITY));
  readonly #writer = new SampleWriter(this.#ring, 0, CAPACITY);

  /** Writes one sample for each of `requests` of the batch, for the generation that it is stamped with. */
  record(slab: Slab, requests: number, why: LossReason, atUs: number): void {
    const count = Math.min(requests, CAPACITY / 2);
    const { generation, track, cutUs } = slab;
    const outcome = why === 'lost' ? Outcome.modelFailure : Outcome.deadline;
    this.#writer.begin(count);
    for (let index = 0; index < count; index += 1) {
      this.#writer.write({ ...emptySample(), generation, track, atUs, outcome, rows: 1, latencyUs: atUs - cutUs });
    }
    this.#writer.publish();
  }

  /** What the monitor has to know to read them. */
  attachment(model: string): AttachRings {
    return {
      kind: 'attach', deploymentId: MAIN_THREAD_RING, model, version: null, memory: this.#ring, rings: 1,
      capacity: CAPACITY,
    };
  }
}
