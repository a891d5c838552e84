// The in-flight record: what every worker is running, in a file that outlives the process, so that after its death it
// can be found out which request was its end. The file lies in shared memory and has no name: the supervisor holds it
// open, every engine that it starts is handed it, and it is gone when both are. Nothing of it reaches a disk.
// A slot has one writer, the worker that claimed it; the main thread, or the next process, reads it when that worker is
// dead or stuck. The order of the writes says it all: requests and number of runs go in before the batch, over those of
// the batch before; the zero that ends them when the worker has none to run. What a process has written the page cache
// keeps when the process dies.
//
//   file    [ head 64 KiB | slot 0 | slot 1 | … ]       sparse: only what was written takes memory
//   head    0 magic u32 · 4 how the engine before ended u32 · 8 bytes u32 · 12 restarts u16 · 14 stalls u16,
//           16 what is refused
//           (0 no engine before, 1 an exit code, else 1 + the number of the signal)
//   slot    1 MiB: [ identity 256 B | slab: header, entries, request bytes, as slab.ts draws them ]
//   identity  0 bytes u32 · 4 {"model": …, "version": …} as JSON
//             the slab's `runs` is above 0 while the batch is run; a slab that does not fit leaves its header only
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { EntryStatus, RUNS_OFFSET, Slab, SLAB_HEADER_BYTES } from './slab.ts';

const MAGIC = 0x6c676966;
const HEAD_BYTES = 64 * 1_024;
const COUNTS = 12;
const COUNT_MAX = 0xffff;
const HEAD_TEXT = 16;
const SLOT_BYTES = 1_024 * 1_024;
const IDENTITY_BYTES = 256;
const SLAB_BYTES_MAX = SLOT_BYTES - IDENTITY_BYTES;
/** Workers that can have a slot; those beyond run without one. */
const SLOTS_MAX = 256;
const FILE_BYTES = HEAD_BYTES + SLOTS_MAX * SLOT_BYTES;
/** Shared memory as a file system; where there is none, there is no record, because a disk is no place for inputs. */
const SHARED_MEMORY = '/dev/shm';

/** What a worker needs to write its slot. */
export interface InFlightPlace {
  readonly fd: number;
  /** Slot of the deployment's first worker. */
  readonly base: number;
}

/** One request of a batch, as it came in. */
export interface InFlightRequest {
  readonly kind: number;
  readonly headerBytes: number;
  readonly body: Uint8Array;
}

/** A batch whose worker did not come back from it. */
export interface InFlightBatch {
  readonly model: string;
  readonly version: string;
  readonly generation: number;
  /** Null when the batch was too large to be kept. */
  readonly requests: readonly InFlightRequest[] | null;
}

const slotAt = (slot: number): number => HEAD_BYTES + slot * SLOT_BYTES;

/** Makes the file and returns its descriptor, or null where there is no shared memory. */
export function createInFlightFile(): number | null {
  const path = `${SHARED_MEMORY}/lastgood-${randomBytes(12).toString('hex')}`;
  let fd: number | null = null;
  try {
    fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    ftruncateSync(fd, FILE_BYTES);
    writeSync(fd, Uint32Array.of(MAGIC), 0, 4, 0);
    return fd;
  } catch {
    if (fd !== null) closeSync(fd);
    return null;
  }
}

/**
 * Takes over a descriptor that this process was started with; null when it is no such file. The one that is returned
 * is closed in the processes that this one starts: what a model does in a trial cannot write to it.
 */
export function adoptInFlightFile(inherited: number): number | null {
  try {
    if (fstatSync(inherited).size !== FILE_BYTES) return null;
    const fd = openSync(`/proc/self/fd/${inherited}`, 'r+');
    closeSync(inherited);
    const magic = new Uint32Array(1);
    readSync(fd, magic, 0, 4, 0);
    if (magic[0] === MAGIC) return fd;
    closeSync(fd);
    return null;
  } catch {
    return null;
  }
}

/** A worker's slot. Worker thread. Memory that is full ends the record of this worker, not its work. */
export class InFlightSlot {
  readonly #fd: number;
  readonly #at: number;
  readonly #none = new Int32Array(1);
  #isWritable = true;

  constructor({ fd, base }: InFlightPlace, worker: number, identity: Pick<InFlightBatch, 'model' | 'version'>) {
    this.#fd = fd;
    this.#at = slotAt(base + worker);
    this.end();
    const text = new TextEncoder().encode(JSON.stringify(identity));
    const bytes = new Uint8Array(IDENTITY_BYTES);
    new Uint32Array(bytes.buffer)[0] = text.length;
    bytes.set(text, 4);
    this.#write(bytes, 0, bytes.length, 0);
  }

  /** The batch begins; its runs must have been counted already. */
  begin(slab: Slab): void {
    const { usedBytes } = slab;
    this.#write(slab.bytes, 0, usedBytes <= SLAB_BYTES_MAX ? usedBytes : SLAB_HEADER_BYTES, IDENTITY_BYTES);
  }

  /** The worker runs nothing. */
  end(): void {
    this.#write(this.#none, 0, 4, IDENTITY_BYTES + RUNS_OFFSET);
  }

  #write(bytes: Uint8Array | Int32Array, offset: number, length: number, at: number): void {
    if (!this.#isWritable) return;
    try {
      writeSync(this.#fd, bytes, offset, length, this.#at + at);
    } catch {
      this.#isWritable = false;
    }
  }
}

/** The whole file, as the main thread and the supervisor see it. */
export class InFlightFile {
  readonly fd: number;
  readonly #taken = new Uint8Array(SLOTS_MAX);

