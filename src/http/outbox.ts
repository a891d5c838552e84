// What goes out on the WebSockets of one front. Main thread. The answers of a batch belong to many sockets in turn;
// sent one by one each would be a system call of its own. Small messages are therefore copied into one buffer and leave
// when the answers of the batch are out, socket by socket, all of a socket's in one write.
// Invariant: no more than OUTBOX_BACKLOG_BYTES_MAX (or one single message) wait for a client, or it is disconnected.
import { SendResult, type WebSocketChannel } from './driver.ts';
import type { UnreadBudget, UnreadHolder } from './unread-budget.ts';

/** With more than this unread by the client, its new frames are refused. */
export const OUTBOX_HELD_BACK_BYTES = 1024 * 1024;
/** A message that would leave more than this unread closes the socket with 1013. */
export const OUTBOX_BACKLOG_BYTES_MAX = 8 * 1024 * 1024;

/** Close codes of RFC 6455 that the server sends. */
export const CloseCode = { goingAway: 1001, tryAgainLater: 1013 } as const;

/** Larger messages are not copied: a write of their own costs less. */
const GATHERED_BYTES_MAX = 4 * 1024;
const BUFFER_BYTES = 256 * 1024;

/** The messages that wait for the end of the turn, of all sockets of one front. */
export class Gathering {
  readonly #memory = new ArrayBuffer(BUFFER_BYTES);
  readonly #bytes = new Uint8Array(this.#memory);
  #used = 0;
  #isScheduled = false;
  #waiting: Outbox[] = [];

  /** Copies a message and returns where it lies. */
  add(outbox: Outbox, isFirst: boolean, message: Uint8Array): number {
    if (message.length > BUFFER_BYTES - this.#used) {
      this.flush();
      return this.add(outbox, true, message);
    }
    if (isFirst) this.#waiting.push(outbox);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(this.#onTurnEnd);
    }
    const offset = this.#used;
    this.#bytes.set(message, offset);
    this.#used += message.length;
    return offset;
  }

  /** A gathered message, in place. */
  at(offset: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory, offset, length);
  }

  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const outbox of waiting) outbox.flush();
    this.#used = 0;
  }

  readonly #onTurnEnd = (): void => {
    this.#isScheduled = false;
    this.flush();
  };
}

/** One socket's way out. */
export class Outbox implements UnreadHolder {
  readonly #channel: WebSocketChannel;
  readonly #isBinary: boolean;
  readonly #gathering: Gathering;
  readonly #budget: UnreadBudget;
  /** Offset and length of each gathered message. */
  readonly #gathered: number[] = [];
  /** Unread by the client when it was last looked at: asking is a native call, and nearly always it is 0. */
  #unreadBytes = 0;
  #isTaken = true;
  #isOpen = true;

  constructor(channel: WebSocketChannel, isBinary: boolean, gathering: Gathering, budget: UnreadBudget) {
    this.#channel = channel;
    this.#budget = budget;
    this.#isBinary = isBinary;
    this.#gathering = gathering;
  }

  /** Bytes that the client has not read. */
  get unreadBytes(): number {
    if (this.#unreadBytes > 0) this.countUnread();
    return this.#unreadBytes;
  }

  /** Sends a message at the end of the turn, or now when it is large; it is copied during the call. */
  send(message: Uint8Array): void {
    if (!this.#isOpen) return;
    if (message.length > GATHERED_BYTES_MAX) {
      this.sendNow(message);
      return;
    }
    const offset = this.#gathering.add(this, this.#gathered.length === 0, message);
    this.#gathered.push(offset, message.length);
  }

  /** Sends a message now: for what is answered while frames are being read, when the driver gathers by itself. */
  sendNow(message: Uint8Array): void {
    if (!this.#isOpen) return;
    this.#unreadBytes = this.#channel.getBufferedAmount();
    this.#settle(this.#write(message));
  }

  /** Sends what was gathered; called by the gathering. */
  flush(): void {
    if (this.#isOpen) {
      this.#isTaken = true;
      this.#channel.cork(this.#writeGathered);
      this.#settle(this.#isTaken);
    }
    this.#gathered.length = 0;
  }

  /** Sends a close frame; what was gathered is dropped. */
  end(code: number, reason: string): void {
    if (!this.#isOpen) return;
    this.closed();
    this.#channel.end(code, reason);
  }

  /** The channel is gone or about to go: it is never used again. */
  closed(): void {
    this.#isOpen = false;
    this.#budget.set(this, 0);
  }

  /** Tells the front what the client has not read. */
  countUnread(): void {
    if (!this.#isOpen) return;
    this.#unreadBytes = this.#channel.getBufferedAmount();
    this.#budget.set(this, this.#unreadBytes);
  }

  /** Disconnects a client that does not read. */
  giveUp(): void {
    this.end(CloseCode.tryAgainLater, 'answers are not read');
  }

  readonly #writeGathered = (): void => {
    const gathered = this.#gathered;
    for (let at = 0; at < gathered.length && this.#isTaken; at += 2) {
      this.#isTaken = this.#write(this.#gathering.at(gathered[at]!, gathered[at + 1]!));
    }
  };

  // Returns false when the client has too much unread.
  #write(message: Uint8Array): boolean {
    if (this.#unreadBytes > 0 && this.#unreadBytes + message.length > OUTBOX_BACKLOG_BYTES_MAX) return false;
    this.#unreadBytes += message.length;
    return this.#channel.send(message, this.#isBinary) !== SendResult.dropped;
  }

  #settle(isTaken: boolean): void {
    if (isTaken) this.countUnread();
    else this.giveUp();
  }
}
