// The admin socket of an engine, and with it the ownership of its data directory. A disk that is full or mounted
// read-only can refuse it; then the engine serves without one and the socket comes when the disk allows it. Main
// thread.
import type { ControlPlane } from '../admin/commands.ts';
import { startAdminServer } from '../admin/server.ts';
import type { AdminServer } from '../admin/server.ts';
import { isLastgoodError, reasonOf } from '../base/errors.ts';
import type { EngineLog } from './log.ts';

const RETRY_MS = 1_000;

export class AdminSocket {
  readonly #dataDir: string;
  #server: AdminServer | null = null;
  #refusal: string | null = null;
  #retry: NodeJS.Timeout | null = null;
  #log: EngineLog | null = null;

  private constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  /** Claims the directory; throws ADMIN_IN_USE or ADMIN_SOCKET_FAILED. */
  static async claim(dataDir: string): Promise<AdminSocket> {
    const socket = new AdminSocket(dataDir);
    await socket.#try();
    return socket;
  }

  /** Null as long as the disk refuses it. */
  get path(): string | null {
    return this.#server?.path ?? null;
  }

  /** From now on verbs are carried out, as soon as there is a socket. */
  attach(control: ControlPlane, log: EngineLog): void {
    this.#log = log;
    this.#server?.attach(control);
    if (this.#server !== null) return;
    log.error({ reason: this.#refusal }, 'no admin socket; the models are served, and it is tried again');
    this.#retry = setInterval(() => {
      void this.#try().then(() => {
        if (this.#server === null) return;
        this.#stopRetrying();
        this.#server.attach(control);
        log.info({ path: this.#server.path }, 'the admin socket is there');
      }, (error: unknown) => {
        this.#stopRetrying();
        log.error({ reason: reasonOf(error) }, 'no admin socket');
      });
    }, RETRY_MS);
  }

  /** Lets a program end that does not close its engine. */
  unref(): void {
    this.#server?.unref();
    this.#retry?.unref();
  }

  async close(): Promise<void> {
    this.#stopRetrying();
    const left = await this.#server?.close();
    if (typeof left === 'string') this.#log?.warn({ reason: left }, 'stop: the admin socket stays where it is');
  }

  async #try(): Promise<void> {
    try {
      this.#server ??= await startAdminServer(this.#dataDir);
    } catch (error) {
      if (!isLastgoodError(error) || error.code !== 'DISK_REFUSED') throw error;
      this.#refusal = reasonOf(error);
    }
  }

  #stopRetrying(): void {
    if (this.#retry !== null) clearInterval(this.#retry);
    this.#retry = null;
  }
}
