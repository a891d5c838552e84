// The names that Triton publishes, for dashboards that were made for it. Pure. Durations are sums in µs over the
// requests, as Triton counts them.
import { Outcome } from '../shared-memory/sample-ring.ts';
import { eachModel } from './exposition.ts';
import { countOf } from './histogram.ts';
import type { VersionMeter } from './model-meter.ts';
import { answeredOf } from './sample-counts.ts';
import type { LabelledValue, MetricText } from './text-format.ts';
import type { ModelView } from './views.ts';

/** Triton's names of reasons, and what counts for each here. */
const FAILURES: Readonly<Record<string, readonly Outcome[]>> = {
  BACKEND: [Outcome.modelFailure], REJECTED: [Outcome.deadline, Outcome.expired],
  OTHER: [Outcome.clientFault], CANCELED: [],
};

/** Adds the families to `text`. */
export function writeTritonNames(text: MetricText, models: readonly ModelView[]): void {
  const counter = (name: string, help: string, of: (one: VersionMeter) => number): void =>
    text.counter(name, help, versionsOf(models, (one) => [[{}, of(one)]]));
  counter('nv_inference_request_success', 'Number of successful inference requests, all batch sizes',
    ({ samples }) => answeredOf(samples.requests));
  text.counter('nv_inference_request_failure', 'Number of failed inference requests, all batch sizes',
    versionsOf(models, ({ samples }) => Object.entries(FAILURES).map(([reason, outcomes]): LabelledValue =>
      [{ reason }, outcomes.reduce<number>((sum, outcome) => sum + samples.requests[outcome]!, 0)])));
  counter('nv_inference_count', 'Number of inferences performed (does not include cached requests)',
    ({ samples }) => samples.rows);
  counter('nv_inference_exec_count', 'Number of model executions performed (does not include cached requests)',
    ({ samples }) => countOf(samples.batch));
  text.gauge('nv_inference_pending_request_count', 'Instantaneous number of pending requests per-model',
    eachModel(models, ({ active, pending }) => [[{ version: active?.version ?? '' }, pending]]));
  counter('nv_inference_request_duration_us', 'Cumulative inference request duration in microseconds',
    ({ samples }) => samples.request.sum);
  counter('nv_inference_queue_duration_us', 'Cumulative inference queuing duration in microseconds',
    ({ samples }) => samples.queue.sum);
  counter('nv_inference_compute_input_duration_us', 'Cumulative compute input duration in microseconds; here with the '
    + 'writing of the answers', ({ samples }) => samples.codecUs);
  counter('nv_inference_compute_infer_duration_us', 'Cumulative compute inference duration in microseconds',
    ({ samples }) => samples.inference.sum);
  counter('nv_inference_compute_output_duration_us', 'Cumulative inference compute output duration in microseconds; '
    + 'here part of the compute input duration', () => 0);
  text.gauge('nv_model_load_duration_secs', 'Model load time in seconds', eachModel(models, ({ meter }) =>
    [...meter.loadSeconds].map(([version, seconds]): LabelledValue => [{ version }, seconds])));
}

// Triton knows no tracks: what one version counts on several is added up.
function* versionsOf(
  models: readonly ModelView[], of: (one: VersionMeter) => readonly LabelledValue[],
): Generator<LabelledValue> {
  for (const { model, meter } of models) {
    const sums = new Map<string, [Record<string, string>, number]>();
    for (const one of meter.versions()) {
      for (const [labels, value] of of(one)) {
        const all = { model, version: one.version, ...labels };
        const key = JSON.stringify(all);
        sums.set(key, [all, (sums.get(key)?.[1] ?? 0) + value]);
      }
    }
    yield* sums.values();
  }
}
