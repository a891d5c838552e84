// What of the judge's options its thread has to know at run time: fixed numbers, no schema. The monitor imports this
// and not judge-options.ts, whose schema library would cost its thread some megabytes for nothing. Pure.

/** Share over which a p95 is: p95 > T says that more than so many requests were slower than T. */
export const SLOW_SHARE = 0.05;
/** Samples a second that the monitor keeps up with; no window can hold more traffic than this. */
export const SAMPLES_PER_SECOND_MAX = 200_000;
/** A row of inputs is kept at least this often while there are any, and at most that often, by each worker. */
export const INPUT_PAUSE_US_MAX = 1_500_000;
export const INPUT_PAUSE_US_MIN = 20_000;
/** The longest window that errors and latencies are counted over, in short windows. */
export const LONGEST_RATE_WINDOW = 60;
