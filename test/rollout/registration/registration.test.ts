// Registration with the real demo models and with files that must never get in.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, ValueInfoProtoSchema } from 'onnx-buf';
import { systemClock } from '../../../src/base/clock.ts';
import { isLastgoodError } from '../../../src/base/errors.ts';
import { packageRoot } from '../../../src/base/package-root.ts';
import { Registry } from '../../../src/registry/registry.ts';
import { openStore } from '../../../src/registry/opening/open-store.ts';
import type { RegistryStore } from '../../../src/registry/store/store.ts';
import { registerVersion } from '../../../src/rollout/registration/registration.ts';
import { smallModel } from '../../support/small-models.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { outsideInitialiser, torchExport } from '../../worker/external-data.ts';
import { linear, Type, valueInfo } from '../../worker/onnx.ts';
import { inOrtFormat } from '../../worker/ort-format.ts';
import { crashing, hanging, hungry } from '../../worker/hostile-onnx.ts';
import type { RegistrationPorts, RegistrationRequest } from '../../../src/rollout/registration/registration.ts';

const housing = (file: string): string => join(packageRoot(), 'models', 'housing', file);
let dataDir: string;
let store: RegistryStore;
let ports: RegistrationPorts;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lastgood-registration-'));
  store = openStore({ dataDir });
  const registry = new Registry(store, systemClock);
  ports = { dataDir, registry, clock: systemClock, trialMs: 60_000, intraOpThreads: 1 };
});
afterEach(async () => {
  await store.close();
  rmSync(dataDir, { recursive: true });
});

const register = (request: Partial<RegistrationRequest>, changed: Partial<RegistrationPorts> = {}) =>
  registerVersion({ ...ports, ...changed }, { model: 'housing', file: housing('1.onnx'), ...request }, 'test');
const artifacts = (): string[] =>
  existsSync(join(dataDir, 'artifacts')) ? readdirSync(join(dataDir, 'artifacts')) : [];

async function refuses(code: string, pattern: RegExp, act: Promise<unknown>): Promise<void> {
  const before = [JSON.stringify(store.dump()), artifacts()];
  await assert.rejects(act, (error) => isLastgoodError(error) && error.code === code && pattern.test(error.message));
  assert.deepEqual([JSON.stringify(store.dump()), artifacts()], before, 'a refused version must leave nothing');
}

