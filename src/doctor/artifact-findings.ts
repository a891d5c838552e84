// What is wrong with the files of the artefacts, seen from the registry and from the directory. Reads whole files.
import { lstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isLastgoodError, reasonOf } from '../base/errors.ts';
import {
  artifactFiles, artifactName, artifactNames, derivedPath, digestIn, isArtifact, isDerived, isDirectory,
  isHeldByLiving, isPart, isRegistrationLock,
} from '../artifacts/directory.ts';
import { ARTIFACT_BYTES_MAX } from '../artifacts/manifest.ts';
import { hashOf, verifyArtifact } from '../artifacts/verify.ts';
import { kindOf } from '../base/regular-file.ts';
import type { VersionRecord } from '../domain/records.ts';
import { knownRules } from '../onnx/derive/derive.ts';
import { assertFilesKnown } from '../onnx/external-data.ts';
import { rollbackCandidates } from '../registry/rules.ts';
import type { DirectoryFinding } from './findings.ts';
import type { RegistryContents } from './registry-probe.ts';

interface ArtifactsFound {
  readonly findings: readonly DirectoryFinding[];
  readonly count: number;
  readonly bytes: number;
}

const nameOf = ({ model, version }: VersionRecord): string => `version ${version} of ${model}`;

/** Without contents no file can be said to belong to nobody. */
export async function diagnoseArtifacts(
  dataDir: string, contents: RegistryContents | null,
): Promise<ArtifactsFound> {
  const directory = join(dataDir, 'artifacts');
  const found = statSync(directory, { throwIfNoEntry: false });
  if (found?.isDirectory() === false) {
    const text = `${kindOf(found)}, where the directory of the artefacts has its place`;
    const remedy = 'move it away, and put the directory back if you have it';
    const finding: DirectoryFinding = { code: 'ARTIFACTS_FOREIGN', level: 'broken', about: directory, text, remedy };
    return { findings: [finding], count: 0, bytes: 0 };
  }
  const names = artifactNames(dataDir);
  const versions = contents?.versions ?? [];
  const used = new Map(versions.map((version) => [artifactName(version), version]));
  const derived = new Set(versions.flatMap((version) =>
    (version.derived === undefined ? [] : [derivedPath(dataDir, version, version.derived)])));
  const lost = contents === null ? [] : await unusableVersions(dataDir, contents.versions);
  const bad = new Set(lost.map(({ version }) => version));
  // A registration puts its file there before the registry knows of it.
  const isRegistering = names.some((name) => isRegistrationLock(name) && isHeldByLiving(name));
  const left = names.filter((name) => !used.has(name) && !derived.has(join(directory, name)))
    .map((name) => leftover(directory, name, { contents, isRegistering }))
    .filter((finding) => finding !== null);
  const artifacts = names.filter(isArtifact);
  return {
    findings: [
      ...lost.map(({ finding }) => finding), ...(contents === null ? [] : withoutTarget(contents, bad)), ...left,
      ...[...used.values()].flatMap((version) => strangersIn(dataDir, version, derived)),
      ...(await Promise.all(versions.filter((version) => !bad.has(version)).map((version) =>
        derivedFinding(dataDir, version)))).flat(),
    ],
    count: artifacts.length,
    bytes: artifacts.reduce((sum, name) => sum + bytesOf(join(directory, name)), 0),
  };
}

// Of a folder all that is in it. A link may lead nowhere.
function bytesOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true) return found?.size ?? 0;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}

interface Lost {
  readonly version: VersionRecord;
  readonly finding: DirectoryFinding;
}

async function unusableVersions(dataDir: string, versions: readonly VersionRecord[]): Promise<Lost[]> {
  const lost: Lost[] = [];
  const checked = new Map<string, Pick<DirectoryFinding, 'code' | 'text'> | null>();
  for (const version of versions) {
    const { sha256 } = version;
    if (!checked.has(sha256)) checked.set(sha256, await whatIsWrong(dataDir, version));
    const wrong = checked.get(sha256) ?? null;
    if (wrong === null) continue;
    const remedy = remedyFor(dataDir, version, wrong.code);
    lost.push({ version, finding: { ...wrong, level: 'broken', about: nameOf(version), remedy } });
  }
  return lost;
}

async function whatIsWrong(
  dataDir: string, version: VersionRecord,
): Promise<Pick<DirectoryFinding, 'code' | 'text'> | null> {
  try {
    const { kind, path, dataFiles } = await verifyArtifact(dataDir, version);
    if (kind === 'ort') return null;
    try {
      assertFilesKnown(path, ARTIFACT_BYTES_MAX, dataFiles);
      return null;
    } catch (error) {
      return { code: 'ARTIFACT_OPEN', text: reasonOf(error) };
    }
  } catch (error) {
    const reason = isLastgoodError(error) ? error.message : reasonOf(error);
    if (!/ENOENT/.test(reason)) return { code: 'ARTIFACT_DAMAGED', text: reason };
    const what = version.manifest === undefined ? 'its artefact' : 'a file of its artefact';
    return { code: 'ARTIFACT_MISSING', text: `${what} ${version.sha256.slice(0, 12)} is missing` };
  }
}

function remedyFor(dataDir: string, version: VersionRecord, code: DirectoryFinding['code']): string {
  const { model, version: name } = version;
  if (code === 'ARTIFACT_OPEN') {
    return `register the model again with its data files (lastgood register ${model} FILE), then lastgood remove ` +
      `${model} ${name}`;
  }
  // Everything else makes room for a file by itself.
  const isInTheWay = artifactFiles(dataDir, version).some(({ path }) => isDirectory(path));
  return `${isInTheWay ? 'move the directory away first, then ' : ''}register the same file again (lastgood register ` +
    `${model} FILE), which puts its artefact back; or lastgood remove ${model} ${name}`;
}