  constructor(fd: number) {
    this.fd = fd;
  }

  /** A place for a deployment of so many workers; null when there is none left. */
  take(workers: number): InFlightPlace | null {
    for (let base = 0; base + workers <= SLOTS_MAX; base += 1) {
      if (this.#taken.subarray(base, base + workers).includes(1)) continue;
      this.#taken.fill(1, base, base + workers);
      return { fd: this.fd, base };
    }
    return null;
  }

  give({ base }: InFlightPlace, workers: number): void {
    this.#taken.fill(0, base, base + workers);
  }

  /** The batches that are being run, or were when the process that ran them died. */
  running(): InFlightBatch[] {
    const found: InFlightBatch[] = [];
    for (let slot = 0; slot < SLOTS_MAX; slot += 1) {
      const batch = this.#read(slot);
      if (batch !== null) found.push(batch);
    }
    return found;
  }

  /** Ends all of them; for the process that begins with what another one left. */
  clear(): void {
    for (let slot = 0; slot < SLOTS_MAX; slot += 1) if (this.#runs(slot) > 0) this.#end(slot);
  }

  /** Ends the one batch, whose worker is stuck in it: what it did is known. */
  forget({ deploymentId, cutUs }: Slab): void {
    const memory = new SharedArrayBuffer(SLAB_HEADER_BYTES);
    const header = new Slab(memory);
    for (let slot = 0; slot < SLOTS_MAX; slot += 1) {
      readSync(this.fd, new Uint8Array(memory), 0, SLAB_HEADER_BYTES, slotAt(slot) + IDENTITY_BYTES);
      if (header.runs > 0 && header.deploymentId === deploymentId && header.cutUs === cutUs) this.#end(slot);
    }
  }

  /** How the engine before this one ended: undefined without one, null by an exit code, else the number of a signal. */
  get lastEnd(): number | null | undefined {
    const end = new Uint32Array(1);
    readSync(this.fd, end, 0, 4, 4);
    return end[0] === 0 ? undefined : end[0] === 1 ? null : end[0]! - 1;
  }
  /** For the supervisor, which has killed an engine that stood still if `isStall`. */
  noteEnd(signal: number | null, isStall = false): void {
    const { restarts, stalls } = this.starts;
    const counts = [restarts + 1, stalls + Number(isStall)].map((count) => Math.min(count, COUNT_MAX));
    writeSync(this.fd, Uint16Array.from(counts), 0, 4, COUNTS);
    writeSync(this.fd, Uint32Array.of(1 + (signal ?? 0)), 0, 4, 4);
  }

  /** How often an engine on this file came after another, and how often the supervisor had killed that one. */
  get starts(): { readonly restarts: number; readonly stalls: number } {
    const counts = new Uint16Array(2);
    readSync(this.fd, counts, 0, 4, COUNTS);
    return { restarts: counts[0]!, stalls: counts[1]! };
  }

  /** What the processes on this file leave to each other; '' at first. */
  get text(): string {
    const bytes = new Uint32Array(1);
    readSync(this.fd, bytes, 0, 4, 8);
    const text = Buffer.alloc(Math.min(bytes[0]!, HEAD_BYTES - HEAD_TEXT));
    readSync(this.fd, text, 0, text.length, HEAD_TEXT);
    return text.toString('utf8');
  }

  /** Text that does not fit is not written. */
  set text(text: string) {
    const bytes = Buffer.from(text);
    if (bytes.length > HEAD_BYTES - HEAD_TEXT) return;
    writeSync(this.fd, new Uint32Array(1), 0, 4, 8);
    writeSync(this.fd, bytes, 0, bytes.length, HEAD_TEXT);
    writeSync(this.fd, Uint32Array.of(bytes.length), 0, 4, 8);
  }

  #end(slot: number): void {
    writeSync(this.fd, new Int32Array(1), 0, 4, slotAt(slot) + IDENTITY_BYTES + RUNS_OFFSET);
  }

  #runs(slot: number): number {
    const runs = new Int32Array(1);
    readSync(this.fd, runs, 0, 4, slotAt(slot) + IDENTITY_BYTES + RUNS_OFFSET);
    return runs[0]!;
  }

  #read(slot: number): InFlightBatch | null {
    if (this.#runs(slot) <= 0) return null;
    const identity = Buffer.alloc(IDENTITY_BYTES);
    readSync(this.fd, identity, 0, IDENTITY_BYTES, slotAt(slot));
    const memory = new SharedArrayBuffer(SLAB_BYTES_MAX);
    readSync(this.fd, new Uint8Array(memory), 0, SLAB_BYTES_MAX, slotAt(slot) + IDENTITY_BYTES);
    try {
      const text = identity.toString('utf8', 4, 4 + identity.readUInt32LE(0));
      const { model, version } = JSON.parse(text) as { model: string; version: string };
      const slab = new Slab(memory);
      const isWhole = slab.usedBytes <= SLAB_BYTES_MAX;
      return { model, version, generation: slab.generation, requests: isWhole ? requestsOf(slab) : null };
    } catch {
      // Its writer was killed within a write: it was in no run.
      return null;
    }
  }
}

/** The requests of a batch that somebody waits for, copied. */
export function requestsOf(slab: Slab): InFlightRequest[] {
  const requests: InFlightRequest[] = [];
  for (let entry = 0; entry < slab.entryCount; entry += 1) {
    if (slab.status(entry) === EntryStatus.cancelled) continue;
    const body = Uint8Array.from(slab.request(entry));
    requests.push({ kind: slab.kind(entry), headerBytes: slab.headerBytes(entry), body });
  }
  return requests;
}
