// Rows whose every part follows from their number, so that a row made of two is recognised.
import type { RingRow, RowWriter } from '../../src/shared-memory/row-ring.ts';

const outputsOf = (number: number): number[] => Array.from({ length: number % 5 }, (_, at) => number + at / 8);
const inputsOf = (number: number): Uint8Array =>
  Uint8Array.from({ length: (number * 7) % 41 }, (_, at) => (number * 31 + at) & 0xff);

export function writeNumbered(writer: RowWriter, number: number): boolean {
  const outputs = outputsOf(number);
  return writer.write({
    generation: number, outcome: number % 4, row: number % 3, latencyUs: number * 2, input: -number, atUs: number + 0.5,
    source: number * 3,
  }, [9, ...outputs, 9], 1, outputs.length, inputsOf(number));
}

/** The number of the row; throws when a part of it belongs to another one. */
export function numberOf(row: RingRow): number {
  const number = row.generation;
  const wanted = {
    generation: number, outcome: number % 4, row: number % 3, latencyUs: number * 2, input: -number | 0,
    atUs: number + 0.5, source: number * 3, outputs: Float64Array.from(outputsOf(number)), inputs: inputsOf(number),
  };
  for (const key of ['outcome', 'row', 'latencyUs', 'input', 'atUs', 'source'] as const) {
    if (row[key] !== wanted[key]) throw new Error(`row ${number}: ${key} is ${row[key]}; wanted ${wanted[key]}`);
  }
  if (Buffer.compare(row.inputs, wanted.inputs) !== 0 || row.outputs.join() !== wanted.outputs.join()) {
    throw new Error(`row ${number}: outputs or inputs are of another row`);
  }
  return number;
}
