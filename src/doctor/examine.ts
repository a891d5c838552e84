// Examines a data directory, and repairs what can be repaired without touching anything good. Any process; while it
// repairs it holds the directory's admin socket, so that no engine can start on what is being changed.
import { chmodSync, existsSync, lstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { startAdminServer } from '../admin/server.ts';
import { isAlive } from '../admin/socket-claim.ts';
import { adminSocketPath } from '../admin/socket-claim.ts';
import { lastgoodError, reasonOf } from '../base/errors.ts';
import { examineArtifacts } from './artifact-ailments.ts';
import type { Ailment, Diagnosis, Examination, RegistryContents } from './findings.ts';
import { probeRegistry } from './registry-look.ts';

const OWNER_ONLY = 0o700;
const OTHERS = 0o077;
/** What a claim of the socket goes through for a moment, and a crash leaves. */
const SOCKET_LEFT = /^(\.[0-9a-f]{4}\.sock|admin\.sock\.stale)$/;

export interface ExamineOptions {
  readonly repair: boolean;
}

/** Looks at everything in `dataDir`; throws DATA_UNUSABLE when there is none, ENGINE_RUNNING for a repair under one. */
export async function examine(dataDir: string, { repair }: ExamineOptions): Promise<Examination> {
  if (!existsSync(dataDir) || !statSync(dataDir).isDirectory()) {
    const reason = 'it is no directory; wanted the --data of an engine';
    throw lastgoodError('DATA_UNUSABLE', { path: dataDir, reason });
  }
  const path = adminSocketPath(dataDir);
  const isServed = existsSync(path) && (await isAlive(path));
  if (repair && isServed) throw lastgoodError('ENGINE_RUNNING', { dataDir });
  const before = await openAndSocketAilments(dataDir, isServed);
  const claim = repair ? await startAdminServer(dataDir) : null;
  try {
    const { contents, ailments } = await registryAilments(dataDir);
    const artifacts = await examineArtifacts(dataDir, contents);
    const findings = [...before, ...ailments, ...artifacts.ailments].map((ailment) => treat(ailment, repair));
    return {
      dataDir, isServed, findings,
      models: contents?.models.length ?? 0, versions: contents?.versions.length ?? 0,
      artifacts: artifacts.count, artifactBytes: artifacts.bytes,
      isSound: findings.every(({ level, isRepaired }) => level === 'note' || isRepaired),
    };
  } finally {
    await claim?.close();
  }
}

function treat({ repair, ...ailment }: Ailment, isWanted: boolean): Diagnosis {
  const finding = { ...ailment, isRepairable: repair !== undefined, isRepaired: false };
  if (repair === undefined || !isWanted) return finding;
  try {
    repair();
    return { ...finding, isRepaired: true };
  } catch (error) {
    return { ...finding, text: `${ailment.text}; the repair failed: ${reasonOf(error)}` };
  }
}

async function openAndSocketAilments(dataDir: string, isServed: boolean): Promise<Ailment[]> {
  const ailments: Ailment[] = [];
  if ((statSync(dataDir).mode & OTHERS) !== 0) {
    ailments.push({
      code: 'DIRECTORY_OPEN', level: 'note', about: dataDir, text: 'others than its owner may enter it',
      remedy: 'chmod 700', repair: () => chmodSync(dataDir, OWNER_ONLY),
    });
  }
  for (const name of readdirSync(dataDir)) {
    const isKnownName = name === 'admin.sock';
    if (isServed || (!isKnownName && !SOCKET_LEFT.test(name))) continue;
    const path = join(dataDir, name);
    if (!lstatSync(path).isSocket()) {
      if (!isKnownName) continue;
      const text = 'a file that is no socket, where the admin socket has its place';
      ailments.push({ code: 'SOCKET_FOREIGN', level: 'broken', about: path, text, remedy: 'move it away' });
    } else if (!(await isAlive(path))) {
      const text = 'a socket that nobody listens on';
      const repair = (): void => rmSync(path, { force: true });
      ailments.push({ code: 'SOCKET_STALE', level: 'note', about: path, text, remedy: 'remove it', repair });
    }
  }
  return ailments;
}

async function registryAilments(dataDir: string): Promise<{
  readonly contents: RegistryContents | null; readonly ailments: readonly Ailment[];
}> {
  const about = join(dataDir, 'registry');
  if (!existsSync(join(about, 'data.mdb'))) {
    const text = 'there is no registry: nothing is registered, or its file was lost';
    const remedy = 'put a copy of registry/data.mdb back, or move the folder artifacts away, if there is one, and ' +
      'register the models again, with the files in it';
    return { contents: null, ailments: [{ code: 'REGISTRY_MISSING', level: 'broken', about, text, remedy }] };
  }
  const answer = await probeRegistry(dataDir);
  if (answer.kind === 'contents') return { contents: answer.contents, ailments: [] };
  const remedy = 'put a copy of registry/data.mdb back, or move the folders registry and artifacts away and register ' +
    'the models again, with the files in artifacts, which are named by their SHA-256';
  const ailment: Ailment = { code: 'REGISTRY_UNREADABLE', level: 'broken', about, text: answer.reason, remedy };
  return { contents: null, ailments: [ailment] };
}
