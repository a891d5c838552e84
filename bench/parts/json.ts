// Numbers as JSON: a request's body through the decoder against JSON.parse of the same bytes, and every number read
// compared with Math.fround(Number(text)).
import { timed } from '../micro/bench.ts';
import { numberTexts, scanArray } from '../micro/parsing.ts';
import { FloatScanner } from '../../src/protocols/json/number-scan.ts';
import { PredictDecoder } from '../../src/protocols/predict/request.ts';
import { RowBatch } from '../../src/domain/row-batch.ts';
import { rowLayout } from '../../src/domain/row-layout.ts';
import { median } from '../measure/statistics.ts';
import { atMost, rounded } from './part.ts';
import type { Cell, PartContext, PartResult } from './part.ts';

const COUNTS = [30, 784];
const NUMBERS_CHECKED = 784;

/** How many of the numbers are not, bit for bit, what Number and Math.fround make of their text. */
function wrongNumbers(digits: number | null): { readonly checked: number; readonly wrong: number } {
  const scanner = new FloatScanner();
  const target = new Float32Array(NUMBERS_CHECKED);
  let checked = 0;
  let wrong = 0;
  for (const text of numberTexts(digits, NUMBERS_CHECKED)) {
    scanArray(scanner, text, target);
    text.toString().slice(1, -1).split(',').forEach((token, index) => {
      checked += 1;
      if (!Object.is(target[index], Math.fround(Number(token)))) wrong += 1;
    });
  }
  return { checked, wrong };
}

export function json({ settings, progress }: PartContext): Promise<PartResult> {
  const { microMs, rounds } = settings.size;
  const rows: Cell[][] = [];
  const slowest: number[] = [];
  for (const digits of [6, 17]) {
    for (const count of COUNTS) {
      const bodies = numberTexts(digits === 17 ? null : digits, count)
        .map((text) => Buffer.from(`{"features":${text.toString()}}`));
      const signature = { inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1, count] }], outputs: [] };
      const batch = new RowBatch(rowLayout(signature, 1_024));
      const decoder = new PredictDecoder(batch);
      const own: number[] = [];
      const parse: number[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        progress(`${count} numbers of ${digits} digits, round ${round} of ${rounds}`);
        own.push(timed('decoder', microMs / 4, bodies.length, () => {
          let sum = 0;
          for (const body of bodies) {
            batch.clear();
            decoder.decode(body, false);
            sum += batch.rows;
          }
          return sum;
        }).ns);
        parse.push(timed('JSON.parse', microMs / 4, bodies.length, () => {
          let sum = 0;
          for (const body of bodies) {
            const { features } = JSON.parse(body.toString('latin1')) as { features: number[] };
            (batch.inputs[0]!.data as Float32Array).set(features);
            sum += features.length;
          }
          return sum;
        }).ns);
      }
      const ratio = median(own.map((ns, round) => ns / (parse[round] ?? NaN)));
      const { checked, wrong } = wrongNumbers(digits === 17 ? null : digits);
      rows.push([
        `${count} × ${digits} digits`, rounded(median(own)), rounded(median(parse)), rounded(ratio), checked, wrong,
      ]);
      if (digits === 17) slowest.push(ratio);
    }
  }
  const wrong = rows.reduce((sum, row) => sum + Number(row[5]), 0);
  return Promise.resolve({
    name: 'json',
    tables: [{
      title: 'the body of /predict into float32',
      columns: ['numbers', 'decoder ns', 'JSON.parse ns', 'ratio', 'checked', 'not bit-equal'], rows,
    }],
    goals: [
      atMost('JSON of 17-digit doubles: time of JSON.parse\'s', 1, '×', Math.max(...slowest)),
      atMost('numbers not bit-equal to Math.fround(Number(text))', 0, '', wrong),
    ],
    notes: [],
  });
}
