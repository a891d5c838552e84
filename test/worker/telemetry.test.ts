// The telemetry client inside libonnxruntime is switched off before anything can load it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { suite, test } from 'node:test';

const environment = { ...process.env };
delete environment['ORT_DISABLE_TELEMETRY'];

/** Runs an ES module in a fresh process whose environment says nothing about telemetry. */
function run(code: string): string {
  const child = spawnSync(
    process.execPath, ['--input-type=module', '--eval', code], { env: environment, encoding: 'utf8', timeout: 60_000 });
  assert.equal(child.status, 0, child.stderr);
  return child.stdout.trim();
}

const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

suite('telemetry', () => {
  test('importing the pool switches it off in the real environment, where worker threads find it', () => {
    const worker = `
      const { environmentVariables, sharedObjects } = process.report.getReport();
      const loaded = sharedObjects.some((path) => path.includes('onnxruntime'));
      require('node:worker_threads').parentPort.postMessage([environmentVariables.ORT_DISABLE_TELEMETRY, loaded]);`;
    const seen = run(`
      import { Worker } from 'node:worker_threads';
      await import(${url('../../src/worker/pool/pool.js')});
      new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [] })
        .on('message', (seen) => console.log(JSON.stringify(seen)));`);
    assert.deepEqual(JSON.parse(seen), ['1', false]);
  });

  test('a session is refused where it is not switched off, before the runtime is loaded', () => {
    const seen = run(`
      const { Session } = await import(${url('../../src/worker/session/session.js')});
      const refused = await Session.open({ path: 'none.onnx', intraOpThreads: 1, rowsMax: 1 }).catch((e) => e.message);
      const loaded = process.report.getReport().sharedObjects.some((path) => path.includes('onnxruntime'));
      console.log(JSON.stringify([refused, loaded]));`);
    const [refused, loaded] = JSON.parse(seen) as [string, boolean];
    assert.match(refused, /ORT_DISABLE_TELEMETRY is not 1/);
    assert.equal(loaded, false);
  });

  test('a worker that only sets its own copy of the environment is refused too', () => {
    const worker = `
      process.env.ORT_DISABLE_TELEMETRY = '1';
      import(${url('../../src/worker/session/session.js')})
        .then(({ Session }) => Session.open({ path: 'none.onnx', intraOpThreads: 1, rowsMax: 1 }))
        .catch((e) => require('node:worker_threads').parentPort.postMessage(e.message));`;
    const seen = run(`
      import { Worker } from 'node:worker_threads';
      new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [] }).on('message', (seen) => console.log(seen));`);
    assert.match(seen, /ORT_DISABLE_TELEMETRY is not 1/);
  });
});
