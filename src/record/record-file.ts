// The file that samples are recorded in: appended to, and rotated at its limit (FILE, FILE.1, FILE.2, …, the oldest
// goes). Recorder thread. Every file begins with what answers, so each can be read by itself. A disk that refuses ends
// the recording for good; the engine goes on.
import { closeSync, existsSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
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
  #descriptor: number;
  #bytes = 0;

  /** Begins a new file; one that is there already is rotated away. Throws what openForWriting does. */
  constructor(options: RecordFileOptions) {
    this.#options = options;
    assertFreeForFile(options.path);
    if (existsSync(options.path) && statSync(options.path).size > 0) this.#rotateNames();
    this.#descriptor = openForWriting(options.path, FILE_MODE);
  }

  /** Appends whole lines; throws what the file system says. */
  write(lines: string): void {
    const bytes = Buffer.from(lines);
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#options.bytesMax) this.#rotate();
    this.#append(bytes);
  }

  #append(bytes: Buffer): void {
    for (let from = 0; from < bytes.length; ) from += writeSync(this.#descriptor, bytes, from);
    this.#bytes += bytes.length;
  }

  #rotate(): void {
    closeSync(this.#descriptor);
    this.#rotateNames();
    this.#descriptor = openForWriting(this.#options.path, FILE_MODE);
    this.#bytes = 0;
    this.#append(Buffer.from(this.#options.head()));
  }

  #rotateNames(): void {
    const { path, filesMax } = this.#options;
    const nameOf = (file: number): string => (file === 0 ? path : `${path}.${file}`);
    rmSync(nameOf(filesMax - 1), { force: true });
    for (let file = filesMax - 2; file >= 0; file -= 1) {
      if (existsSync(nameOf(file))) renameSync(nameOf(file), nameOf(file + 1));
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
