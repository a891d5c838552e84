// Archives as tar programs write them, and as nobody should.

const BLOCK = 512;

export interface Entry {
  readonly name: string;
  readonly content?: Uint8Array | string;
  /** '0' by default, a regular file. */
  readonly type?: string;
  readonly prefix?: string;
  /** As its header has it; what its content has by default. */
  readonly size?: number;
  readonly magic?: string;
  /** Written as binary, as very large sizes are. */
  readonly isBinarySize?: boolean;
  readonly checksum?: number;
}

function headerOf({ name, type = '0', prefix = '', magic = 'ustar\x0000', ...entry }: Entry, bytes: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0, 100);
  header.write('0000600\0', 100);
  const size = entry.size ?? bytes;
  if (entry.isBinarySize === true) {
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(size), 128);
  } else {
    header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  }
  header.write('        ', 148);
  header.write(type, 156, 'latin1');
  header.write(magic, 257, 'latin1');
  header.write(prefix, 345, 155);
  const sum = entry.checksum ?? header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

export function tarEntry(entry: Entry): Buffer {
  const content = Buffer.from(entry.content ?? '');
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return Buffer.concat([headerOf(entry, content.length), content, padding]);
}

export const END = Buffer.alloc(2 * BLOCK);

export const tarOf = (entries: readonly Entry[]): Buffer => Buffer.concat([...entries.map(tarEntry), END]);

/** A header of pax before the entry that it is about. */
export function pax(records: Readonly<Record<string, string>>, type = 'x'): Entry {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = Buffer.byteLength(` ${key}=${value}\n`);
    let digits = String(rest).length;
    while (String(rest + digits).length !== digits) digits += 1;
    return `${rest + digits} ${key}=${value}\n`;
  });
  return { name: 'PaxHeader', type, content: lines.join('') };
}
