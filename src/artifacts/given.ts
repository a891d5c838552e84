// What an operator registers, as a folder of files by name: a model file with what lies beside it, a folder, or a .tar.
// Nothing is unpacked, and nothing is opened before it is asked for. Main thread, or a CLI without an engine.
// Invariant: what is read lies where the operator pointed: no link and no path leads out of it. Only the path that an
// operator gives may be a link itself.
import { lstatSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isLastgoodError, lastgoodError, reasonOf } from '../base/errors.ts';
import { RegularFile } from '../base/regular-file.ts';
import { ARTIFACT_BYTES_MAX } from './manifest.ts';
import { ENTRIES_MAX, isTar, readTar, type TarEntry } from './tar.ts';

/** Pieces of a file; throws FILE_UNREADABLE, also while they are read. */
type Pieces = AsyncGenerator<Buffer, void>;

export interface GivenModel {
  /** The model. */
  model(): Pieces;
  /** A file that the model names, by its checked name; of at most so many bytes. */
  dataFile(name: string, bytesMax: number): Pieces;
  close(): void;
}

const HEAD_BYTES = 512;
const MODEL_FILE = /\.(onnx|ort)$/i;
const CANDIDATES_NAMED = 3;
/** What people hand over that is none of the three, by its first bytes. */
const OTHERS: readonly (readonly [string, string])[] = [
  ['1f8b', 'a .gz'], ['504b0304', 'a .zip'], ['28b52ffd', 'a .zst'], ['fd377a585a', 'a .xz'],
];

/** Opens what lies at `path`; throws FILE_UNREADABLE. */
export function openGiven(path: string): GivenModel {
  try {
    return statSync(path).isDirectory() ? folderAt(path) : fileAt(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function folderAt(folder: string): GivenModel {
  const names = readdirSync(folder);
  if (names.length > ENTRIES_MAX) throw new Error(`it holds over ${ENTRIES_MAX} files; wanted a model's own folder`);
  const path = join(folder, theModel(names));
  assertNoLink(path);
  return new GivenFiles(RegularFile.open(path, ARTIFACT_BYTES_MAX), path);
}

function fileAt(path: string): GivenModel {
  const file = RegularFile.open(path, ARTIFACT_BYTES_MAX);
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    readSync(file.descriptor, head, 0, HEAD_BYTES, 0);
    const [, other] = OTHERS.find(([bytes]) => head.toString('hex').startsWith(bytes)) ?? [];
    if (other !== undefined) {
      throw new Error(`it is ${other}; wanted the model, its folder or a plain .tar of it: unpack it first`);
    }
    return isTar(head) ? new GivenTar(file, path) : new GivenFiles(file, path);
  } catch (error) {
    file.close();
    throw error;
  }
}

function theModel(names: readonly string[]): string {
  const models = names.filter((name) => MODEL_FILE.test(name));
  if (models.length === 1) return models[0]!;
  if (models.length === 0) throw new Error('it holds no file whose name ends in .onnx or .ort; wanted one');
  const shown = models.sort().slice(0, CANDIDATES_NAMED).map((name) => JSON.stringify(name)).join(', ');
  const more = models.length > CANDIDATES_NAMED ? ` and ${models.length - CANDIDATES_NAMED} more` : '';
  throw new Error(`it holds ${models.length} models (${shown}${more}); wanted the path of one of them`);
}

function assertNoLink(path: string): void {
  if (!lstatSync(path).isSymbolicLink()) return;
  throw new Error('it is a symbolic link; wanted the file itself (cp -rL copies what links lead to)');
}

class GivenFiles implements GivenModel {
  readonly #model: RegularFile;
  readonly #path: string;

  constructor(model: RegularFile, path: string) {
    this.#model = model;
    this.#path = path;
  }

  async *model(): Pieces {
    yield* guarded(this.#path, this.#model.pieces());
  }

  async *dataFile(name: string, bytesMax: number): Pieces {
    const path = join(dirname(this.#path), name);
    const file = this.#open(name, path, bytesMax);
    try {
      yield* guarded(path, file.pieces());
    } finally {
      file.close();
    }
  }

  #open(name: string, path: string, bytesMax: number): RegularFile {
    try {
      // Of its folders none may be a link either.
      for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) {
        assertNoLink(join(dirname(this.#path), name.slice(0, at)));
      }
      assertNoLink(path);
      return RegularFile.open(path, bytesMax);
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const missing = 'it is not there; wanted it beside the model, or a folder or a .tar with both';
      const about = `weights of "${basename(this.#path)}" lie in it: `;
      throw unreadable(path, isMissing ? new Error(missing) : error, about);
    }
  }

  close(): void {
    this.#model.close();
  }
}

class GivenTar implements GivenModel {
  readonly #file: RegularFile;
  readonly #path: string;
  readonly #entries: ReadonlyMap<string, TarEntry>;
  readonly #model: string;

  constructor(file: RegularFile, path: string) {
    this.#file = file;
    this.#path = path;
    this.#entries = readTar(file.descriptor, file.bytes);
    this.#model = theModel([...this.#entries.keys()]);
  }

  model(): Pieces {
    return this.#pieces(this.#model, ARTIFACT_BYTES_MAX);
  }

  dataFile(name: string, bytesMax: number): Pieces {
    const at = this.#model.lastIndexOf('/');
    return this.#pieces(`${this.#model.slice(0, at + 1)}${name}`, bytesMax);
  }

  async *#pieces(name: string, bytesMax: number): Pieces {
    const entry = this.#entries.get(name);
    const refusal = (reason: string): Error => unreadable(this.#path, new Error(`its file "${name}" ${reason}`));
    if (entry === undefined) throw refusal(`is not there, and the model "${this.#model}" names it as its data`);
    if (entry.bytes > bytesMax) throw refusal(`has ${entry.bytes} bytes; wanted at most ${bytesMax}`);
    yield* guarded(this.#path, this.#file.part(entry.from, entry.bytes));
  }

  close(): void {
    this.#file.close();
  }
}

// So that a source which cannot be read is not taken for a disk that cannot be written.
async function* guarded(path: string, pieces: Pieces): Pieces {
  try {
    yield* pieces;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown, what = ''): Error {
  if (isLastgoodError(error)) return error;
  return lastgoodError('FILE_UNREADABLE', { path, reason: `${what}${reasonOf(error)}` });
}
