// Diagnoses a data directory, and repairs what can be repaired without touching anything good. Any process; while it
// repairs it holds the directory's admin socket, so that no engine can start on what is being changed.
import { chmodSync, existsSync, lstatSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectAdmin } from '../admin/client.ts';
import { startAdminServer } from '../admin/server.ts';
import { adminSocketPath, isAlive } from '../admin/socket-claim.ts';
import { assertAccess } from '../artifacts/access.ts';
import { decodeError, failedTask, lastgoodError, reasonOf } from '../base/errors.ts';
import { ManagedChild } from '../base/managed-child.ts';
import { diagnoseArtifacts } from './artifact-findings.ts';
import { providersHere } from './providers.ts';
import type { Diagnosis, DirectoryFinding, ReportedFinding } from './findings.ts';
import type { ProbeAnswer, RegistryContents } from './registry-probe.ts';

const PROBE = fileURLToPath(new URL('./registry-probe.js', import.meta.url));
const PROBE_MS_MAX = 60_000;
const OWNER_ONLY = 0o700;
const OTHERS = 0o077;
/** What a claim of the socket goes through for a moment, and a crash leaves. */
const SOCKET_LEFT = /^(\.[0-9a-f]{4}\.sock|admin\.sock\.stale)$/;

/** Looks at everything in `dataDir`; throws DATA_UNUSABLE when there is none, ENGINE_RUNNING for a repair under one. */
export async function diagnose(dataDir: string, { repair }: { readonly repair: boolean }): Promise<Diagnosis> {
  assertAccess(dataDir);
  if (!existsSync(dataDir) || !statSync(dataDir).isDirectory()) {
    const reason = 'it is no directory; wanted the --data of an engine';
    throw lastgoodError('DATA_UNUSABLE', { path: dataDir, reason });
  }
  const path = adminSocketPath(dataDir);
  const isServed = existsSync(path) && (await isAlive(path));
  if (repair && isServed) throw lastgoodError('ENGINE_RUNNING', { dataDir });
  const before = await accessFindings(dataDir, isServed);
  const claim = repair ? await startAdminServer(dataDir) : null;
  try {
    const registry = await registryFindings(dataDir);
    const { contents } = registry;
    const artifacts = await diagnoseArtifacts(dataDir, contents);
    const unsaved = isServed ? await unsavedFindings(dataDir) : [];
    const found = [...before, ...registry.findings, ...artifacts.findings, ...unsaved];
    const findings = found.map((finding) => treat(finding, repair));
    return {
      dataDir, isServed, findings,
      models: contents?.models.length ?? 0, versions: contents?.versions.length ?? 0,
      artifacts: artifacts.count, artifactBytes: artifacts.bytes, providers: await providersHere(),
      isSound: findings.every(({ level, isRepaired }) => level === 'note' || isRepaired),
    };
  } finally {
    await claim?.close();
  }
}

function treat({ repair, ...finding }: DirectoryFinding, isWanted: boolean): ReportedFinding {
  const reported = { ...finding, isRepairable: repair !== undefined, isRepaired: false };
  if (repair === undefined || !isWanted) return reported;
  try {
    repair();
    return { ...reported, isRepaired: true };
  } catch (error) {
    return { ...reported, text: `${finding.text}; the repair failed: ${reasonOf(error)}` };
  }
}

async function accessFindings(dataDir: string, isServed: boolean): Promise<DirectoryFinding[]> {
  const findings: DirectoryFinding[] = [];
  if ((statSync(dataDir).mode & OTHERS) !== 0) {
    findings.push({
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
      findings.push({ code: 'SOCKET_FOREIGN', level: 'broken', about: path, text, remedy: 'move it away' });
    } else if (!(await isAlive(path))) {
      const text = 'a socket that nobody listens on';
      const repair = (): void => rmSync(path, { force: true });
      findings.push({ code: 'SOCKET_STALE', level: 'note', about: path, text, remedy: 'remove it', repair });
    }
  }
  return findings;
}

// What only the engine knows: what it serves otherwise than the registry says.
async function unsavedFindings(dataDir: string): Promise<DirectoryFinding[]> {
  const engine = await connectAdmin(dataDir).catch(() => null);
  const status = await engine?.status({}).catch(() => null);
  return (status?.models ?? []).filter(({ saved }) => !saved).map(({ model }): DirectoryFinding => ({
    code: 'ROLLBACK_UNSAVED', level: 'broken', about: `model ${model.model}`,
    text: `version ${model.activeVersion ?? ''} answers as generation ${model.generation} and is not saved: the disk ` +
      'refuses the rollback to it, so the next start would bring back the version before',
    remedy: 'let the disk take it (room, rights): the engine writes it by itself then; do not stop the engine before',
  }));
}

async function registryFindings(dataDir: string): Promise<{
  readonly contents: RegistryContents | null; readonly findings: readonly DirectoryFinding[];
}> {
  const about = join(dataDir, 'registry');
  if (!existsSync(join(about, 'data.mdb'))) {
    const text = 'there is no registry: nothing is registered, or its file was lost';
    const remedy = 'put a copy of registry/data.mdb back, or move the folder artifacts away, if there is one, and ' +
      'register the models again, with the files in it';
    return { contents: null, findings: [{ code: 'REGISTRY_MISSING', level: 'broken', about, text, remedy }] };
  }
  const answer = await probeRegistry(dataDir);
  if (answer.kind === 'contents') {
    const { contents } = answer;
    const { olderFormat } = contents;
    return { contents, findings: olderFormat === null ? [] : [olderFinding(about, olderFormat)] };
  }
  const remedy = 'put a copy of registry/data.mdb back, or move the folders registry and artifacts away and register ' +
    'the models again, with the files in artifacts, which are named by their SHA-256';
  const text = reasonOf(decodeError(answer.error));
  return { contents: null, findings: [{ code: 'REGISTRY_UNREADABLE', level: 'broken', about, text, remedy }] };
}

// The upgrade makes a copy, and writes as much again at most.
function olderFinding(about: string, format: number): DirectoryFinding {
  const wantedBytes = 2 * statSync(join(about, 'data.mdb')).size;
  const { bavail, bsize } = statfsSync(about);
  const isShort = bavail * bsize < wantedBytes;
  const place = `${wantedBytes} bytes for it, and for a copy in ${about}-format-${format}`;
  return {
    code: 'REGISTRY_OLDER', level: isShort ? 'broken' : 'note', about,
    text: `it has format ${format}, of an older build; this one upgrades it${isShort ? '; the disk has no room' : ''}`,
    remedy: `${isShort ? 'make room' : 'nothing'}: the next start of an engine does it, or the next change without ` +
      `one, and needs ${place}`,
  };
}

// Asks a process of its own what the registry holds, or why that cannot be had.
async function probeRegistry(dataDir: string): Promise<ProbeAnswer> {
  const answers: ProbeAnswer[] = [];
  const child = new ManagedChild<string, ProbeAnswer>({
    entry: PROBE, stderr: 'ignore', serialization: 'advanced', onReport: (answer) => answers.push(answer),
  });
  child.post(dataDir);
  const { how, isOverdue } = await child.endWithin(PROBE_MS_MAX);
  if (answers[0] !== undefined) return answers[0];
  const late = isOverdue ? `reading it was not done within ${PROBE_MS_MAX} ms` : null;
  const unborn = child.pid === undefined ? `reading it needs a process: ${how}` : null;
  const reason = late ?? unborn ?? `its file is torn: reading it ended the process with ${how}`;
  return failedTask(new Error(reason));
}
