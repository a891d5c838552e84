// GET /metrics: every family that lastgood publishes, its name, its labels and its help. Pure; only the main thread
// calls it, once a second at most.
import { Outcome } from '../shared-memory/sample-ring.ts';
import { TRACK_NAMES } from '../shared-memory/slab.ts';
import { countOf, DURATION_BOUNDS_US, ROW_BOUNDS } from './histogram.ts';
import type { Histogram } from './histogram.ts';
import type { VersionMeter } from './model-meter.ts';
import type { SampleCounts } from './sample-counts.ts';
import type { LabelledHistogram, LabelledValue, Labels } from './text-format.ts';
import { MetricText } from './text-format.ts';
import type { CheckView, EngineView, ModelView } from './views.ts';

const US_PER_SECOND = 1e6;
const MS_PER_SECOND = 1e3;
const DEADLINE_STATUS = 504;

/**
 * The statuses of answers that are shown before the first of them, so that rate() and increase() see it: what a loaded
 * version can bring about, on every track and protocol (4 x 7 x 3 = 84 series each), and what a model without one can
 * (7 x 3 = 21 series).
 */
const SHOWN_OF_VERSION = [200, 500, DEADLINE_STATUS];
const SHOWN_UNSERVED = [429, 503, DEADLINE_STATUS];
/** Who else brings a rollback about than a check. */
const TRIGGERS = ['operator', 'engine'];
/** Reasons that are worth an alarm from their first time on. */
const HOLDS = ['no_target', 'warn'];
const NOTICE_RESULTS = ['told', 'retried', 'given_up', 'dropped'];

/** Which of the front's own refusals are requests that were turned away, and why. */
const REJECTION_OF: Readonly<Record<string, string>> = {
  BODY_TOO_LARGE: 'too_large', BODIES_FULL: 'bodies_full', SOCKET_BUSY: 'socket_busy', DRAINING: 'draining',
};

/** What the values of checks are, by unit: a metric has one. How they are called, and what is one of the metric's. */
const CHECK_UNITS: Readonly<Record<string, readonly [name: string, perUnit: number, what: string]>> = {
  share: ['share', 1, 'as a share of requests'], ms: ['seconds', MS_PER_SECOND, 'in seconds'],
  run: ['run', 1, 'as answers in a row'], deviations: ['deviations', 1, 'in standard deviations of the baseline'],
  psi: ['psi', 1, 'as a population stability index'], ratio: ['ratio', 1, "as a ratio to the baseline's"],
};

/** The whole text of one scrape. */
export function exposition(view: EngineView): MetricText {
  const text = new MetricText();
  writeRequests(text, view);
  writeClients(text, view);
  writeDurations(text, view.models);
  writeSamples(text, view);
  writeRollout(text, view);
  writeChecks(text, view.models);
  writeProcess(text, view);
  return text;
}

/** One value or none of each model. */
export function* eachModel(
  models: readonly ModelView[], of: (view: ModelView) => Iterable<LabelledValue> | number,
): Generator<LabelledValue> {
  for (const view of models) {
    const found = of(view);
    if (typeof found === 'number') yield [{ model: view.model }, found];
    else for (const [labels, value] of found) yield [{ model: view.model, ...labels }, value];
  }
}

// A counter that begins at 1 has never gone up: what may come is there from the first scrape on.
const withZeros = (names: readonly string[], counts: ReadonlyMap<string, number>): [string, number][] =>
  [...new Map([...names.map((name): [string, number] => [name, 0]), ...counts])];

const labelsOf = ({ version, track }: VersionMeter): Labels => ({ version, track: TRACK_NAMES[track] });

