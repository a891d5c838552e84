// Puts bytes on the disk so that a power loss cannot take them back, and tells what they are. Any thread.
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

export const DIRECTORY_MODE = 0o700;
export const FILE_MODE = 0o600;

/** Writes a file that is not there yet; its hash is that of what was written, not of what a second read would give. */
export async function writeHashed(
  path: string, pieces: AsyncIterable<Uint8Array>,
): Promise<{ readonly sha256: string; readonly bytes: number }> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx', FILE_MODE);
  let bytes = 0;
  try {
    for await (const piece of pieces) {
      hash.update(piece);
      await file.writeFile(piece);
      bytes += piece.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { sha256: hash.digest('hex'), bytes };
}

/** Makes names in a directory last: those of new files, and those that were moved. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
