// The float scanner against JSON.parse, on short and on full-length numbers.
import { FloatScanner } from '../../src/protocols/json/number-scan.ts';
import { timed } from './bench.ts';
import type { MicroResult } from './bench.ts';

const NUMBERS = 30;
const TEXTS = 64;

/** Arrays of numbers as text: `digits` after the point, or all 17 of a double. */
export function numberTexts(digits: number | null, count = NUMBERS): Buffer[] {
  let state = 1;
  const next = (): number => {
    state = Math.imul(state, 1_103_515_245) + 12_345;
    return ((state >>> 8) & 0xffffff) / 0x1000000 + ((state >>> 1) & 0xfff) / 2 ** 40;
  };
  return Array.from({ length: TEXTS }, () => {
    const values = Array.from({ length: count }, () => (next() - 0.5) * 10 ** Math.floor(next() * 5));
    const text = (value: number): string => (digits === null ? String(value) : value.toFixed(digits));
    return Buffer.from(`[${values.map(text).join(',')}]`);
  });
}

/** Reads the numbers of one array with the scanner; -1 when it refused. */
export function scanArray(scanner: FloatScanner, text: Uint8Array, target: Float32Array): number {
  scanner.reset(text).at = 1;
  return scanner.numbers(target, 0, target.length, 'single');
}

export function parsing(spellMs: number): MicroResult[] {
  const scanner = new FloatScanner();
  const target = new Float32Array(NUMBERS);
  return [['6 digits', 6], ['17 digits', null]].flatMap(([label, digits]) => {
    const texts = numberTexts(digits as number | null);
    return [
      timed(`float scanner, 30 numbers of ${label}`, spellMs, TEXTS, () => {
        let sum = 0;
        for (const text of texts) sum += scanArray(scanner, text, target) + target[0]!;
        return sum;
      }),
      timed(`JSON.parse, 30 numbers of ${label}`, spellMs, TEXTS, () => {
        let sum = 0;
        for (const text of texts) {
          const values = JSON.parse(text.toString('latin1')) as number[];
          target.set(values);
          sum += values.length + target[0]!;
        }
        return sum;
      }),
    ];
  });
}
