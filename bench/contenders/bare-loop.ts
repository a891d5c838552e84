// A loop around session.run() and nothing else, for the most that the runtime itself gives. Its own process; arguments:
// the model's file, the row's width, milliseconds for each batch size. Prints rows a second by batch size as JSON.
import '../../src/base/telemetry-off.ts';
import { loadRuntime } from '../../src/worker/session/runtime.ts';

const [file = '', width = '', spellMs = ''] = process.argv.slice(2);
const BATCH_SIZES = [1, 4, 16, 32, 64, 128];

const ort = await loadRuntime();
const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const rowsPerSecond: Record<string, number> = {};
for (const rows of BATCH_SIZES) {
  const data = new Float32Array(rows * Number(width)).fill(0.25);
  const x = new ort.Tensor('float32', data, [rows, Number(width)]);
  await session.run({ x });
  const beginMs = performance.now();
  let runs = 0;
  while (performance.now() - beginMs < Number(spellMs)) {
    await session.run({ x });
    runs += 1;
  }
  rowsPerSecond[rows] = (runs * rows * 1e3) / (performance.now() - beginMs);
}
await session.release();
process.stdout.write(`${JSON.stringify(rowsPerSecond)}\n`);
