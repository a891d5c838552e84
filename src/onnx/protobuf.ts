// The wire format of protobuf, read field by field without loading a message: of each field, where it begins and ends,
// so that what is of no interest is stepped over and what is kept can be copied as it stands. Any thread.
// Invariant: a field that leaves its message, or that is of a kind nobody knows, is refused; what is read is never
// outside of the bytes that were given.
import { readSync } from 'node:fs';

/** The runtime's parser goes no deeper. */
export const MESSAGE_DEPTH_MAX = 100;
/** Longer names are refused. */
const TEXT_BYTES_MAX = 64 * 1024;
const WINDOW_BYTES = 64 * 1024;

export const WireType = { varint: 0, eightBytes: 1, length: 2, groupBegin: 3, groupEnd: 4, fourBytes: 5 } as const;

/** Bytes that can be read anywhere; a large file is never in memory as a whole. */
export class ByteSource {
  readonly size: number;
  readonly #file: number;
  #window: Uint8Array;
  #windowAt = 0;
  #windowEnd = 0;

  private constructor(size: number, file: number, window: Uint8Array, windowEnd: number) {
    this.size = size;
    this.#file = file;
    this.#window = window;
    this.#windowEnd = windowEnd;
  }

  static ofBytes(bytes: Uint8Array): ByteSource {
    return new ByteSource(bytes.length, -1, bytes, bytes.length);
  }

  /** Of an open file of `size` bytes, which must stay open. */
  static ofFile(descriptor: number, size: number): ByteSource {
    return new ByteSource(size, descriptor, Buffer.allocUnsafe(Math.min(size, WINDOW_BYTES)), 0);
  }

  byte(at: number): number {
    if (at < this.#windowAt || at >= this.#windowEnd) this.#moveTo(at);
    return this.#window[at - this.#windowAt]!;
  }

  /** The bytes from `from` to `to`; a view where they are in memory already. */
  bytes(from: number, to: number): Uint8Array {
    if (from < 0 || to > this.size || from > to) throw new Error('it ends in the middle of a field');
    if (from >= this.#windowAt && to <= this.#windowEnd) {
      const part = this.#window.subarray(from - this.#windowAt, to - this.#windowAt);
      return this.#file < 0 ? part : Uint8Array.from(part);
    }
    const part = new Uint8Array(to - from);
    for (let done = 0; done < part.length; ) {
      const count = readSync(this.#file, part, done, part.length - done, from + done);
      if (count === 0) throw new Error('it ends in the middle of a field');
      done += count;
    }
    return part;
  }

  #moveTo(at: number): void {
    this.#windowAt = at;
    const isInside = this.#file >= 0 && at >= 0 && at < this.size;
    const count = isInside ? readSync(this.#file, this.#window, 0, this.#window.length, at) : 0;
    this.#windowEnd = at + count;
    if (count === 0) throw new Error('it ends in the middle of a field');
  }
}

/** Where something stands in its source. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** The fields of one message, one after the other: `next()` moves on, the members tell of the field that it found. */
export class Fields {
  /** The field's number in its message. */
  number = 0;
  wireType = 0;
  /** Where its key begins, where its content does, and where both end. */
  keyAt = 0;
  from = 0;
  to = 0;
  /** What a varint says, as a signed number of 64 bits; exact up to 2^53. */
  value = 0;
  readonly source: ByteSource;
  readonly #end: number;
  /** The low and the high half of the varint that was read last. */
  #low = 0;
  #high = 0;

  constructor(source: ByteSource, { from, to }: Span = { from: 0, to: source.size }) {
    this.source = source;
    this.to = from;
    this.#end = to;
  }

  /** Moves to the next field; false at the end of the message. Throws when there is no telling where it would end. */
  next(): boolean {
    if (this.to >= this.#end) return false;
    this.keyAt = this.to;
    this.#readKey();
    const { wireType } = this;
    this.#readContent();
    // A group has been stepped over, and with it fields of its own.
    this.wireType = wireType;
    if (this.to > this.#end) throw new Error('a field is longer than the message around it');
    return true;
  }

  /** The content of a field that has a length, as UTF-8. */
  text(): string {
    if (this.to - this.from > TEXT_BYTES_MAX) throw new Error(`a name in it has more than ${TEXT_BYTES_MAX} bytes`);
    return Buffer.from(this.source.bytes(this.from, this.to)).toString();
  }

  /** Adds the integers of a field that is repeated, packed or not, to `integers`, as long as they are below `most`. */
  addIntegers(integers: number[], most: number): void {
    if (this.wireType === WireType.varint) {
      if (integers.length < most) integers.push(this.value);
      return;
    }
    if (this.wireType !== WireType.length) return;
    const { to } = this;
    for (this.to = this.from; this.to < to && integers.length < most; ) {
      this.#readVarint();
      integers.push(this.#signed());
    }
    this.to = to;
  }

  #readKey(): void {
    // The runtime's parser drops what is beyond 32 bits.
    this.#readVarint();
    this.number = this.#low >>> 3;
    this.wireType = this.#low & 7;
  }

  #readContent(): void {
    this.from = this.to;
    if (this.wireType === WireType.length) {
      this.#readVarint();
      this.from = this.to;
      this.to += (this.#high >>> 0) * 2 ** 32 + (this.#low >>> 0);
    } else if (this.wireType === WireType.varint) {
      this.#readVarint();
      this.value = this.#signed();
    } else if (this.wireType === WireType.eightBytes) this.to += 8;
    else if (this.wireType === WireType.fourBytes) this.to += 4;
    else if (this.wireType === WireType.groupBegin) this.#stepOverGroup();
    else throw new Error(`wire type ${this.wireType} is unknown`);
  }

  // Old files of other formats have groups; in this one they mean nothing, and the runtime steps over them too.
  #stepOverGroup(): void {
    const { number, from } = this;
    for (let open = 1; open > 0; ) {
      this.#readKey();
      if (this.wireType === WireType.groupBegin) open += 1;
      else if (this.wireType === WireType.groupEnd) open -= 1;
      else this.#readContent();
    }
    this.number = number;
    this.from = from;
  }

  #signed(): number {
    return (this.#high | 0) * 2 ** 32 + (this.#low >>> 0);
  }

  #readVarint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.source.byte(this.to);
      this.to += 1;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.#low = low;
        this.#high = high;
        return;
      }
    }
    throw new Error('a number does not end');
  }
}
