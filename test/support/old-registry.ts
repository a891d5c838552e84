// A data directory as an older build left it, put together from what is committed of it, and what stands in it, read
// without the code that is tested.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { open } from 'lmdb';
import { packageRoot } from '../../src/base/package-root.ts';
import { temporaryDirectory } from './temporary.ts';

const FIXTURE = join(packageRoot(), 'test', 'registry', 'fixtures', 'format-1');

/** The bytes of its registry. */
export const oldRegistryBytes = (): Buffer => gunzipSync(readFileSync(join(FIXTURE, 'data.mdb.gz')));

/** A copy of the directory that a build of format 1 left, in `parent` or in the system's place for such. */
export function oldDirectory(parent?: string): string {
  const dataDir = temporaryDirectory(parent);
  cpSync(join(FIXTURE, 'artifacts'), join(dataDir, 'artifacts'), { recursive: true });
  mkdirSync(join(dataDir, 'registry'));
  writeFileSync(join(dataDir, 'registry', 'data.mdb'), oldRegistryBytes());
  return dataDir;
}

/** Every record of the registry in `dataDir`, by its key. */
export async function recordsOf(dataDir: string): Promise<Map<string, unknown>> {
  const environment = open<unknown>({ path: join(dataDir, 'registry'), noSubdir: false, readOnly: true });
  const records = new Map([...environment.getRange({})].map(({ key, value }) => [JSON.stringify(key), value]));
  await environment.close();
  return records;
}
