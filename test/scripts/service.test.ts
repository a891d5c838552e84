// The unit and the container file: what they promise about rights, limits and telemetry; and systemd takes the unit.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { packageRoot } from '../../src/base/package-root.ts';
import { ENGINE_FLAGS } from '../../src/cli/serve/supervisor.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const textOf = (name: string): string => readFileSync(join(packageRoot(), 'scripts', name), 'utf8');
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

describe('lastgood.service', () => {
  test('runs without rights, on a root that cannot be written, within limits, without telemetry, and comes back', () => {
    const lines = new Set(textOf('lastgood.service').split('\n'));
    for (const line of [
      'DynamicUser=yes', 'ProtectSystem=strict', 'NoNewPrivileges=yes', 'CapabilityBoundingSet=', 'MemoryMax=80%',
      'StateDirectoryMode=0700', 'Restart=always', 'ExecStart=/usr/bin/env lastgood serve',
    ]) assert.ok(lines.has(line), line);
    assert.match(textOf('lastgood.service'), /ORT_DISABLE_TELEMETRY=1/);
    assert.ok(ENGINE_FLAGS.every((flag) => textOf('lastgood.service').includes(flag)));
    // V8 makes code at run time.
    assert.doesNotMatch(textOf('lastgood.service'), /MemoryDenyWriteExecute=yes/);
  });

  test('is a unit that systemd takes', { skip: hasSystemd ? false : 'systemd is not installed here' }, () => {
    const path = join(temporaryDirectory(), 'lastgood.service');
    writeFileSync(path, textOf('lastgood.service'));
    const { stderr, status } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stderr, /lastgood\.service:\d+/, 'no line is complained of');
  });
});

describe('Containerfile', () => {
  test('builds on glibc, runs as a user of its own without telemetry, and starts the supervisor', () => {
    const text = textOf('Containerfile');
    assert.ok(ENGINE_FLAGS.every((flag) => text.includes(flag)));
    assert.match(text, /^FROM node:20-bookworm-slim$/m);
    assert.match(text, /^USER node$/m);
    assert.match(text, /ORT_DISABLE_TELEMETRY=1/);
    assert.match(text, /"serve"\]/);
    assert.match(text, /--read-only/);
  });
});
