// Answers the rows of one request.
import { workerData } from 'node:worker_threads';
import { openSession } from './session.mjs';

const predict = openSession(workerData.file);

export default async function answer(rows) {
  return (await predict)(rows);
}
