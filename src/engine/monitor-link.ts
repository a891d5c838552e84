// The engine's end of the monitor thread: starts it again when it ends unasked, hands its reports on, and turns the
// capture of live predictions into a promise. Main thread.
import { lastgoodError } from '../errors.ts';
import type { CapturedPredictions, HealthReport, MonitorCommand, Verdict } from '../judge/messages.ts';
import { MonitorThread } from '../judge/monitor-thread.ts';

/** The monitor answers a capture within one of its rounds; a thread that takes longer than this has ended. */
const CAPTURE_MS_MAX = 5_000;

export interface MonitorLinkPorts {
  readonly onHealth: (report: HealthReport) => void;
  readonly onVerdict: (verdict: Verdict) => void;
  /** The thread was started again and knows nothing: everything must be posted anew. */
  readonly onRestart: (reason: string) => void;
}

export class MonitorLink {
  readonly #ports: MonitorLinkPorts;
  readonly #thread: MonitorThread;
  readonly #captures = new Map<number, (captured: CapturedPredictions) => void>();
  #lastCapture = 0;

  constructor(ports: MonitorLinkPorts) {
    this.#ports = ports;
    this.#thread = new MonitorThread({
      onReport: (report) => {
        if (report.kind === 'health') this.#ports.onHealth(report);
        else if (report.kind === 'verdict') this.#ports.onVerdict(report);
        else this.#captures.get(report.request)?.(report);
      },
      onUnexpectedExit: (reason) => {
        this.#thread.start();
        this.#ports.onRestart(reason);
      },
    });
  }

  start(): void {
    this.#thread.start();
  }

  post(command: MonitorCommand): void {
    this.#thread.post(command);
  }

  stop(): Promise<void> {
    return this.#thread.stop();
  }

  /** The live predictions of the generation that is judged now. */
  async capture(model: string): Promise<CapturedPredictions> {
    const request = (this.#lastCapture += 1);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<CapturedPredictions>((resolve, reject) => {
        this.#captures.set(request, resolve);
        timer = setTimeout(
          () => reject(lastgoodError('INTERNAL', { reason: 'the monitor did not answer a capture' })),
          CAPTURE_MS_MAX,
        );
        this.post({ kind: 'capture', request, model });
      });
    } finally {
      clearTimeout(timer);
      this.#captures.delete(request);
    }
  }
}