function writeRequests(text: MetricText, { models, refusals }: EngineView): void {
  text.counter('lastgood_requests_total', 'Answers by protocol and HTTP status; version and track are empty when no '
    + 'version was reached.', eachModel(models, function* ({ meter, loaded }): Generator<LabelledValue> {
    for (const { protocol, code, count } of meter.unserved.all(SHOWN_UNSERVED)) {
      yield [{ version: '', track: '', protocol, code }, count];
    }
    const loadedNow = new Set(loaded.map(({ version }) => version));
    for (const one of meter.versions()) {
      const shown = loadedNow.has(one.version) ? SHOWN_OF_VERSION : [];
      for (const { protocol, code, count } of one.answers.all(shown)) {
        yield [{ ...labelsOf(one), protocol, code }, count];
      }
    }
  }));
  text.counter('lastgood_requests_rejected_total', 'Requests that were turned away or whose deadline passed, by '
    + 'reason; model is empty when the front refused them before it looked for one.', rejections(models, refusals));
  text.counter('lastgood_requests_cancelled_total', 'Requests whose client went away before the answer.',
    eachModel(models, ({ meter }) => meter.cancelled));
  text.counter('lastgood_front_refusals_total', 'Errors that the front answered without asking a version, by code.',
    [...refusals].map(([error, count]): LabelledValue => [{ error }, count]));
  text.counter('lastgood_shielded_requests_total', 'Requests that a version on probation failed and the standby '
    + 'answered.', eachModel(models, ({ meter }) => meter.shielded));
  text.counter('lastgood_unshielded_requests_total', 'Requests that the version on probation failed and the '
    + 'standby too.',
    eachModel(models, ({ meter }) => meter.unshielded));
  text.gauge('lastgood_pending_requests', 'Requests that wait or run now.',
    eachModel(models, ({ pending }) => pending));
}

function writeClients(text: MetricText, { inFlight, held, tls }: EngineView): void {
  text.gauge('lastgood_in_flight_requests', 'Requests and frames that the front has taken and not answered yet.',
    [[{}, inFlight]]);
  text.gauge('lastgood_connections', 'Open connections, WebSockets included.', [[{}, held.connections]]);
  text.gauge('lastgood_websockets', 'Open WebSockets.', [[{}, held.sockets]]);
  text.gauge('lastgood_unread_bytes', 'Answers that were sent and are not read yet.', [[{}, held.unreadBytes]]);
  text.counter('lastgood_connections_refused_total', 'Connections that were closed at once for want of room.',
    [[{}, held.refusedConnections]]);
  if (tls === null) return;
  text.gauge('lastgood_tls_certificate_expiry_seconds', 'When the certificate that is served expires, since the Unix '
    + 'epoch.', [[{}, tls.notAfterMs / MS_PER_SECOND]]);
  text.counter('lastgood_tls_renewals_total', 'How often changed TLS files were taken, or refused and the ones before '
    + 'served on.', [[{ result: 'taken' }, tls.renewals], [{ result: 'refused' }, tls.refusals]]);
}

function* rejections(models: readonly ModelView[], refusals: ReadonlyMap<string, number>): Generator<LabelledValue> {
  for (const { model, meter } of models) {
    yield [{ model, reason: 'queue_full' }, meter.queueFull];
    yield [{ model, reason: 'deadline' }, meter.answersOf(DEADLINE_STATUS)];
  }
  for (const [error, reason] of Object.entries(REJECTION_OF)) {
    yield [{ model: '', reason }, refusals.get(error) ?? 0];
  }
}

function* eachVersion(
  models: readonly ModelView[], histogramOf: (samples: SampleCounts) => Histogram,
): Generator<LabelledHistogram> {
  for (const { model, meter } of models) {
    for (const one of meter.versions()) {
      const histogram = histogramOf(one.samples);
      if (countOf(histogram) > 0) yield [{ model, ...labelsOf(one) }, histogram];
    }
  }
}

