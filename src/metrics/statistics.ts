// GET /v2/models/…/stats: Triton's statistics extension, from the same counts as the metrics. Pure.
import { Outcome } from '../shared-memory/sample-ring.ts';
import { Track } from '../shared-memory/slab.ts';
import { countOf } from './histogram.ts';
import type { ModelMeter } from './model-meter.ts';
import { addSampleCounts, answeredOf, newSampleCounts } from './sample-counts.ts';
import type { SampleCounts } from './sample-counts.ts';

const NS_PER_US = 1_000;
/** Every one is there, because clients read them unchecked; nothing is cached here. */
const NONE = { count: 0, ns: 0 };

interface Duration {
  readonly count: number;
  readonly ns: number;
}

/** One entry of `model_stats`; the monotonic clock stood at `nowUs` when the wall clock stood at `wallMs`. */
export function modelStatistics(
  model: string, version: string, meter: ModelMeter, clock: { readonly wallMs: number; readonly nowUs: number },
): object {
  const counts = newSampleCounts();
  for (const track of Object.values(Track)) addSampleCounts(counts, meter.of(version, track).samples);
  const { requests, requestUs, queue, inference, batch, codecUs, rows, lastRunUs, runsBySize } = counts;
  const served = countOf(inference);
  return {
    name: model,
    version,
    last_inference: lastRunUs === 0 ? 0 : Math.round(clock.wallMs - (clock.nowUs - lastRunUs) / 1e3),
    inference_count: rows,
    execution_count: countOf(batch),
    inference_stats: {
      success: duration(answeredOf(requests), answeredOf(requestUs)),
      fail: failures(counts),
      queue: duration(countOf(queue), queue.sum),
      // Reading requests and writing answers is measured as one.
      compute_input: duration(served, codecUs),
      compute_infer: duration(served, inference.sum),
      compute_output: duration(served, 0),
      cache_hit: NONE,
      cache_miss: NONE,
    },
    response_stats: {},
    batch_stats: [...runsBySize].sort(([a], [b]) => a - b).map(([size, { runs, us }]) => ({
      batch_size: size, compute_input: duration(runs, 0), compute_infer: duration(runs, us),
      compute_output: duration(runs, 0),
    })),
    memory_usage: [],
  };
}

function failures({ requests, requestUs }: SampleCounts): Duration {
  const failed = [Outcome.clientFault, Outcome.modelFailure, Outcome.deadline, Outcome.expired];
  const sum = (of: Float64Array): number => failed.reduce((total, outcome) => total + of[outcome]!, 0);
  return duration(sum(requests), sum(requestUs));
}

// Whole nanoseconds: clients read them as integers.
function duration(count: number, us: number): Duration {
  return { count, ns: Math.round(us * NS_PER_US) };
}
