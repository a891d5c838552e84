// Writes .npy files and zip archives for tests, also such as NumPy would not write.
import { deflateRawSync } from 'node:zlib';

export function npy(descr: string, shape: readonly number[], data: Uint8Array, fortran = 'False'): Buffer {
  const sizes = shape.length === 1 ? `${shape[0]!},` : shape.join(', ');
  const header = Buffer.from(`{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${sizes}), }\n`);
  const head = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  head.writeUInt16LE(header.length, 8);
  return Buffer.concat([head, header, data]);
}

/** What is said of every entry instead of the truth. */
interface Lies {
  readonly method?: number;
  readonly unpacked?: number;
  readonly deflate?: boolean;
}

export function zip(
  files: Readonly<Record<string, Uint8Array>>, { method, unpacked, deflate = false }: Lies = {},
): Buffer {
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(files)) {
    const packed = deflate ? deflateRawSync(content) : Buffer.from(content);
    const about = Buffer.alloc(26);
    about.writeUInt16LE(20, 0);
    about.writeUInt16LE(method ?? (deflate ? 8 : 0), 4);
    about.writeUInt32LE(crc32(content), 10);
    about.writeUInt32LE(packed.length, 14);
    about.writeUInt32LE(unpacked ?? content.length, 18);
    about.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), about, Buffer.from(name), packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.alloc(2), about, rest, Buffer.from(name)]));
    parts.push(local);
    at += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(central.length, 4);
  end.writeUInt16LE(central.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, directory, Buffer.from('PK\x05\x06'), end]);
}

function crc32(bytes: Uint8Array): number {
  let value = 0xffff_ffff;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (0xedb88320 & -(value & 1));
  }
  return ~value >>> 0;
}