describe('registerVersion', () => {
  const written = (name: string, content: object): string => {
    writeFileSync(join(dataDir, name), JSON.stringify(content));
    return join(dataDir, name);
  };
  const city = ['Rome', 'Oslo', 'Rome'];
  const age = [40, 20, null];
  const visitFile = (risk: (number | null)[], rows = risk.length): string => written('visit.baseline.json', {
    format: 'lastgood.baseline/1', source: 'validation', rows, outputs: { risk: { shape: [rows, 1], data: risk } },
    inputs: {
      city: { shape: [rows, 1], data: city.slice(0, rows) }, age: { shape: [rows, 1], data: age.slice(0, rows) },
    },
  });
  const visit = (request: Partial<RegistrationRequest>): ReturnType<typeof register> =>
    register({ model: 'visit', file: smallModel('visit.onnx'), ...request });

  test('keeps the validation rows that the model answered as its baseline file says', async () => {
    const { version } = await visit({ baseline: visitFile([0.7, 0.1]) });
    const rows = ports.registry.validationOf('visit', version);
    assert.deepEqual(rows.map(({ row, inputs }) => [row, inputs['city']!.values]).sort(),
      [[0, ['Rome']], [1, ['Oslo']]]);
    assert.deepEqual(ports.registry.validationOf('visit', 'none'), []);
  });

  test('refuses answers that are not the file\'s, with how many and the worst, and takes them when forced', async () => {
    const baseline = visitFile([0.7005, 0.3]);
    await refuses('PREDICTIONS_DIFFER', /1 of 2 rows .* row 1 worst: output "risk": value 0 is 0\.1\d*; wanted 0\.3;/,
      visit({ baseline }));
    const forced = await visit({ baseline, force: true });
    assert.match(forced.warnings.join('\n'), /answers 1 of 2 rows of its baseline file otherwise/);
    // What the file does not say is not compared: a model may have more outputs and be asked what is missing.
    assert.deepEqual((await visit({ baseline: visitFile([0.7]) })).warnings.filter((one) => /otherwise/.test(one)), []);
  });

  test('checks golden vectors with texts and missing numbers', async () => {
    const golden = (risk: (number | null)[]): string => written('visit.golden.json', {
      format: 'lastgood.golden/1', cases: [{
        inputs: { city: { shape: [3, 1], data: city }, age: { shape: [3, 1], data: age } },
        outputs: { risk: { shape: [3, 1], data: risk } },
      }],
    });
    assert.equal((await visit({ golden: golden([0.7, 0.1, null]) })).trial.goldenCases, 1);
    await refuses('TRIAL_FAILED', /1 golden answers differ; case 0 output "risk": value 2 is NaN; wanted 0\.5/,
      visit({ golden: golden([0.7, 0.1, 0.5]) }));
    const label = written('label.golden.json', {
      format: 'lastgood.golden/1',
      cases: [{
        inputs: { X: { shape: [1, 4], data: [[5, 3.4, 1.4, 0.2]] } }, outputs: { label: { shape: [1], data: ['cat'] } },
      }],
    });
    await refuses('TRIAL_FAILED', /output "label": value 0 is "setosa"; wanted "cat"/,
      register({ model: 'species', file: smallModel('species.onnx'), golden: label }));
  });

  test('stores signature, baseline, golden vectors and what the trial measured', async () => {
    const record = await register({ baseline: housing('1.baseline.json'), golden: housing('1.golden.json') });
    assert.equal(record.version, '1');
    assert.deepEqual(record.signature.inputs, [{ name: 'features', datatype: 'FP32', shape: [-1, 8] }]);
    assert.equal(record.outputKind, 'regression');
    assert.equal(record.baseline?.rows, 2_000);
    assert.ok(record.trial.goldenCases > 0);
    assert.equal(record.stacking?.mode, 'rows');
    assert.ok((record.trial.rowMs ?? 0) > 0);
    assert.deepEqual(record.warnings, []);
    assert.deepEqual(artifacts(), [`${record.sha256}.onnx`]);
  });

  test('warns of a version whose trial was slower than requests may be', async () => {
    const baseline = housing('1.baseline.json');
    const { warnings, trial } = await register({ baseline }, { p95LimitMs: 1e-9 });
    assert.ok(trial.runMs > 0);
    assert.match(warnings.join(), /^one row took \S+ ms in its trial, over the judge's latency limit of 1e-9 ms: in /);
    assert.deepEqual((await register({ baseline }, { p95LimitMs: 3_600_000 })).warnings, []);
  });

  test('lets two versions share an artefact and warns of a missing baseline and another signature', async () => {
    const first = await register({});
    const second = await register({ version: 'again' });
    assert.equal(first.sha256, second.sha256);
    assert.match(first.warnings.join(), /no baseline/);
    ports.registry.activate({ model: 'housing', version: '1', expectedGeneration: 0, by: 'test', reason: '' });
    const other = await register({ file: housing('other-signature.onnx') });
    assert.match(other.warnings.join(), /signature differs.*FP32\[-1,8\] became features FP32\[-1,7\]/);
  });

  test('asks the active version what came with a new one, keeps both answers, and warns of a large change', async () => {
    await register({ baseline: housing('1.baseline.json') });
    ports.registry.activate({ model: 'housing', version: '1', expectedGeneration: 0, by: 'test', reason: '' });
    const registered = (version: string, more: Partial<RegistrationRequest> = {}): ReturnType<typeof register> =>
      register({
        version, file: housing(`${version}.onnx`), baseline: housing(`${version}.baseline.json`),
        golden: housing(`${version}.golden.json`), ...more,
      });
    const same = await registered('regraph', { expect: 'same' });
    assert.deepEqual([same.expect, same.expected?.against], ['same', '1']);
    assert.deepEqual([same.expected?.rows, same.expected?.compared, same.expected?.differing], [4, 4, 0]);
    assert.ok((same.expected?.distance?.most ?? 1) < 1e-4);
    assert.deepEqual(same.warnings, []);
    const other = await registered('dollars');
    assert.equal(other.expected?.differing, 4);
    assert.deepEqual(other.warnings, ['answers differ from version "1" on 100 % of the 4 validation rows']);
    const pairs = ports.registry.expectedPairsOf('housing', 'dollars');
    assert.equal(pairs.length, 4);
    for (const { fresh, twin } of pairs) assert.ok(fresh.value > 1_000 * twin.value, `${fresh.value} ${twin.value}`);
    // Of another signature nothing can be asked.
    const none = await registered('other-signature');
    assert.deepEqual([none.expected, ports.registry.expectedPairsOf('housing', 'other-signature')], [undefined, []]);
  });

  test('takes a version whose change cannot be found out, and says why', async () => {
    const { sha256 } = await register({});
    ports.registry.activate({ model: 'housing', version: '1', expectedGeneration: 0, by: 'test', reason: '' });
    writeFileSync(join(dataDir, 'artifacts', `${sha256}.onnx`), 'damaged');
    const { expected, warnings } = await register({
      version: '2', file: housing('2.onnx'), baseline: housing('2.baseline.json'), golden: housing('2.golden.json'),
    });
    assert.equal(expected, undefined);
    assert.match(warnings.join('\n'), /^its answers could not be compared with those of version "1": .*SHA-256/m);
  });

  test('refuses a name twice, wrong names, missing files and what is no model, and leaves nothing behind', async () => {
    await register({ version: '1' });
    await refuses('VERSION_EXISTS', /registered already/, register({ version: '1' }));
    await refuses('INVALID_NAME', /model name/, register({ model: '../housing' }));
    await refuses('FILE_UNREADABLE', /absent/, register({ file: join(dataDir, 'absent.onnx') }));
    const junk = join(dataDir, 'junk.onnx');
    writeFileSync(junk, 'this is no model');
    await refuses('TRIAL_FAILED', /it is no ONNX file: wire type 4/, register({ file: junk }));
    await refuses('INVALID_BASELINE', /./, register({ version: '2', baseline: junk }));
    await refuses('INVALID_GOLDEN', /./, register({ version: '2', golden: junk }));
  });

  test('takes a model with the files that its weights lie in, and runs it with what it copied', async () => {
    for (const { model, name, data } of [torchExport(), outsideInitialiser()]) {
      const folder = temporaryDirectory();
      const file = join(folder, 'm.onnx');
      writeFileSync(file, model);
      await refuses('FILE_UNREADABLE', /it is not there; wanted it beside the model/, register({ file }));
      // Where a session would find it, if it were there.
      writeFileSync(join(dataDir, 'artifacts', name), data);
      await refuses('FILE_UNREADABLE', /it is not there; wanted it beside the model/, register({ file }));
      rmSync(join(dataDir, 'artifacts', name));
      writeFileSync(join(folder, name), data.subarray(0, data.length - 4));
      await refuses('TRIAL_FAILED', /; nothing was registered/, register({ file }));
      writeFileSync(join(folder, name), data);
      const { sha256, manifest, artifactBytes } = await register({ file });
      assert.deepEqual(manifest?.files.map((one) => [one.name, one.bytes]),
        [['model.onnx', model.length], [name, data.length]]);
      assert.equal(artifactBytes, model.length + data.length);
      assert.deepEqual(readdirSync(join(dataDir, 'artifacts', sha256)).sort(), [name, 'model.onnx'].sort());
    }
  });

  test('takes a model in the runtime\'s own format, whatever its file is called', async () => {
    const file = join(dataDir, 'exported.onnx');
    writeFileSync(file, await inOrtFormat(linear()));
    const { sha256, manifest, signature, stacking } = await register({ file });
    assert.deepEqual([manifest?.kind, artifacts()], ['ort', [`${sha256}.ort`]]);
    assert.deepEqual(signature.inputs, [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }]);
    assert.equal(stacking?.mode, 'none', 'it has no graph that could be read');
  });

  test('records inputs with a default as optional, and warns of those that no request can give', async () => {
    const whole = fromBinary(ModelProtoSchema, linear());
    whole.graph!.input.push(
      create(ValueInfoProtoSchema, valueInfo(['b', Type.FLOAT, [1]])),
      create(ValueInfoProtoSchema, valueInfo(['w', Type.FLOAT, ['n', 1]])));
    const file = join(dataDir, 'default.onnx');
    writeFileSync(file, toBinary(ModelProtoSchema, whole));
    const { warnings, signature } = await register({ file });
    assert.deepEqual(signature.inputs.map(({ name }) => name), ['x']);
    assert.deepEqual(signature.optional?.map((input) => [input.name, input.default.data]), [['b', [0.5]]]);
    assert.match(warnings.join(), /inputs with a default \("w"\) always have the model's own value/);
  });

  test('refuses a version whose golden answers differ, which flipped weights are found by', async () => {
    await refuses('TRIAL_FAILED', /golden answers differ/, register({ golden: housing('2.golden.json') }));
    const flipped = join(dataDir, 'flipped.onnx');
    const bytes = readFileSync(housing('1.onnx'));
    for (let at = Math.floor(bytes.length / 2); at < Math.floor(bytes.length / 2) + 64; at += 4) bytes[at + 3]! ^= 0x40;
    writeFileSync(flipped, bytes);
    await refuses('TRIAL_FAILED', /./, register({ file: flipped, golden: housing('1.golden.json') }));
  });

  test('refuses a version whose trial takes longer than its limit and says in which stage', async () => {
    await refuses('TRIAL_FAILED', /was not done within 1 ms/, register({}, { trialMs: 1 }));
  });

  test('refuses a version that kills its trial, hangs it, or takes more memory than it may, and says which', async () => {
    const file = (name: string, bytes: Uint8Array): string => {
      const path = join(dataDir, `${name}.onnx`);
      writeFileSync(path, bytes);
      return path;
    };
    await refuses('TRIAL_FAILED', /ended during the load with SIGFPE/, register({ file: file('c', crashing()) }));
    await refuses('TRIAL_FAILED', /the warm up was not done within 4000 ms/,
      register({ file: file('h', hanging()) }, { trialMs: 4_000 }));
    await refuses('TRIAL_FAILED', /the warm up took \d+ MiB of memory; wanted at most 512 MiB/,
      register({ file: file('m', hungry(2 ** 30)) }, { trialMemoryBytes: 512 * 2 ** 20 }));
  });
});
