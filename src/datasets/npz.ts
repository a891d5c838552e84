// Reads the arrays of a NumPy .npz file: a zip archive of .npy files, stored or deflated. Strict: only what numpy.savez
// and numpy.savez_compressed write is read, and every size is checked against the archive's own word, its checksum and
// a limit before memory is taken. Blocks its thread for as long as inflating takes.
import { inflateRawSync } from 'node:zlib';
import { reasonOf } from '../base/errors.ts';
import { type ArrayInFile, readNpy } from './npy.ts';

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const COMMENT_BYTES_MAX = 0xffff;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;
/** Sizes from here on stand elsewhere: a zip64 archive. */
const ZIP64 = 0xffff_ffff;
const EXTENSION = '.npy';
const ENTRIES_MAX = 1_000;

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly checksum: number;
  readonly packed: number;
  readonly unpacked: number;
  readonly localAt: number;
}

/** Reads the arrays by their names; `bytesMax` bounds what all of them take when they are unpacked. */
export function readNpz(bytes: Uint8Array, bytesMax: number): Map<string, ArrayInFile> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = entriesOf(bytes, view);
  const total = entries.reduce((sum, { unpacked }) => sum + unpacked, 0);
  if (total > bytesMax) throw new Error(`its arrays have ${total} bytes; wanted at most ${bytesMax}`);
  const arrays = new Map<string, ArrayInFile>();
  for (const entry of entries) {
    const name = entry.name.slice(0, -EXTENSION.length);
    try {
      if (!entry.name.endsWith(EXTENSION)) throw new Error('it is no .npy file');
      if (arrays.has(name)) throw new Error('it is there twice');
      arrays.set(name, readNpy(contentOf(entry, bytes, view)));
    } catch (error) {
      throw new Error(`array "${name}": ${reasonOf(error)}`);
    }
  }
  return arrays;
}

function entriesOf(bytes: Uint8Array, view: DataView): Entry[] {
  const endAt = endOf(bytes, view);
  const count = view.getUint16(endAt + 10, true);
  let at = view.getUint32(endAt + 16, true);
  if (count > ENTRIES_MAX) throw new Error(`it has ${count} arrays; wanted at most ${ENTRIES_MAX}`);
  const entries: Entry[] = [];
  for (let index = 0; index < count; index += 1) {
    if (at + ENTRY_BYTES > endAt || view.getUint32(at, true) !== ENTRY_SIGNATURE) throw broken();
    const nameBytes = view.getUint16(at + 28, true);
    const nameAt = at + ENTRY_BYTES;
    const next = nameAt + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > endAt) throw broken();
    if ((view.getUint16(at + 8, true) & ENCRYPTED) !== 0) throw new Error('it is encrypted');
    entries.push({
      name: Buffer.from(bytes.subarray(nameAt, nameAt + nameBytes)).toString('utf8'),
      method: view.getUint16(at + 10, true), checksum: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true), unpacked: view.getUint32(at + 24, true),
      localAt: view.getUint32(at + 42, true),
    });
    at = next;
  }
  return entries;
}

// The end record lies behind everything, before a comment of any length.
function endOf(bytes: Uint8Array, view: DataView): number {
  const lowest = Math.max(0, bytes.length - END_BYTES - COMMENT_BYTES_MAX);
  for (let at = bytes.length - END_BYTES; at >= lowest; at -= 1) {
    if (view.getUint32(at, true) === END_SIGNATURE) return at;
  }
  throw new Error('it is no .npz file: the end of a zip archive is missing');
}

function contentOf(entry: Entry, bytes: Uint8Array, view: DataView): Uint8Array {
  const { method, checksum, packed, unpacked, localAt } = entry;
  if ([packed, unpacked, localAt].includes(ZIP64)) throw new Error('it has more than 4 GiB');
  if (localAt + LOCAL_BYTES > bytes.length || view.getUint32(localAt, true) !== LOCAL_SIGNATURE) throw broken();
  const from = localAt + LOCAL_BYTES + view.getUint16(localAt + 26, true) + view.getUint16(localAt + 28, true);
  if (from + packed > bytes.length) throw broken();
  const content = unpackedOf(bytes.subarray(from, from + packed), method, unpacked);
  if (content.length !== unpacked) {
    throw new Error(`it has ${content.length} bytes; wanted ${unpacked} as the archive says`);
  }
  if (checksumOf(content) !== checksum) throw new Error('its checksum is wrong: the file is damaged');
  return content;
}

function unpackedOf(packed: Uint8Array, method: number, unpacked: number): Uint8Array {
  if (method === STORED) return packed;
  if (method !== DEFLATED) throw new Error(`it is packed by method ${method}; wanted it stored or deflated`);
  // One byte more than announced is enough to find out that it goes on.
  return inflateRawSync(packed, { maxOutputLength: unpacked + 1 });
}

const broken = (): Error => new Error('the archive contradicts itself: it is damaged, or no .npz file');

const CHECKSUM_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

// CRC-32; node:zlib has one only in later versions than the oldest that is supported.
function checksumOf(bytes: Uint8Array): number {
  let value = 0xffff_ffff;
  for (let at = 0; at < bytes.length; at += 1) value = CHECKSUM_TABLE[(value ^ bytes[at]!) & 0xff]! ^ (value >>> 8);
  return (value ^ 0xffff_ffff) >>> 0;
}
