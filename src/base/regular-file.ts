// The one way to files that an operator or a client names. A named pipe would hold its reader for good, a device may do
// something when it is opened or never come to an end: nothing but a regular file is opened, and nothing in a way that
// can wait. Any thread or process.
// Invariant: what was checked is what is read, because everything after the opening goes through one descriptor.
import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, read, readSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { promisify } from 'node:util';

// Should another thing have taken the name between the look and the opening, then opening it does not wait either.
const WITHOUT_WAITING = constants.O_NONBLOCK | constants.O_NOCTTY;
const PIECE_BYTES = 256 * 1024;
const readLater = promisify(read);

export class RegularFile {
  readonly descriptor: number;
  /** Its size when it was opened. */
  readonly bytes: number;
  /** Its permissions, as in `stat`. */
  readonly mode: number;
  readonly #bytesMax: number;

  private constructor(descriptor: number, { size, mode }: Stats, bytesMax: number) {
    this.descriptor = descriptor;
    this.bytes = size;
    this.mode = mode;
    this.#bytesMax = bytesMax;
  }

  /**
   * Opens `path`, or what it links to, for reading; the caller closes it. Throws what the system says, or an Error that
   * tells what else has this name or that it has more than `bytesMax` bytes.
   */
  static open(path: string, bytesMax: number): RegularFile {
    assertRegular(statSync(path));
    const descriptor = openSync(path, constants.O_RDONLY | WITHOUT_WAITING);
    try {
      const found = fstatSync(descriptor);
      assertRegular(found);
      if (found.size > bytesMax) throw new Error(`it has ${found.size} bytes; wanted at most ${bytesMax}`);
      return new RegularFile(descriptor, found, bytesMax);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  }

  /** All its bytes as UTF-8. Blocks this thread: for small limits. */
  text(): string {
    return this.content().toString('utf8');
  }

  /** All its bytes. Blocks this thread: for small limits. */
  content(): Buffer {
    const pieces: Buffer[] = [];
    for (let bytes = 0; ; ) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const count = readSync(this.descriptor, piece, 0, PIECE_BYTES, bytes);
      if (count === 0) return Buffer.concat(pieces);
      bytes += count;
      this.#assertWithin(bytes);
      pieces.push(piece.subarray(0, count));
    }
  }

  /** All its bytes from the beginning, a piece at a time, read off this thread. */
  async *pieces(): AsyncGenerator<Buffer, void> {
    for (let bytes = 0; ; ) {
      const piece = await this.#piece(bytes, PIECE_BYTES);
      if (piece.length === 0) return;
      bytes += piece.length;
      this.#assertWithin(bytes);
      yield piece;
    }
  }

  /** The SHA-256 of all its bytes; in one buffer, because hundreds of them would wait for the collector. */
  async sha256(): Promise<string> {
    const hash = createHash('sha256');
    const piece = Buffer.allocUnsafeSlow(PIECE_BYTES);
    for (let bytes = 0; ; ) {
      const { bytesRead } = await readLater(this.descriptor, piece, 0, PIECE_BYTES, bytes);
      if (bytesRead === 0) return hash.digest('hex');
      bytes += bytesRead;
      this.#assertWithin(bytes);
      hash.update(piece.subarray(0, bytesRead));
    }
  }

  /** The `bytes` from `from` on, like `pieces`; throws an Error when it ends before them. */
  async *part(from: number, bytes: number): AsyncGenerator<Buffer, void> {
    for (let done = 0; done < bytes; ) {
      const piece = await this.#piece(from + done, Math.min(PIECE_BYTES, bytes - done));
      if (piece.length === 0) throw new Error(`it ends ${bytes - done} bytes too early`);
      done += piece.length;
      yield piece;
    }
  }

  async #piece(position: number, bytesMax: number): Promise<Buffer> {
    const piece = Buffer.allocUnsafe(bytesMax);
    const { bytesRead } = await readLater(this.descriptor, piece, 0, bytesMax, position);
    return piece.subarray(0, bytesRead);
  }

  // It may grow while it is read, and some files tell no size at all.
  #assertWithin(bytes: number): void {
    if (bytes > this.#bytesMax) throw new Error(`it has more than ${this.#bytesMax} bytes; wanted at most that many`);
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** The text of the file at `path`; throws as RegularFile.open does. */
export const readRegularFile = (path: string, bytesMax: number): string =>
  readRegularBytes(path, bytesMax).toString('utf8');

/** Its bytes likewise. */
export function readRegularBytes(path: string, bytesMax: number): Buffer {
  const file = RegularFile.open(path, bytesMax);
  try {
    return file.content();
  } finally {
    file.close();
  }
}

/**
 * Opens `path` for writing, empty, and creates it with `mode` where nothing has this name; returns its descriptor.
 * Throws what the system says, or an Error that tells what else has this name.
 */
export function openForWriting(path: string, mode: number): number {
  assertFreeForFile(path);
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT | WITHOUT_WAITING, mode);
  try {
    assertRegular(fstatSync(descriptor));
    ftruncateSync(descriptor);
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Throws an Error when something else than a regular file has this name. */
export function assertFreeForFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined) assertRegular(found);
}

function assertRegular(found: Stats): void {
  if (!found.isFile()) throw new Error(`it is ${kindOf(found)}; wanted a regular file`);
}

/** What a name in a directory stands for. */
export function kindOf(found: Stats): string {
  if (found.isFile()) return 'a file';
  if (found.isDirectory()) return 'a directory';
  if (found.isFIFO()) return 'a named pipe';
  if (found.isSocket()) return 'a socket';
  return found.isSymbolicLink() ? 'a symbolic link' : 'a device';
}

/** Bytes of a file as text, with the byte order mark that it may begin with; throws an Error when they are no UTF-8. */
export function utf8TextOf(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new Error('it is no valid UTF-8, so that a text in it would become another one');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
