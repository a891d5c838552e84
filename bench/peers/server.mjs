// A plain model server as one writes it in an afternoon: Fastify, the same JSON as POST /predict.
import Fastify from 'fastify';

const BODY_BYTES_MAX = 16 * 1024 * 1024;

/** Listens on a free port and prints it; `predict` gets rows of numbers and resolves with one answer per row. */
export async function serve(predict) {
  const app = Fastify({ logger: false, bodyLimit: BODY_BYTES_MAX });
  app.post('/predict', async (request) => {
    const begin = performance.now();
    const { features, instances } = request.body;
    const answers = await predict(instances ?? [features]);
    const latency_ms = performance.now() - begin;
    return instances === undefined
      ? { prediction: answers[0], model_version: '1', latency_ms }
      : { predictions: answers, model_version: '1', latency_ms };
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  process.stdout.write(`${JSON.stringify({ port: app.server.address().port })}\n`);
  process.on('SIGTERM', () => process.exit());
}
