// The engine's end of the monitor thread: starts it again when it ends unasked, hands its reports on, and turns its
// answers to questions into promises. Main thread.
import { lastgoodError } from '../base/errors.ts';
import { ManagedThread, type ThreadOptions } from '../base/managed-thread.ts';
import type {
  CapturedPredictions, CapturePredictions, DetachedRings, DetachRings, HealthReport, MeasuredModel,
  MeasuredSamples, MeasureSamples, MonitorCommand, MonitorData, MonitorReport, Verdict, WatchGeneration,
} from '../judge/types/messages.ts';
import type { RecorderThread } from '../record/recording.ts';
import type { RecorderCommand } from '../record/twin-answers.ts';
import { withTimeout } from '../base/clock.ts';

/** A monitor that was told to stop takes a last look at everything; one that is not done by then has no use. */
const STOP_MS_MAX = 10_000;
/** The monitor answers within one of its rounds; a thread that takes longer than this has ended. */
const CAPTURE_MS_MAX = 5_000;
/** Whoever asks for numbers waits for them no longer than this. */
const MEASURE_MS_MAX = 1_000;
/** A recorder on a slow disk takes longer; the rings are then left to it. */
const DETACH_MS_MAX = 5_000;

interface MonitorLinkPorts {
  readonly onHealth: (report: HealthReport) => void;
  readonly onVerdict: (verdict: Verdict) => void;
  /** Whenever samples were counted, also when nobody waits for it any more. */
  readonly onMeasured: (models: readonly MeasuredModel[]) => void;
  /** The thread was started again and knows nothing: everything must be posted anew. */
  readonly onRestart: (reason: string) => void;
  /** What the recorder is told of a generation before it begins. */
  readonly known: (watch: WatchGeneration) => RecorderCommand;
  /** Told the same as the monitor; null while samples are not recorded. */
  readonly recorder: RecorderThread | null;
  /** Counted into by every monitor thread in turn. */
  readonly traffic: SharedArrayBuffer;
}

type Answer = CapturedPredictions | DetachedRings | MeasuredSamples;
type Question = CapturePredictions | DetachRings | MeasureSamples;

type MonitorThread = ManagedThread<MonitorCommand, MonitorReport>;

/** A handle of the thread that judges; whenever it is started, all rings and generations must be posted anew. */
export function monitorThread(
  events: Pick<ThreadOptions<MonitorCommand, MonitorReport>, 'onReport' | 'onUnexpectedEnd'>,
  traffic: SharedArrayBuffer | null = null,
): MonitorThread {
  return new ManagedThread({
    entry: new URL('../judge/monitor/monitor.js', import.meta.url), name: 'lastgood-monitor',
    data: { traffic } satisfies MonitorData,
    lastCommand: { kind: 'stop' }, stopMsMax: STOP_MS_MAX, ...events,
  });
}

export class MonitorLink {
  readonly #ports: MonitorLinkPorts;
  readonly #thread: MonitorThread;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastRequest = 0;
  #measuring: Promise<void> | null = null;

  constructor(ports: MonitorLinkPorts) {
    this.#ports = ports;
    this.#thread = monitorThread({
      onReport: (report) => {
        if (report.kind === 'health') this.#ports.onHealth(report);
        else if (report.kind === 'verdict') this.#ports.onVerdict(report);
        else {
          if (report.kind === 'measured') this.#ports.onMeasured(report.models);
          this.#waiting.get(report.request)?.(report);
        }
      },
      onUnexpectedEnd: (reason) => {
        this.#thread.start();
        this.#ports.onRestart(reason);
      },
    }, ports.traffic);
  }

  start(): void {
    this.#thread.start();
  }

  post(command: MonitorCommand): void {
    this.#thread.post(command);
    const { recorder, known } = this.#ports;
    if (recorder !== null && command.kind === 'watch') recorder.post(known(command));
    recorder?.post(command);
  }

  /** Whether samples are recorded. */
  get isRecording(): boolean {
    return this.#ports.recorder !== null;
  }

  /** Tells the recorder alone. */
  record(command: RecorderCommand): void {
    this.#ports.recorder?.post(command);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#thread.stop(), this.#ports.recorder?.stop()]);
  }

  /** The live predictions of the generation that is judged now. */
  async capture(model: string): Promise<CapturedPredictions> {
    const ask = (request: number): Question => ({ kind: 'capture', request, model });
    return (await this.#ask(ask, CAPTURE_MS_MAX)) as CapturedPredictions;
  }

  /** Has the rings of a deployment read a last time; rejects when somebody may be reading them still. */
  async detach(model: string, deploymentId: number): Promise<void> {
    let recorded: Promise<void> | undefined;
    await this.#ask((request) => {
      recorded = this.#ports.recorder?.detached(request);
      return { kind: 'detach', request, model, deploymentId };
    }, DETACH_MS_MAX);
    if (recorded === undefined || (await withTimeout(DETACH_MS_MAX, recorded.then(() => true))) !== null) return;
    throw lastgoodError('INTERNAL', { reason: 'the recorder did not answer a detach' });
  }

  /** Resolves when all samples that lie in the rings now have been counted and told to `onMeasured`. */
  measure(): Promise<void> {
    // One question at a time, however many ask.
    this.#measuring ??= this.#ask((request) => ({ kind: 'measure', request }), MEASURE_MS_MAX)
      .then(() => undefined)
      .finally(() => (this.#measuring = null));
    return this.#measuring;
  }

  async #ask(question: (request: number) => Question, msMax: number): Promise<Answer> {
    const request = (this.#lastRequest += 1);
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(request, resolve));
    const asked = question(request);
    this.post(asked);
    const answer = await withTimeout(msMax, answered);
    this.#waiting.delete(request);
    if (answer !== null) return answer;
    throw lastgoodError('INTERNAL', { reason: `the monitor did not answer a ${asked.kind}` });
  }
}
