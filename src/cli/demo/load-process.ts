// The demo's end of its load process: starts it, fills the ledger from its reports, and stops it. Main thread.
import { fileURLToPath } from 'node:url';
import { ManagedChild } from '../../base/managed-child.ts';
import type { Ledger } from './ledger.ts';
import type { LoadCommand, LoadDone, LoadReport, StartLoad } from './messages.ts';

const ENTRY = fileURLToPath(new URL('./load.js', import.meta.url));

export class LoadProcess {
  readonly #child: ManagedChild<LoadCommand, LoadReport>;
  #done: LoadDone | null = null;

  /** Starts asking at once; every answer goes into `ledger` soon after it came. */
  constructor(ledger: Ledger, options: Omit<StartLoad, 'kind'>) {
    this.#child = new ManagedChild({
      entry: ENTRY, stderr: 'inherit',
      onReport: (report) => {
        if (report.kind === 'answers') ledger.add(report.answers);
        else this.#done = report;
      },
    });
    this.#child.post({ kind: 'start', ...options });
  }

  /** Resolves when the last request has its answer or is given up; rejects when the process went before. */
  async stop(): Promise<LoadDone> {
    this.#child.post({ kind: 'stop' });
    const how = await this.#child.ended;
    if (this.#done !== null) return this.#done;
    throw new Error(`run the load process: it ended with ${how} before it was stopped`);
  }

  /** Ends it at once, if it still runs. */
  kill(): void {
    this.#child.kill();
  }
}
