// The file that samples are recorded in: appended to, and rotated at its limit (FILE, FILE.1, FILE.2, …, the oldest
// goes). Recorder thread. Every file begins with what answers, so each can be read by itself. Invariant: whatever the
// disk refuses, the files hold whole lines, and the next write goes on behind them.
import { closeSync, existsSync, ftruncateSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { assertFreeForFile, openForWriting } from '../base/regular-file.ts';

// What was asked and answered is nobody else's business.
const FILE_MODE = 0o600;

interface RecordFileOptions {
  readonly path: string;
  /** Bytes of one file. */
  readonly bytesMax: number;
  /** Files that are kept, the one that is written included. */
  readonly filesMax: number;
  /** The lines that a new file begins with. */
  readonly head: () => string;
}

export class RecordFile {
  readonly #options: RecordFileOptions;
  /** Null when a new file is to be begun. */
  #descriptor: number | null;
  #bytes = 0;

  /** Begins a new file; one that is there already is rotated away. Throws what openForWriting does. */
  constructor(options: RecordFileOptions) {
    this.#options = options;
    assertFreeForFile(options.path);
    if (existsSync(options.path) && statSync(options.path).size > 0) this.#rotateNames();
    this.#descriptor = openForWriting(options.path, FILE_MODE);
  }

  /** Appends whole lines; throws what the file system says, and then none of them is there. */
  write(lines: string): void {
    const bytes = Buffer.from(lines);
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#options.bytesMax) this.#endFile();
    this.#append(this.#descriptor ?? this.#beginFile(), bytes);
  }

  #append(descriptor: number, bytes: Buffer): void {
    try {
      for (let from = 0; from < bytes.length; ) {
        from += writeSync(descriptor, bytes, from, bytes.length - from, this.#bytes + from);
      }
    } catch (error) {
      this.#cutTo(descriptor, this.#bytes);
      throw error;
    }
    this.#bytes += bytes.length;
  }

  #cutTo(descriptor: number, bytes: number): void {
    try {
      ftruncateSync(descriptor, bytes);
    } catch {
      // Half a line is left. The next one goes to another file.
      closeSync(descriptor);
      this.#descriptor = null;
    }
  }

  // The name goes first: a file that keeps it would be written over.
  #endFile(): void {
    this.#rotateNames();
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
    this.#bytes = 0;
  }

  #beginFile(): number {
    const { path, head } = this.#options;
    if (existsSync(path)) this.#rotateNames();
    const descriptor = openForWriting(path, FILE_MODE);
    this.#descriptor = descriptor;
    this.#bytes = 0;
    this.#append(descriptor, Buffer.from(head()));
    return descriptor;
  }

  // As far as the first name that is free, so that what was begun and refused takes nothing more when it is done again.
  #rotateNames(): void {
    const { path, filesMax } = this.#options;
    const nameOf = (file: number): string => (file === 0 ? path : `${path}.${file}`);
    let free = 1;
    while (free < filesMax && existsSync(nameOf(free))) free += 1;
    if (free >= filesMax) {
      free = filesMax - 1;
      rmSync(nameOf(free), { force: true });
    }
    for (let file = free - 1; file >= 0; file -= 1) renameSync(nameOf(file), nameOf(file + 1));
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
  }
}
