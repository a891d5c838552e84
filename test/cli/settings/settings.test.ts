// Where settings come from, and what is refused with which words.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { resolveSettings } from '../../../src/cli/settings/settings.ts';
import { environmentName, flagKey, SERVE_SETTINGS } from '../../../src/cli/settings/settings-table.ts';
import { isLastgoodError } from '../../../src/base/errors.ts';
import { resolveOptions } from '../../../src/options/options.ts';

const folder = mkdtempSync(join(tmpdir(), 'lastgood-settings-'));
after(() => rmSync(folder, { recursive: true }));

function configFile(text: string): string {
  const path = join(folder, `${Math.random().toString(36).slice(2)}.json`);
  writeFileSync(path, text);
  return path;
}

function refusal(flags: Record<string, unknown>, env: Record<string, string> = {}): string {
  try {
    resolveSettings(flags, env);
  } catch (error) {
    assert.ok(isLastgoodError(error), String(error));
    assert.equal(error.code, 'INVALID_OPTION');
    return error.message;
  }
  throw new Error(`nothing was refused: ${JSON.stringify({ flags, env })}`);
}

describe('resolveSettings', () => {
  test('without any setting gives the defaults and an absolute data directory', () => {
    const { options, demoModels, follower } = resolveSettings({}, {});
    assert.deepEqual(options, { ...resolveOptions({}), dataDir: resolve('data') });
    assert.deepEqual({ demoModels, follower }, { demoModels: false, follower: false });
  });

  test('takes the flag before the environment, the environment before the file, the file before the default', () => {
    const config = configFile('{"deadlineMs": 1000, "pendingMax": 1000, "drainMs": 1000}');
    const env = { LASTGOOD_CONFIG: config, LASTGOOD_DEADLINE_MS: '2000', LASTGOOD_PENDING_MAX: '2000' };
    const { options } = resolveSettings({ deadlineMs: '3000' }, env);
    assert.deepEqual(
      [options.deadlineMs, options.pendingMax, options.drainMs, options.bodyBytesMax],
      [3000, 2000, 1000, resolveOptions({}).bodyBytesMax],
    );
  });

  test('puts the judge together from all places, key by key', () => {
    const config = configFile('{"judge": {"p95LimitMs": 1, "lookMs": 2, "samplesMin": 3}}');
    const { judge } = resolveSettings({ config, p95LimitMs: '10.5' }, { LASTGOOD_LOOK_MS: '20' }).options;
    assert.deepEqual([judge.p95LimitMs, judge.lookMs, judge.samplesMin], [10.5, 20, 3]);
  });

  test("keeps the file's sections of single models", () => {
    const config = configFile('{"models": {"digits": {"workers": 3}}}');
    assert.deepEqual(resolveSettings({ config }, {}).options.models, { digits: { workers: 3 } });
  });

  test('reads an address with a name, IPv4 or bracketed IPv6', () => {
    for (const [listen, host, port] of [
      ['127.0.0.1:0', '127.0.0.1', 0], ['[::1]:8080', '::1', 8080], ['localhost:65535', 'localhost', 65_535],
    ] as const) {
      const { options } = resolveSettings({ listen }, {});
      assert.deepEqual([options.host, options.port], [host, port]);
    }
  });

  test('refuses what is no address', () => {
    for (const listen of ['8080', ':8080', 'host:', 'host:65536', '::1:8080', '[::1]', 'host:80a', 'a b:80']) {
      assert.match(refusal({ listen }), /--listen ".*wanted HOST:PORT/, listen);
    }
  });

  test('reads switches from the environment', () => {
    assert.equal(resolveSettings({}, { LASTGOOD_DEMO_MODELS: '1' }).demoModels, true);
    assert.equal(resolveSettings({}, { LASTGOOD_FOLLOWER: 'false' }).follower, false);
    assert.match(refusal({}, { LASTGOOD_FOLLOWER: 'yes' }), /LASTGOOD_FOLLOWER "yes": it is no switch; wanted 1 or 0/);
  });

  test('refuses numbers that are not strictly numbers, and says where they came from', () => {
    for (const text of ['x', '1x', '0x10', ' 1', '1.5', '1e3', 'NaN', 'Infinity', '+1', '1_000']) {
      assert.match(refusal({ workers: text }), /--workers ".*whole number/, text);
      assert.match(refusal({}, { LASTGOOD_WORKERS: text }), /LASTGOOD_WORKERS ".*whole number/, text);
    }
    for (const text of ['x', '0x10', 'NaN', 'Infinity', '.', '1,5']) {
      assert.match(refusal({ p95LimitMs: text }), /--p95-limit-ms ".*no number/, text);
    }
    assert.match(refusal({}, { LASTGOOD_WORKERS: '' }), /LASTGOOD_WORKERS "": it is empty/);
  });

  test('refuses numbers out of range by the place they came from', () => {
    assert.match(refusal({ workers: '0' }), /--workers "0": workers: /);
    const message = refusal({}, { LASTGOOD_ERROR_RATE_LIMIT: '1.5' });
    assert.match(message, /LASTGOOD_ERROR_RATE_LIMIT "1.5": judge.errorRateLimit: /);
    assert.match(refusal({ judgeMode: 'strict' }), /--judge-mode "strict": judge.mode: /);
  });

  test('refuses variables that look like its own but are unknown', () => {
    assert.match(refusal({}, { LASTGOOD_P95_LIMIT: '5' }), /environment variable LASTGOOD_P95_LIMIT is unknown/);
    resolveSettings({}, { OTHER_P95_LIMIT: '5' });
  });

  test('refuses unknown keys of the file, also deep ones, and names the file', () => {
    for (const [text, key] of [
      ['{"wrkers": 1}', 'wrkers'], ['{"judge": {"p95": 1}}', 'p95'], ['{"models": {"m": {"judge": {"x": 1}}}}', 'x'],
    ] as const) {
      const config = configFile(text);
      const message = refusal({ config });
      assert.ok(message.includes(`config file "${config}"`) && message.includes(`"${key}"`), message);
    }
  });

  test('says of a key of the judge that stands elsewhere where it belongs', () => {
    for (const [text, said] of [
      ['{"p95LimitMs": 50}', 'options: "p95LimitMs" is unknown here; wanted below "judge"'],
      ['{"checks": {}, "x": 1}', 'options: "checks", "x" are unknown here; wanted "checks" below "judge"'],
      ['{"judge": {"shape": {}}}', 'judge: "shape" is unknown here; wanted below "judge.checks"'],
      ['{"models": {"m": {"p95LimitMs": 5}}}', 'models.m: "p95LimitMs" is unknown here; wanted below "judge"'],
      ['{"models": {"m": {"judge": {"shape": {}}}}}',
        'models.m.judge: "shape" is unknown here; wanted below "judge.checks"'],
    ] as const) {
      assert.ok(refusal({ config: configFile(text) }).endsWith(said), refusal({ config: configFile(text) }));
    }
  });

  test('refuses sections of models that no model can be called', () => {
    for (const name of ['bad name!', '', '.hidden', 'x'.repeat(65)]) {
      const config = configFile(JSON.stringify({ models: { [name]: { workers: 1 } } }));
      assert.match(refusal({ config }), /models: accept the model name ".*": wanted 1 to 64 of the characters/, name);
    }
  });

  test('refuses a file that holds no JSON object or cannot be read', () => {
    for (const text of ['', '[]', 'null', '3', '{"workers": }']) {
      assert.match(refusal({ config: configFile(text) }), /config file "/, text);
    }
    assert.throws(() => resolveSettings({ config: join(folder, 'none.json') }, {}), { code: 'FILE_UNREADABLE' });
  });

  test('never shows the admin token', () => {
    assert.doesNotMatch(refusal({ adminToken: 'secret' }), /secret/);
    assert.doesNotMatch(refusal({}, { LASTGOOD_ADMIN_TOKEN: 'secret' }), /secret/);
  });
});

describe('SERVE_SETTINGS', () => {
  test('has a flag for every option but the sections of single models', () => {
    const options = resolveOptions({});
    const keys = [...Object.keys(options), 'workers', 'rowsMax', 'runRowsMax', 'requestMemoryMax', 'elementsMax',
      'dimensionMax', 'defaultModel', 'adminToken', 'tlsCert', 'tlsKey', 'trialMemoryBytes', 'memoryMax',
      'record', 'onRollback', 'sourceHeader', 'trustedProxy', 'ui', 'expectedPerSecond',
      ...Object.keys(options.judge), ...Object.keys(options.limits)];
    const without = ['dataDir', 'host', 'port', 'models', 'judge', 'checks', 'limits'];
    const withFlag = SERVE_SETTINGS.flatMap(({ path }) => path?.at(-1) ?? []);
    assert.deepEqual(withFlag.sort(), keys.filter((key) => !without.includes(key)).sort());
  });

  test('derives the environment twin and the property from the flag', () => {
    const setting = SERVE_SETTINGS.find(({ flag }) => flag === 'p95-limit-ms');
    assert.ok(setting);
    assert.deepEqual([environmentName(setting), flagKey(setting)], ['LASTGOOD_P95_LIMIT_MS', 'p95LimitMs']);
  });
});
