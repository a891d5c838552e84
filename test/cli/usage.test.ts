// How the executable teaches and refuses: help, exit codes, one line on stderr, one document on stdout.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { SERVE_SETTINGS } from '../../src/cli/settings/settings-table.ts';
import { resolveOptions } from '../../src/options/options.ts';
import { packageVersion } from '../../src/base/package-root.ts';
import { lastgood } from '../support/binary.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const VERBS = [
  'serve', 'register', 'promote', 'rollback', 'confirm', 'remove', 'status', 'history', 'explain', 'open', 'pin',
  'unpin', 'observe', 'quarantine', 'release', 'baseline', 'drain', 'backtest', 'prepare', 'send', 'tune',
];
const ONE_LINE = /^lastgood: [^\n]+\n$/;

describe('lastgood --help', () => {
  test('lists every verb, the exit codes and examples', async () => {
    const { code, stdout, stderr } = await lastgood(['--help']);
    assert.deepEqual([code, stderr], [0, '']);
    for (const verb of [...VERBS, 'demo']) assert.match(stdout, new RegExp(`^  ${verb} .* \\w+`, 'm'));
    assert.match(stdout, /Examples:/);
    assert.match(stdout, /Exit codes: 0 .* 1 .* 2 .* 3 /);
  });

  test('of every verb says what it is for, and shows how to use it', async () => {
    for (const verb of VERBS) {
      const { code, stdout } = await lastgood([verb, '--help']);
      assert.equal(code, 0, verb);
      assert.match(stdout, /^Usage: lastgood \w+/);
      const [examplesText = ''] = stdout.split('Examples:\n')[1]?.trim().split('\n\n') ?? [];
      const examples = examplesText.split('\n');
      assert.ok(examples.length >= 2 && examples.length <= 4, `${verb} has ${examples.length} examples`);
      assert.ok(examples.every((line) => line.includes(`lastgood ${verb}`)), verb);
      assert.match(stdout, /--data <dir>/, verb);
      assert.match(stdout, /--json/, verb);
    }
  });

  test('of serve names every default that the schema has', async () => {
    const { stdout } = await lastgood(['serve', '--help']);
    const text = stdout.replace(/\s+/g, ' ');
    const { host, port, ...options } = resolveOptions({});
    const paragraphs = text.split(/ (?=--[a-z0-9-]+ <)/);
    const defaultOf = (flag: string): string | undefined =>
      /default: ([^);]+)\)/.exec(paragraphs.find((one) => one.startsWith(`--${flag} `)) ?? '')?.[1];
    assert.equal(defaultOf('listen'), `${host}:${port}`);
    for (const { flag, path, kind } of SERVE_SETTINGS) {
      const value = (path ?? ['']).reduce<unknown>(
        (all, key) => (all as Readonly<Record<string, unknown>>)[key], options);
      // A switch is off and a list is empty until it is given.
      if (value === undefined || kind === 'switch' || kind === 'list') continue;
      assert.equal(defaultOf(flag), String(value as string | number), flag);
    }
  });
});

describe('lastgood', () => {
  test('prints its version', async () => {
    assert.deepEqual(await lastgood(['--version']), { code: 0, stdout: `${packageVersion()}\n`, stderr: '' });
  });

  test('without a verb shows its help on stderr and exits with 2', async () => {
    const { code, stdout, stderr } = await lastgood([]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^Usage: lastgood/);
  });

  test('exits with 2 and one line when it is used in a wrong way', async () => {
    const uses: readonly (readonly [string[], RegExp])[] = [
      [['stauts'], /unknown command 'stauts' \(Did you mean status\?\)/],
      [['status', '--wacth'], /unknown option '--wacth' .*--watch/],
      [['promote', 'm'], /missing required argument 'version'; see lastgood promote --help/],
      [['pin', 'm', 'extra'], /too many arguments/],
      [['history', 'm', '--limit', '0'], /whole number of at least 1/],
      [['history', 'm', '--limit', '5x'], /whole number of at least 1/],
      [['serve', '--workers', 'many'], /--workers "many": it is no whole number/],
      [['serve', '--listen', '8080'], /wanted HOST:PORT/],
      [['baseline', 'm'], /wanted exactly one of capture and from/],
      [['baseline', 'm', '--capture', '--from', 'f'], /wanted exactly one of capture and from/],
    ];
    for (const [args, text] of uses) {
      const { code, stdout, stderr } = await lastgood(args);
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
      assert.match(stderr, ONE_LINE);
      assert.match(stderr, text);
    }
  });

  test('refuses unknown variables of its own, on every verb', async () => {
    const { code, stderr } = await lastgood(['status'], { LASTGOOD_DATE: '/tmp' });
    assert.equal(code, 2);
    assert.match(stderr, /LASTGOOD_DATE is unknown/);
  });

  test('fails with 1, one line and one JSON document on a directory without a registry', async () => {
    const missing = join(temporaryDirectory(), 'missing');
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    for (const dataDir of [missing, file, missing]) {
      const plain = await lastgood(['status', '--data', dataDir]);
      assert.deepEqual([plain.code, plain.stdout], [1, '']);
      assert.match(plain.stderr, ONE_LINE);
      assert.match(plain.stderr, /open data directory/);
      const json = await lastgood(['status', '--json'], { LASTGOOD_DATA: dataDir });
      assert.equal(json.code, 1);
      assert.match(json.stderr, ONE_LINE);
      const { error, code } = JSON.parse(json.stdout) as { error: string; code: string };
      assert.equal(code, 'DATA_UNUSABLE');
      assert.ok(json.stderr.includes(error));
    }
  });

  test('exits with 3 when a verb needs an engine and none runs', async () => {
    const dataDir = temporaryDirectory();
    for (const args of [['drain'], ['baseline', 'm', '--capture']]) {
      const { code, stdout, stderr } = await lastgood([...args, '--data', dataDir]);
      assert.deepEqual([code, stdout], [3, '']);
      assert.match(stderr, ONE_LINE);
      assert.match(stderr, /no engine runs/);
    }
  });
});
