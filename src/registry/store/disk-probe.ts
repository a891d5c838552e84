// Asks the disk before LMDB does. lmdb 3.5.6 writes beyond a buffer of its own when a write fails: the text of its
// error has up to 130 characters and is given 100 (mdb_page_flush), so each refused write may corrupt the heap, and
// sooner or later one ends the process. What a full, read-only or limited disk refuses, it refuses here. Any thread.
import { closeSync, ftruncateSync, writevSync } from 'node:fs';
import { openForWriting } from '../../base/regular-file.ts';

/** More than the pages of any transaction; what is left of the disk below that is not used. */
const ROOM_BYTES = 1 << 20;
const PIECE = new Uint8Array(1 << 16);
const PIECES = new Array<Uint8Array>(ROOM_BYTES / PIECE.length).fill(PIECE);
const FILE_MODE = 0o600;

/** Throws what the system says when `file`, which is empty again afterwards, cannot take a transaction's bytes. */
export function assertRoom(file: string): void {
  const descriptor = openForWriting(file, FILE_MODE);
  try {
    const writtenBytes = writevSync(descriptor, PIECES, 0);
    if (writtenBytes < ROOM_BYTES) throw new Error(`there is room for ${writtenBytes} of ${ROOM_BYTES} bytes`);
  } finally {
    ftruncateSync(descriptor);
    closeSync(descriptor);
  }
}
