// Looks at the data directory before LMDB does. Any thread.
//   * A data file that is none of its own or was cut off: lmdb 3.5.6 dies of a signal on it, without an exception. Only
//     what can never be so in a healthy file is refused; damage further in is not found.
//   * A disk without room: when a write fails, lmdb 3.5.6 writes beyond a buffer of its own (the text of its error has
//     up to 130 characters and is given 100, in mdb_page_flush), so each refused write may corrupt the heap, and sooner
//     or later one ends the process. What a full, read-only or limited disk refuses, it refuses here.
//   * A registry that was lost: it is on disk before the first artefact is, so artefacts beside none, or beside an
//     empty one, have lost theirs, and a new one would know none of the models.
//
//   page    0 header (24 bytes) · 24 magic u32 · 48 page bytes u32 · 88 root of the free list u64 · 136 root of the
//           records u64; the first two pages of the file are such pages, written together when it is created
import { accessSync, closeSync, constants, ftruncateSync, readSync, statSync, writevSync } from 'node:fs';
import { endianness } from 'node:os';
import { openForWriting, RegularFile } from '../../base/regular-file.ts';
import { artifactNames, isArtifact } from '../../artifacts/directory.ts';

const MAGIC = 0xbeefc0de;
const MAGIC_OFFSET = 24;
const PAGE_BYTES_OFFSET = 48;
const ROOT_OFFSETS = [88, 136];
const META_BYTES = 144;
const PAGE_BYTES_MIN = 256;
const PAGE_BYTES_MAX = 65_536;
/** The root of a tree without entries. */
const NO_PAGE = 2n ** 64n - 1n;

/** More than the pages of a transaction without attachments; what is left of the disk below that is not used. */
export const ROOM_BYTES = 1 << 20;
const PIECE = new Uint8Array(1 << 16);
const PIECES = new Array<Uint8Array>(ROOM_BYTES / PIECE.length).fill(PIECE);
const FILE_MODE = 0o600;

/** Throws an Error that says why `path`, which exists, must not be opened; an empty file may be, for writing. */
export function checkLmdbFile(path: string, readOnly: boolean): void {
  accessSync(path, readOnly ? constants.R_OK : constants.R_OK | constants.W_OK);
  // Only its head is read, whatever its size.
  const file = RegularFile.open(path, Infinity);
  try {
    const size = file.bytes;
    // An empty file is what a crash between creating and writing leaves; LMDB starts over in it.
    if (size === 0 && !readOnly) return;
    if (size === 0) throw new Error(`${path} is empty`);
    const first = readMeta(file.descriptor, 0);
    if (first === null) throw new Error(`${path} is not an LMDB file`);
    const pageBytes = u32(first, PAGE_BYTES_OFFSET);
    if (pageBytes < PAGE_BYTES_MIN || pageBytes > PAGE_BYTES_MAX) throw new Error(`${path} is not an LMDB file`);
    if (size < 2 * pageBytes) throw cutOff(path, size);
    // LMDB writes the two in turn and can do with the first alone.
    for (const meta of [first, readMeta(file.descriptor, pageBytes) ?? first]) {
      for (const root of ROOT_OFFSETS.map((at) => u64(meta, at))) {
        if (root !== NO_PAGE && (root + 1n) * BigInt(pageBytes) > BigInt(size)) throw cutOff(path, size);
      }
    }
  } finally {
    file.close();
  }
}

const cutOff = (path: string, size: number): Error => new Error(`${path} was cut off after ${size} bytes`);
const isLittle = endianness() === 'LE';
const u32 = (bytes: Buffer, at: number): number => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
const u64 = (bytes: Buffer, at: number): bigint => (isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));

function readMeta(file: number, position: number): Buffer | null {
  const bytes = Buffer.alloc(META_BYTES);
  const count = readSync(file, bytes, 0, META_BYTES, position);
  return count === META_BYTES && u32(bytes, MAGIC_OFFSET) === MAGIC ? bytes : null;
}

/** Throws what the system says when `file`, which is empty again afterwards, cannot take so many bytes, rounded up. */
export function assertRoom(file: string, bytes: number): void {
  const descriptor = openForWriting(file, FILE_MODE);
  try {
    for (let at = 0; at < bytes; at += ROOM_BYTES) {
      const writtenBytes = writevSync(descriptor, PIECES, at);
      if (writtenBytes < ROOM_BYTES) throw new Error(`there is room for ${at + writtenBytes} of ${bytes} bytes`);
    }
  } finally {
    ftruncateSync(descriptor);
    closeSync(descriptor);
  }
}

/** Throws an Error that says what to do when `file` is missing or empty beside the artefacts of `dataDir`. */
export function refuseLostRegistry(dataDir: string, file: string): void {
  // Before the file, which another process may be writing for the first time.
  const count = artifactNames(dataDir).filter(isArtifact).length;
  const found = statSync(file, { throwIfNoEntry: false });
  if (count === 0 || (found !== undefined && found.size > 0)) return;
  throw new Error(`its registry is lost: ${file} is ${found === undefined ? 'missing' : 'empty'}, but artefacts ` +
    `are there (${count}); put a copy of it back, or move the folders registry and artifacts away and register the ` +
    'models again, with the files in artifacts');
}
