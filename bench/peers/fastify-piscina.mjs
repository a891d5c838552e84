// Fastify, and one Piscina task for every request. Argument: the model's file.
import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import { serve } from './server.mjs';

const threads = Math.max(1, availableParallelism() - 1);
const pool = new Piscina({
  filename: new URL('./piscina-worker.mjs', import.meta.url).href,
  minThreads: threads,
  maxThreads: threads,
  workerData: { file: process.argv[2] },
});
await serve((rows) => pool.run(rows));
