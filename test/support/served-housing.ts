// A real server on a directory of its own that serves version 1 of housing, and the admin client to it.
import assert from 'node:assert/strict';
import { connectAdmin } from '../../src/admin/client.ts';
import type { AdminClient } from '../../src/admin/client.ts';
import { Server } from './binary.ts';
import { housingBaseline, housingFile } from './housing.ts';
import { temporaryDirectory } from './temporary.ts';

export const actor = { by: 'test' };

export interface ServedHousing {
  readonly dataDir: string;
  readonly server: Server;
  readonly admin: AdminClient;
}

/** Starts `lastgood serve ARGS…`, registers `versions` and promotes the first of them. */
export async function serveHousing(versions: readonly string[], args: readonly string[] = []): Promise<ServedHousing> {
  const dataDir = temporaryDirectory();
  const server = await Server.start(dataDir, args);
  const admin = await connectAdmin(dataDir);
  assert.ok(admin, 'the admin socket is there');
  for (const version of versions) {
    const files = { file: housingFile(version), baseline: housingBaseline(version) };
    await admin.register({ model: 'housing', version, ...files, promote: version === versions[0] }, actor);
  }
  return { dataDir, server, admin };
}
