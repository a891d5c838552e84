// Where lastgood spends its time under load: serves one model with V8's profiler on in every thread, puts closed-loop
// load on it, and prints the functions by self time, a table for each thread.
// Run: npm run build && node dist/bench/profile.js [json|oip-json|oip-binary|f32] [connections] [seconds]
import '../src/base/telemetry-off.ts';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from './contenders/contender.ts';
import { floatRequest } from './contenders/field.ts';
import { startLastgood, temporaryFolder, writeModel } from './contenders/lastgood.ts';
import { runGenerator } from './load/generator.ts';
import { runWrk, wrkVersion } from './load/wrk.ts';
import { TINY, oipBinaryRequest, oipJsonRequest, predictRequest } from './workloads.ts';
import { tableText } from './report/table.ts';

const ROWS = 24;
const SAMPLES_MIN = 200;
const FRAMES_IN_FLIGHT = 16;

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Self time in microseconds by function. */
function selfTimes({ nodes, samples, timeDeltas }: Profile): Map<string, number> {
  const names = new Map(nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => {
    const file = url.replace(/^.*\/(src|node_modules)\//, '$1/').replace(/^file:.*\//, '');
    const place = file === '' ? '' : ` ${file}:${lineNumber + 1}`;
    return [id, `${functionName === '' ? '(anonymous)' : functionName}${place}`];
  }));
  const times = new Map<string, number>();
  samples.forEach((id, index) => {
    const name = names.get(id) ?? '';
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0));
  });
  return times;
}

function printProfile(title: string, profile: Profile, requests: number): void {
  const times = selfTimes(profile);
  const totalUs = [...times.values()].reduce((sum, us) => sum + us, 0);
  const busy = [...times].filter(([name]) => !name.startsWith('(idle)')).sort((a, b) => b[1] - a[1]);
  const rows = busy.slice(0, ROWS).map(([name, us]) => [
    name, Number(((us / totalUs) * 100).toFixed(1)), Number((us / requests).toFixed(3)),
  ]);
  console.log(`\n${tableText({ title, columns: ['function', '% of wall', 'µs/request'], rows })}`);
}

const [kind = 'json', connections = '64', seconds = '4'] = process.argv.slice(2);
const folder = temporaryFolder('profile');
const file = writeModel(folder.path, TINY);
const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${folder.path}/profiles`, '--cpu-prof-interval', '500'];
const { port, pid, stop } = await startLastgood({ folder: folder.path, file, cpus: null, nodeArgs })
  .then((server) => ({ port: server.port, pid: server.pid, stop: () => server.stop() }));
const requests = {
  json: predictRequest, 'oip-json': oipJsonRequest, 'oip-binary': oipBinaryRequest, f32: floatRequest,
};
const contender: Contender = {
  name: kind, transport: kind === 'f32' ? 'f32' : 'http', host: '127.0.0.1', port, pid, rows: 1,
  request: requests[kind as keyof typeof requests](TINY),
};
const isWrk = contender.transport === 'http' && wrkVersion() !== null;
const result = isWrk
  ? await runWrk(contender, Number(connections), Number(seconds), folder.path, null)
  : await runGenerator(contender, {
    connections: Number(connections), seconds: Number(seconds), rate: null, cpus: null, inFlight: FRAMES_IN_FLIGHT,
  });
await stop();
console.log(`${kind}, ${connections} connections: ${Math.round(result.answered / result.seconds)} requests a second`);
for (const name of readdirSync(join(folder.path, 'profiles'))) {
  const profile = JSON.parse(readFileSync(join(folder.path, 'profiles', name), 'utf8')) as Profile;
  if (profile.samples.length < SAMPLES_MIN) continue;
  printProfile(name, profile, result.answered);
}
folder.remove();
