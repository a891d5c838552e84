// Fills the elements of a tensor from a JSON array where it stands in the bytes, flat or nested as the shape is. Pure;
// any thread.
// Invariant: it finishes only when every value fits; at anything else whoever calls it reads the array in full.
import type { BigArray, NumericArray, TensorData } from '../../domain/datatype.ts';
import type { Datatype } from '../../domain/records.ts';
import type { FloatScanner, NumberMode } from './number-scan.ts';

const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const COMMA = 0x2c;

/** How the elements of a datatype are scanned; `big` for 64-bit integers. None of texts, truth values and FP16. */
export type ScanMode = NumberMode | 'big';
export const SCAN_MODES: Readonly<Partial<Record<Datatype, ScanMode>>> = {
  FP32: 'single', FP64: 'double', INT8: 'integer', INT16: 'integer', INT32: 'integer', INT64: 'big',
  UINT8: 'integer', UINT16: 'integer', UINT32: 'integer', UINT64: 'big',
};

/** Reads up to `limit` numbers behind an opening bracket; returns how many, or -1. */
export function scanRow(
  scanner: FloatScanner, data: TensorData, offset: number, limit: number, mode: ScanMode,
): number {
  return mode === 'big'
    ? scanner.bigIntegers(data as BigArray, offset, limit) : scanner.numbers(data as NumericArray, offset, limit, mode);
}

/**
 * Fills `data` from `offset` on with the array at the scanner: false when anything does not fit, else it stands behind
 * the last bracket. Arrays of one array around a nested one say nothing and are allowed, up to `depthMax` in all.
 */
export function scanArray(
  scanner: FloatScanner, data: TensorData, offset: number, shape: readonly number[], mode: ScanMode, depthMax: number,
): boolean {
  let opened = 0;
  while (takes(scanner, OPEN_BRACKET)) opened += 1;
  const rank = nestedRank(shape);
  const isFlat = opened === 1;
  if (opened === 0 || (!isFlat && (opened < rank || opened > depthMax))) return false;
  const length = isFlat ? shape.reduce((product, size) => product * size, 1) : shape[rank - 1] ?? 1;
  for (let rows = 1; ; rows += 1) {
    if (scanRow(scanner, data, offset + (rows - 1) * length, length, mode) !== length) return false;
    // So many rows are whole arrays of the dimensions before, which end with this row.
    let axis = isFlat ? -1 : rank - 2;
    let closed = 0;
    for (let left = rows; axis >= 0 && left % shape[axis]! === 0; axis -= 1) {
      if (!takes(scanner, CLOSE_BRACKET)) return false;
      left /= shape[axis]!;
      closed += 1;
    }
    if (axis < 0) return closes(scanner, opened - 1 - closed);
    if (!takes(scanner, COMMA)) return false;
    for (; closed >= 0; closed -= 1) if (!takes(scanner, OPEN_BRACKET)) return false;
  }
}

/** Dimensions that nest: what stands behind an empty one is never written. */
export function nestedRank(shape: readonly number[]): number {
  const empty = shape.indexOf(0);
  return empty < 0 ? shape.length : empty + 1;
}

function takes(scanner: FloatScanner, byte: number): boolean {
  if (scanner.space() !== byte) return false;
  scanner.at += 1;
  return true;
}

function closes(scanner: FloatScanner, brackets: number): boolean {
  for (let left = brackets; left > 0; left -= 1) if (!takes(scanner, CLOSE_BRACKET)) return false;
  return true;
}