function writeDurations(text: MetricText, models: readonly ModelView[]): void {
  text.histogram('lastgood_request_duration_seconds', 'From the last byte of a request to its answer.',
    DURATION_BOUNDS_US, US_PER_SECOND, eachVersion(models, ({ request }) => request));
  text.histogram('lastgood_queue_duration_seconds', 'From the last byte of a request to the begin of its batch.',
    DURATION_BOUNDS_US, US_PER_SECOND, eachVersion(models, ({ queue }) => queue));
  text.histogram('lastgood_inference_duration_seconds', 'The run of the model that a request was part of.',
    DURATION_BOUNDS_US, US_PER_SECOND, eachVersion(models, ({ inference }) => inference));
  text.histogram('lastgood_batch_size', 'Rows of each run of the model.',
    ROW_BOUNDS, 1, eachVersion(models, ({ batch }) => batch));
}

function writeSamples(text: MetricText, { models, monitorRestarts }: EngineView): void {
  const perVersion = (of: (samples: SampleCounts) => number): Generator<LabelledValue> =>
    eachModel(models, function* ({ meter }): Generator<LabelledValue> {
      for (const one of meter.versions()) {
        if (countOf(one.samples.request) > 0) yield [labelsOf(one), of(one.samples)];
      }
    });
  text.counter('lastgood_rows_total', 'Rows that were answered.', perVersion(({ rows }) => rows));
  text.counter('lastgood_nonfinite_outputs_total', 'Requests whose answer held NaN or an infinity.',
    perVersion(({ requests }) => requests[Outcome.nonFinite]!));
  text.counter('lastgood_nonfinite_inputs_total',
    'Requests that held NaN, an infinity or a number above 1.8e19 and had no finite answer: against no version.',
    perVersion(({ requests }) => requests[Outcome.nonFiniteInput]!));
  text.counter('lastgood_samples_lapped_total', 'Samples that were overwritten before the monitor read them.',
    eachModel(models, ({ meter }) => meter.lappedSamples));
  text.counter('lastgood_samples_late_total', 'Samples of a generation that was not judged (any more).',
    eachModel(models, ({ meter }) => meter.lateSamples));
  text.counter('lastgood_monitor_restarts_total', 'How often the monitor thread was started again.',
    [[{}, monitorRestarts]]);
}

function writeRollout(text: MetricText, { models, phases }: EngineView): void {
  text.gauge('lastgood_model_active_info', '1 for the version that answers.', eachModel(models, ({ active }) =>
    active === null ? [] : [[{ version: active.version, digest: active.digest }, 1]]));
  text.gauge('lastgood_model_last_good_info', '1 for the version that a rollback would restore.',
    eachModel(models, ({ lastGood }) => (lastGood === null ? [] : [[{ version: lastGood }, 1]])));
  text.gauge('lastgood_model_generation', 'The active generation: one more with every promote and every rollback.',
    eachModel(models, ({ generation }) => generation));
  text.gauge('lastgood_model_saved', '1 when what answers is on disk, 0 while the disk refuses the rollback to it.',
    eachModel(models, ({ isSaved }) => Number(isSaved)));
  text.gauge('lastgood_model_state', '1 for each loaded version, with its role and state.', eachModel(models,
    ({ loaded }) => loaded.map(({ version, role, state }): LabelledValue => [{ version, role, state }, 1])));
  text.gauge('lastgood_model_load_duration_seconds', 'How long the last load of a version took, warm-up included.',
    eachModel(models, ({ meter }) =>
      [...meter.loadSeconds].map(([version, seconds]): LabelledValue => [{ version }, seconds])));
  text.gauge('lastgood_rollout_phase', '1 for the phase that the model is in.', eachModel(models, ({ phase }) =>
    phases.map((one): LabelledValue => [{ phase: one }, Number(one === phase)])));
  text.counter('lastgood_stack_checks_total', 'Rows that were answered in company and run again alone.',
    eachModel(models, ({ meter }) => meter.stackChecks));
  text.counter('lastgood_stack_mismatches_total', 'Rows that had another answer alone; two end stacking.',
    eachModel(models, ({ meter }) => meter.stackMismatches));
  text.counter('lastgood_pairs_total', 'Questions that the version before was asked as well, to compare the answers.',
    eachModel(models, ({ meter }) => meter.pairs));
  text.counter('lastgood_rollbacks_total', 'Rollbacks by what led to them: a check, operator or engine.',
    eachModel(models, ({ meter, checksInForce }) =>
      withZeros([...checksInForce, ...TRIGGERS], meter.rollbacks).map(([trigger, count]) => [{ trigger }, count])));
  text.counter('lastgood_holds_total', 'Rollbacks that a failing check asked for and that were not done, by reason.',
    eachModel(models, ({ meter }) => withZeros(HOLDS, meter.holds).map(([reason, count]) => [{ reason }, count])));
  text.gauge('lastgood_sources', 'Clients of the last minutes that can be told apart.',
    eachModel(models, ({ sources }) => sources));
  text.counter('lastgood_rollback_notices_total', 'What became of telling --on-rollback: told, retried, given up, or '
    + 'dropped because too many waited.', eachModel(models, ({ meter }) =>
    withZeros(NOTICE_RESULTS, meter.notices).map(([result, count]) => [{ result }, count])));
}