// Beside the files of a manifest: nothing reads them, and nobody of us has put them there.
function strangersIn(
  dataDir: string, version: VersionRecord, derived: ReadonlySet<string>,
): DirectoryFinding[] {
  const files = artifactFiles(dataDir, version);
  const folder = dirname(files[0]!.path);
  if (files.length === 1 || !isDirectory(folder)) return [];
  const known = new Set(files.flatMap(({ name }) => [name!, ...foldersOf(name!)]));
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => !known.has(name) && !derived.has(join(folder, name))).map((name) => ({
    code: 'FILE_UNKNOWN', level: 'note', about: join('artifacts', version.sha256, name),
    text: `no file of ${nameOf(version)}, which never reads it`,
    remedy: 'move it away if it is not yours to keep here',
  }));
}

const foldersOf = (name: string): string[] => {
  const parts = name.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
};

// Nothing is lost with it: whoever loads the version makes it again.
async function derivedFinding(dataDir: string, version: VersionRecord): Promise<DirectoryFinding[]> {
  const { derived } = version;
  if (derived === undefined) return [];
  const path = derivedPath(dataDir, version, derived);
  if ((await hashOf(path).catch(() => null)) === derived.sha256) return [];
  const unknown = derived.rules.filter((rule) => !knownRules.includes(rule));
  const text = `what ${derived.rules.join(' and ')} made of its model is missing or damaged`;
  const about = nameOf(version);
  if (unknown.length === 0) {
    return [{ code: 'DERIVED_DAMAGED', level: 'note', about, text, remedy: 'nothing: its next load makes it again' }];
  }
  const remedy = `this build does not know ${unknown.join(', ')}: use the one that registered it, or register it again`;
  return [{ code: 'DERIVED_DAMAGED', level: 'broken', about, text, remedy }];
}

// What a start would do about an active version that cannot be loaded.
function withoutTarget({ models, versions }: RegistryContents, bad: ReadonlySet<VersionRecord>): DirectoryFinding[] {
  return models.flatMap(({ model, activeVersion }): DirectoryFinding[] => {
    const own = versions.filter((version) => version.model === model);
    const active = own.find(({ version }) => version === activeVersion);
    if (activeVersion === null || (active !== undefined && !bad.has(active))) return [];
    const [next] = rollbackCandidates(own, activeVersion).filter((version) => !bad.has(version));
    const about = `model ${model}`;
    if (next !== undefined) {
      return [{
        code: 'ACTIVE_UNUSABLE', level: 'broken', about,
        text: `its active version ${activeVersion} cannot be loaded`,
        remedy: `nothing: the next start goes back to version ${next.version} by itself`,
      }];
    }
    return [{
      code: 'NOTHING_USABLE', level: 'broken', about,
      text: `its active version ${activeVersion} cannot be loaded, and no other that has served can`,
      remedy: `register a file that works and promote it (lastgood register ${model} FILE --promote)`,
    }];
  });
}

function leftover(
  directory: string, name: string,
  { contents, isRegistering }: { readonly contents: RegistryContents | null; readonly isRegistering: boolean },
): DirectoryFinding | null {
  const about = join('artifacts', name);
  const repair = (): void => rmSync(join(directory, name), { recursive: true, force: true });
  if (isRegistrationLock(name)) {
    if (isHeldByLiving(name)) return null;
    const text = 'a registration that did not come to its end';
    return { code: 'REGISTRATION_LEFT', level: 'note', about, text, remedy: 'remove it', repair };
  }
  if (isPart(name)) {
    if (isRegistering) return null;
    const text = 'half a copy of a registration that did not come to its end';
    return { code: 'COPY_LEFT', level: 'note', about, text, remedy: 'remove it', repair };
  }
  const found = lstatSync(join(directory, name), { throwIfNoEntry: false });
  const isFolder = digestIn(name) === name;
  const isStrange = found !== undefined && !(isFolder ? found.isDirectory() : found.isFile() || found.isSymbolicLink());
  if (isStrange || !(isArtifact(name) || (isDerived(name) && digestIn(name) !== null))) {
    const text = isStrange ? `no file of lastgood but ${kindOf(found)}` : 'no file of lastgood';
    const remedy = 'move it away if it is not yours to keep here';
    return { code: 'FILE_UNKNOWN', level: 'note', about, text, remedy };
  }
  if (contents === null || isRegistering) return null;
  if (isDerived(name) && contents.versions.length > 0) {
    const text = 'made of a model by rules that no version is loaded by';
    return { code: 'ARTIFACT_ORPHAN', level: 'note', about, text, remedy: 'remove it', repair };
  }
  const text = `${bytesOf(join(directory, name))} bytes that no version uses`;
  // Of a registry that knows nothing nobody can say whether it has forgotten everything.
  if (contents.versions.length === 0) {
    const remedy = `nothing is registered here, so it may be all that is left: lastgood register MODEL ${about}, put ` +
      'a copy of registry/data.mdb back, or delete the file yourself';
    return { code: 'ARTIFACT_ORPHAN', level: 'note', about, text, remedy };
  }
  return { code: 'ARTIFACT_ORPHAN', level: 'note', about, text, remedy: 'remove it', repair };
}
