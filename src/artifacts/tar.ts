// Reads which files a .tar holds and where in it they lie, without unpacking anything: the formats that tar programs
// write (ustar, pax, GNU), and regular files and folders alone. Blocks its thread for a read of 512 bytes an entry.
// Invariant: what is not understood in full is refused: a link, a device, a sparse file, an archive that was cut off.
import { readSync } from 'node:fs';
import { checkedFileName } from './manifest.ts';

const BLOCK_BYTES = 512;
export const ENTRIES_MAX = 10_000;
/** Of the header of one entry that pax and GNU put before it: its name, mostly. */
const EXTENSION_BYTES_MAX = 64 * 1024;
const MAGIC = { at: 257, text: 'ustar' } as const;

/** Where a file lies in the archive. */
export interface TarEntry {
  readonly from: number;
  readonly bytes: number;
}

/** What an entry's type says, but for regular files and folders. */
const REFUSED: Readonly<Record<string, string>> = {
  1: 'a hard link', 2: 'a symbolic link', 3: 'a device', 4: 'a device', 6: 'a named pipe', S: 'a sparse file',
};
const REGULAR = ['0', '\0', '7'];
const FOLDERS = ['5', 'D'];

/** Tells whether these first bytes of a file begin an archive. */
export const isTar = (head: Uint8Array): boolean =>
  Buffer.from(head).toString('latin1', MAGIC.at, MAGIC.at + MAGIC.text.length) === MAGIC.text;

/** The regular files of an open archive of `bytes` bytes, by name; throws an Error that says what is wrong with it. */
export function readTar(descriptor: number, bytes: number): Map<string, TarEntry> {
  return new TarReader(descriptor, bytes).entries();
}

class TarReader {
  readonly #file: number;
  readonly #bytes: number;
  #at = 0;
  /** What pax and GNU say of the entry that comes next. */
  #name: string | null = null;
  #size: number | null = null;

  constructor(file: number, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  entries(): Map<string, TarEntry> {
    const found = new Map<string, TarEntry>();
    for (let count = 0; ; count += 1) {
      const header = this.#read(this.#at, BLOCK_BYTES);
      if (isBlank(header)) break;
      if (count >= ENTRIES_MAX) throw new Error(`the archive has more than ${ENTRIES_MAX} entries`);
      this.#at += BLOCK_BYTES;
      this.#take(header, found);
    }
    for (; this.#at < this.#bytes; this.#at += BLOCK_BYTES) {
      const rest = this.#read(this.#at, Math.min(BLOCK_BYTES, this.#bytes - this.#at));
      if (!isBlank(rest)) throw new Error('the archive goes on after its end; wanted one archive');
    }
    return found;
  }

  #take(header: Buffer, found: Map<string, TarEntry>): void {
    assertChecksum(header);
    const type = header.toString('latin1', 156, 157);
    const isExtension = 'xgLK'.includes(type);
    const bytes = (isExtension ? null : this.#size) ?? numberAt(header, 124, 12);
    const from = this.#at;
    // The last block of a file may lack its padding in no archive.
    const next = from + Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
    if (next > this.#bytes) throw new Error('the archive was cut off in the middle of a file');
    this.#at = next;
    if (isExtension) {
      this.#extend(type, from, bytes);
      return;
    }
    const name = this.#name ?? nameIn(header);
    this.#name = null;
    this.#size = null;
    if (FOLDERS.includes(type)) return;
    if (!REGULAR.includes(type)) {
      const what = REFUSED[type] ?? `of the unknown type ${JSON.stringify(type)}`;
      throw new Error(`its entry ${JSON.stringify(name)} is ${what}; wanted regular files and folders alone`);
    }
    // An old way to write a folder.
    if (name.endsWith('/') && bytes === 0) return;
    const checked = checkedFileName(name);
    if (found.has(checked)) throw new Error(`it holds the file ${JSON.stringify(checked)} twice`);
    found.set(checked, { from, bytes });
  }

  // A header before the header, for what does not fit there.
  #extend(type: string, from: number, bytes: number): void {
    if (bytes > EXTENSION_BYTES_MAX) {
      throw new Error(`a header in the archive has ${bytes} bytes; wanted at most ${EXTENSION_BYTES_MAX}`);
    }
    const content = this.#read(from, bytes);
    if (type === 'L') this.#name = textOf(content);
    if (type === 'x') this.#extendByPax(content);
    // Of all entries (g) none of what counts here can be said; of links (K) every one is refused.
    if (type === 'g' && recordsOf(content).some(([key]) => key === 'path' || key === 'size')) {
      throw new Error('its global header names or sizes files; wanted headers of single files');
    }
  }

  #extendByPax(content: Buffer): void {
    for (const [key, value] of recordsOf(content)) {
      if (key === 'path') this.#name = value;
      else if (key === 'size') {
        if (!/^\d{1,15}$/.test(value)) throw new Error('a header in the archive has a size that is no number');
        this.#size = Number(value);
      } else if (key.startsWith('GNU.sparse.')) {
        throw new Error('it holds a sparse file; wanted regular files and folders alone');
      }
    }
  }

  #read(position: number, bytes: number): Buffer {
    const block = Buffer.alloc(bytes);
    if (readSync(this.#file, block, 0, bytes, position) < bytes) {
      throw new Error('the archive was cut off: it ends before its end mark');
    }
    return block;
  }
}

const isBlank = (block: Buffer): boolean => block.every((byte) => byte === 0);

function assertChecksum(header: Buffer): void {
  const stated = numberAt(header, 148, 8);
  // Its own field counts as spaces.
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0);
  if (sum !== stated) throw new Error('the archive is damaged: the checksum of a header is wrong');
}

// Octal digits, or for large ones binary after a mark.
function numberAt(header: Buffer, at: number, bytes: number): number {
  if (header[at] === 0x80) return Number(BigInt(`0x${header.toString('hex', at + 1, at + bytes)}`));
  const text = textOf(header.subarray(at, at + bytes)).trim();
  if (!/^[0-7]+$/.test(text)) throw new Error('the archive is damaged: a number in a header is none');
  return parseInt(text, 8);
}

function nameIn(header: Buffer): string {
  const name = textOf(header.subarray(0, 100));
  // GNU's own format has other things in the place of the prefix.
  const isGnu = header[MAGIC.at + MAGIC.text.length] !== 0;
  const prefix = isGnu ? '' : textOf(header.subarray(345, 500));
  return prefix === '' ? name : `${prefix}/${name}`;
}

function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

// Each is its own length, a space, KEY=VALUE and a line feed.
function recordsOf(content: Buffer): (readonly [string, string])[] {
  const records: (readonly [string, string])[] = [];
  for (let at = 0; at < content.length; ) {
    const [, digits = ''] = /^(\d{1,6}) /.exec(content.toString('latin1', at, at + 8)) ?? [];
    const end = at + Number(digits);
    const record = content.toString('utf8', at + digits.length + 1, end - 1);
    const equals = record.indexOf('=');
    if (digits === '' || end > content.length || content[end - 1] !== 0x0a || equals < 1) {
      throw new Error('the archive is damaged: a header of one of its files cannot be read');
    }
    records.push([record.slice(0, equals), record.slice(equals + 1)]);
    at = end;
  }
  return records;
}