function writeChecks(text: MetricText, models: readonly ModelView[]): void {
  const ofActive = (of: (view: ModelView, version: string) => readonly LabelledValue[]): Generator<LabelledValue> =>
    eachModel(models, (view) => (view.active === null ? [] : of(view, view.active.version)));
  text.gauge('lastgood_model_healthy', '1 while a version answers and no check asks for a rollback.',
    eachModel(models, ({ isHealthy }) => Number(isHealthy)));
  for (const [unit, [name, perUnit, what]] of Object.entries(CHECK_UNITS)) {
    const of = ({ checks }: ModelView): readonly CheckView[] => checks.filter((one) => one.unit === unit);
    text.gauge(`lastgood_check_${name}`, `What a check measured at the newest look, ${what}; absent without data.`,
      ofActive((view, version) => of(view).flatMap(({ check, value }): LabelledValue[] =>
        value === null ? [] : [[{ version, check }, value / perUnit]])));
    text.gauge(`lastgood_check_threshold_${name}`, `The limit of the check, ${what}.`, ofActive((view, version) =>
      of(view).map(({ check, limit }): LabelledValue => [{ version, check }, limit / perUnit])));
  }
  text.counter('lastgood_check_breaches_total', 'Looks at which the check failed.', eachModel(models,
    ({ meter, checksInForce }) =>
      withZeros(checksInForce, meter.breaches).map(([check, count]) => [{ check }, count])));
}

function writeProcess(text: MetricText, { isDraining, process, restarts, stalls, isDiskWritable }: EngineView): void {
  const { version, node, startSeconds, cpuSeconds, residentBytes, memoryBytes, memoryMax } = process;
  text.gauge('lastgood_build_info', '1, with the versions of lastgood and of Node.', [[{ version, node }, 1]]);
  text.gauge('lastgood_draining', '1 while the engine takes no more requests.', [[{}, Number(isDraining)]]);
  text.counter('lastgood_engine_restarts_total', 'How often the supervisor has started the engine again.',
    [[{}, restarts]]);
  text.counter('lastgood_engine_stalls_total', 'How often it had killed an engine that stood still.', [[{}, stalls]]);
  text.gauge('lastgood_disk_writable', '1 while the data directory takes changes.', [[{}, Number(isDiskWritable)]]);
  text.counter('process_cpu_seconds_total', 'CPU time of all threads, user and system.', [[{}, cpuSeconds]]);
  text.gauge('process_resident_memory_bytes', 'Resident memory.', [[{}, residentBytes]]);
  text.gauge('lastgood_memory_bytes', 'Anonymous memory, of the container if that is what limits it.',
    [[{}, memoryBytes]]);
  text.gauge('lastgood_memory_max_bytes', 'Beyond it large work is refused; absent when nothing limits it.',
    memoryMax === null ? [] : [[{}, memoryMax]]);
  text.gauge('process_start_time_seconds', 'When the process started, since the Unix epoch.', [[{}, startSeconds]]);
}
