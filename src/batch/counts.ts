// What became of a queue's requests since it was made. Main thread.

export class BatcherCounts {
  accepted = 0;
  answered = 0;
  cancelled = 0;
  /** For want of room: requests, slabs or the memory of large ones. */
  refusedQueueFull = 0;
  refusedDraining = 0;
  expired = 0;
  batches = 0;
}
