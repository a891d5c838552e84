// The certificate that is served, from the first to the last: takes a pair when the front starts, and another one when
// the files change or somebody asks. Main thread. Invariant: a pair that cannot be served changes nothing.
import { reasonOf } from '../../base/errors.ts';
import type { TlsView } from '../../metrics/views.ts';
import { openTlsPair, type TlsCertificate, type TlsPair, type TlsPaths, tlsUnusable } from './tls-pair.ts';
import { TlsWatch } from './tls-watch.ts';

/** A pair that is served now, or why it is not. */
export type TlsNews =
  | { readonly kind: 'served'; readonly certificate: TlsCertificate }
  | { readonly kind: 'refused'; readonly reason: string };

export interface TlsOptions {
  readonly paths: TlsPaths;
  /** Wall-clock time in ms, which certificates are valid by. */
  readonly nowMs: () => number;
  readonly tell: (news: TlsNews) => void;
}

interface TlsRenewalPorts extends TlsOptions {
  /** Serves new connections with the pair from now on; the pair is closed afterwards. */
  readonly serve: (pair: TlsPair) => Promise<void>;
}

export class TlsRenewal {
  readonly #ports: TlsRenewalPorts;
  readonly #watch: TlsWatch;
  #served: TlsCertificate | null = null;
  #renewals = 0;
  #refusals = 0;
  #problem: string | null = null;
  /** One after the other. */
  #renewing: Promise<void> = Promise.resolve();

  constructor(ports: TlsRenewalPorts) {
    this.#ports = ports;
    this.#watch = new TlsWatch(ports.paths, () => {
      this.#renewing = this.#renewing.then(() => this.#renew());
    });
  }

  /** Serves the files as they are and watches them from now on; throws TLS_UNUSABLE or LISTEN_FAILED. */
  async start(): Promise<void> {
    await this.#watch.start();
    try {
      await this.#take();
    } catch (error) {
      this.#watch.stop();
      throw error;
    }
  }

  /** Takes the files as they are now, changed or not. */
  renewNow(): void {
    void this.#watch.takeNow();
  }

  stop(): void {
    this.#watch.stop();
  }

  get view(): TlsView {
    const { subject = '', notAfterMs = 0 } = this.#served ?? {};
    const { cert } = this.#ports.paths;
    return { cert, subject, notAfterMs, renewals: this.#renewals, refusals: this.#refusals, problem: this.#problem };
  }

  async #renew(): Promise<void> {
    try {
      await this.#take();
      this.#renewals += 1;
      this.#problem = null;
    } catch (error) {
      this.#refusals += 1;
      this.#problem = reasonOf(error);
      this.#ports.tell({ kind: 'refused', reason: this.#problem });
    }
  }

  async #take(): Promise<void> {
    const { paths, nowMs, serve, tell } = this.#ports;
    const pair = openTlsPair(paths, nowMs());
    try {
      const served = this.#served;
      // Better than none at a start, but no reason to give up one that is still valid.
      if (served !== null && pair.notAfterMs < nowMs() && served.notAfterMs >= nowMs()) {
        throw tlsUnusable(paths, 'the certificate has expired, and the one that is served has not');
      }
      await serve(pair);
      const { subject, notBeforeMs, notAfterMs, warnings } = pair;
      this.#served = { subject, notBeforeMs, notAfterMs, warnings };
      tell({ kind: 'served', certificate: this.#served });
    } finally {
      pair.close();
    }
  }
}
