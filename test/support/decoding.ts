// How much of a registry is decoded: every value that LMDB hands to anybody in this process goes through one method.
import { open } from 'lmdb';
import { temporaryDirectory } from './temporary.ts';

interface Unpacker {
  unpack(source: unknown, options?: unknown): unknown;
}

function unpackerOf(value: unknown): Unpacker {
  let at = value as object | null;
  while (at !== null && !Object.hasOwn(at, 'unpack')) at = Object.getPrototypeOf(at) as object | null;
  if (at === null) throw new Error('find the method that decodes: lmdb has none of the known name any more');
  return at as Unpacker;
}

const environment = open({ path: temporaryDirectory(), noSubdir: false });
const unpacker = unpackerOf((environment as unknown as { readonly decoder: unknown }).decoder);

export interface Decoded {
  values: number;
  bytes: number;
}

/** Counts what is decoded from now on, until the end. */
export function countDecoding(): { readonly so: () => Readonly<Decoded>; readonly end: () => Readonly<Decoded> } {
  const original = Object.getOwnPropertyDescriptor(unpacker, 'unpack')!;
  const unpack = original.value as (this: unknown, source: unknown, options?: unknown) => unknown;
  const decoded = { values: 0, bytes: 0 };
  unpacker.unpack = function count(this: unknown, source, options) {
    decoded.values += 1;
    // The options of LMDB are the end of the value in a buffer that it uses again.
    decoded.bytes += typeof options === 'number' ? options : (source as Uint8Array).length;
    return unpack.call(this, source, options);
  };
  const end = (): Decoded => {
    Object.defineProperty(unpacker, 'unpack', original);
    return decoded;
  };
  return { so: () => decoded, end };
}

/** Carries `work` out, and says how many values of how many bytes were decoded for it. */
export function decodedBy(work: () => unknown): Readonly<Decoded> {
  const { so, end } = countDecoding();
  try {
    work();
  } finally {
    end();
  }
  return so();
}
