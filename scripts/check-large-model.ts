#!/usr/bin/env node
// `npm run models:large`: a model whose weights take 2.4 GB in a file beside it, more than one protobuf message may
// hold: registered, promoted, asked for rows on both sides of each power of two that a size can overflow, replaced by a
// second version, rolled back, and asked again after a restart. No part of `npm test`: it writes some 10 GB.
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { TensorProto_DataLocation } from 'onnx-buf';
import { lastgood, Server } from '../test/support/binary.ts';
import { http } from '../test/support/http.ts';
import { temporaryDirectory } from '../test/support/temporary.ts';
import { model, node, Type } from '../test/worker/onnx.ts';

const WIDTH = 4;
const ROW_BYTES = WIDTH * Float32Array.BYTES_PER_ELEMENT;
const ROWS = 150_000_000;
const WEIGHTS_FILE = 'table.data';
/** The rows before and after 2³¹ bytes, and the ends of the table. */
const ASKED = [0, 1, 2 ** 31 / ROW_BYTES - 1, 2 ** 31 / ROW_BYTES, ROWS - 1];

const wanted = (row: number, scale: number): number[] => [1, 2, 3, 4].map((part) => scale * (part + row % 1_000));

/** Looks the row up whose number it is asked for. */
function table(): Uint8Array {
  return model({
    inputs: [['id', Type.INT64, ['N']]], outputs: [['row', Type.FLOAT, ['N', WIDTH]]],
    nodes: [node('Gather', ['table', 'id'], 'row')],
    constants: [{
      name: 'table', dims: [BigInt(ROWS), BigInt(WIDTH)], dataType: Type.FLOAT,
      externalData: [{ key: 'location', value: WEIGHTS_FILE }, { key: 'offset', value: '0' },
        { key: 'length', value: String(ROWS * ROW_BYTES) }],
      dataLocation: TensorProto_DataLocation.EXTERNAL,
    }],
  });
}

/** The two files of a version; all that is not asked for is a hole in the second one. */
function write(folder: string, scale: number): string {
  mkdirSync(folder);
  const path = join(folder, 'table.onnx');
  writeFileSync(path, table());
  const file = openSync(join(folder, WEIGHTS_FILE), 'w');
  ftruncateSync(file, ROWS * ROW_BYTES);
  for (const row of ASKED) writeSync(file, Float32Array.from(wanted(row, scale)), 0, ROW_BYTES, row * ROW_BYTES);
  closeSync(file);
  return path;
}

async function run(what: string, args: readonly string[]): Promise<void> {
  const begin = performance.now();
  const { code, stderr, stdout } = await lastgood(args);
  if (code !== 0) throw new Error(`${what}: exit code ${code}: ${stderr}${stdout}`);
  console.log(`${what}: ${((performance.now() - begin) / 1e3).toFixed(1)} s`);
}

async function ask(server: Server, version: string, scale: number): Promise<void> {
  for (const row of ASKED) {
    const { json } = await http(server.port, '/predict', { body: JSON.stringify({ features: row }) });
    const got = JSON.stringify([json['model_version'], json['prediction']]);
    const right = JSON.stringify([version, wanted(row, scale)]);
    if (got !== right) throw new Error(`row ${row}: got ${got}, error ${String(json['error'])}; wanted ${right}`);
  }
  console.log(`version ${version}: ${ASKED.length} rows as they were written`);
}

async function main(): Promise<void> {
  const folder = temporaryDirectory();
  const dataDir = join(folder, 'data');
  const data = ['--data', dataDir];
  await run('registered and promoted', ['register', 'table', write(join(folder, '1'), 1), '--promote', ...data]);
  let server = await Server.start(dataDir, ['--workers', '1']);
  await ask(server, '1', 1);
  await run('a second version promoted', ['register', 'table', write(join(folder, '2'), 10), '--promote', ...data]);
  await ask(server, '2', 10);
  await run('rolled back', ['rollback', 'table', ...data]);
  await ask(server, '1', 1);
  await server.stop();
  server = await Server.start(dataDir, ['--workers', '1']);
  await ask(server, '1', 1);
  await server.stop();
  rmSync(folder, { recursive: true });
}

await main();
