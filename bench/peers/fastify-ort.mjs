// Fastify and onnxruntime-node in one thread. Argument: the model's file.
import { serve } from './server.mjs';
import { openSession } from './session.mjs';

await serve(await openSession(process.argv[2]));
