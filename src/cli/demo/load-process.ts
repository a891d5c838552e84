// The demo's end of its load process: starts it, fills the ledger from its reports, and stops it. Main thread.
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Ledger } from './ledger.ts';
import type { LoadCommand, LoadDone, LoadReport, StartLoad } from './messages.ts';

const ENTRY = fileURLToPath(new URL('./load.js', import.meta.url));

export class LoadProcess {
  readonly #child: ChildProcess;
  readonly #done: Promise<LoadDone>;
  readonly #exit: Promise<unknown>;

  /** Starts asking at once; every answer goes into `ledger` soon after it came. */
  constructor(ledger: Ledger, options: Omit<StartLoad, 'kind'>) {
    this.#child = fork(ENTRY, [], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#exit = once(this.#child, 'exit');
    this.#done = new Promise((resolve, reject) => {
      this.#child.on('message', (report: LoadReport) => {
        if (report.kind === 'answers') ledger.add(report.answers);
        else resolve(report);
      });
      this.#child.once('error', reject);
      this.#child.once('exit', (code, signal) => {
        reject(new Error(`run the load process: it ended with ${signal ?? `code ${code ?? 0}`} before it was stopped`));
      });
    });
    // Whoever stops it hears of it; until then an early end only shows as answers that do not come.
    this.#done.catch(() => undefined);
    this.#send({ kind: 'start', ...options });
  }

  /** Resolves when the last request has its answer or is given up; rejects when the process is gone. */
  async stop(): Promise<LoadDone> {
    this.#send({ kind: 'stop' });
    const done = await this.#done;
    await this.#exit;
    return done;
  }

  /** Ends it at once, if it still runs. */
  kill(): void {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
  }

  #send(command: LoadCommand): void {
    if (this.#child.connected) this.#child.send(command);
  }
}
