// Artefacts: named by contents, complete or absent, never overwritten.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { isLastgoodError } from '../../src/base/errors.ts';
import { addArtifact } from '../../src/artifacts/add.ts';
import { artifactPath, removeArtifact, removeStaleParts } from '../../src/artifacts/directory.ts';
import { verifyArtifact } from '../../src/artifacts/verify.ts';

let dataDir: string;
let source: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lastgood-artifacts-'));
  source = join(dataDir, 'source.onnx');
  writeFileSync(source, Buffer.alloc(200_000, 'model'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const withCode = (code: string) => (error: unknown) => isLastgoodError(error) && error.code === code;

describe('artifacts', () => {
  test('addArtifact names the copy by its SHA-256 and leaves nothing else', async () => {
    const artifact = await addArtifact(dataDir, source);
    assert.equal(artifact.sha256, createHash('sha256').update(readFileSync(source)).digest('hex'));
    const path = artifactPath(dataDir, artifact);
    assert.deepEqual(readFileSync(path), readFileSync(source));
    assert.deepEqual(readdirSync(join(dataDir, 'artifacts')), [`${artifact.sha256}.onnx`]);
    assert.deepEqual(await verifyArtifact(dataDir, artifact), { path, kind: 'onnx', dataFiles: [] });
  });

  test('addArtifact never writes an existing artefact again', async () => {
    const first = await addArtifact(dataDir, source);
    const path = artifactPath(dataDir, first);
    const before = statSync(path);
    const second = await addArtifact(dataDir, source);
    assert.equal(first.created, true);
    assert.equal(second.created, false);
    assert.deepEqual([statSync(path).ino, statSync(path).mtimeMs], [before.ino, before.mtimeMs]);
  });

  test('addArtifact refuses what is no readable file', async () => {
    await assert.rejects(addArtifact(dataDir, join(dataDir, 'absent')), withCode('FILE_UNREADABLE'));
  });

  test('verifyArtifact finds changed and missing contents', async () => {
    const { sha256 } = await addArtifact(dataDir, source);
    const path = artifactPath(dataDir, { sha256 });
    const bytes = readFileSync(path);
    bytes[100_000]! ^= 1;
    writeFileSync(path, bytes);
    await assert.rejects(verifyArtifact(dataDir, { sha256 }), withCode('ARTIFACT_DAMAGED'));
    await removeArtifact(dataDir, sha256);
    await assert.rejects(verifyArtifact(dataDir, { sha256 }), withCode('ARTIFACT_DAMAGED'));
  });

  test('a named pipe or a directory in the place of an artefact is damage, and is not waited for', async () => {
    const { sha256 } = await addArtifact(dataDir, source);
    const path = artifactPath(dataDir, { sha256 });
    rmSync(path);
    assert.equal(spawnSync('mkfifo', [path]).status, 0);
    const damaged = (pattern: RegExp) => ({ code: 'ARTIFACT_DAMAGED', message: pattern });
    await assert.rejects(verifyArtifact(dataDir, { sha256 }), damaged(/is a named pipe; wanted a regular file/));
    await addArtifact(dataDir, source);
    assert.deepEqual(readFileSync(path), readFileSync(source));
    rmSync(path);
    mkdirSync(path);
    await assert.rejects(verifyArtifact(dataDir, { sha256 }), damaged(/is a directory; wanted a regular file/));
    const inTheWay = { code: 'DISK_REFUSED', message: /is a directory; move it away first/ };
    await assert.rejects(addArtifact(dataDir, source), inTheWay);
    await removeArtifact(dataDir, sha256);
    assert.ok(statSync(path).isDirectory());
    assert.deepEqual(readdirSync(join(dataDir, 'artifacts')), [`${sha256}.onnx`]);
  });

  test('removeStaleParts deletes old temporary files only', async () => {
    const path = artifactPath(dataDir, await addArtifact(dataDir, source));
    const [old, fresh] = ['old', 'fresh'].map((name) => join(dataDir, 'artifacts', `${name}.part`)) as [string, string];
    writeFileSync(old, '');
    writeFileSync(fresh, '');
    utimesSync(old, 0, 0);
    await removeStaleParts(dataDir, Date.now());
    assert.deepEqual([existsSync(old), existsSync(fresh), existsSync(path)], [false, true, true]);
  });
});
