// What a session run gives: the outputs of its rows, one array each, which answers and samples are read from. A batch
// that does not fit one run has several blocks. Pure; worker thread.
import type { TensorData } from './datatype.ts';

/** One output of one run. */
export interface OutputBlock {
  readonly data: TensorData;
  readonly rowShape: readonly number[];
  readonly rowElements: number;
}

/** The outputs of one run, in the signature's order; `firstRow` counts from the start of the batch. */
export interface RunBlock {
  readonly firstRow: number;
  readonly rows: number;
  readonly outputs: readonly OutputBlock[];
}

/** Visits the rows of a request in order; `row` counts within the block. */
export function eachRow(
  request: { readonly firstRow: number; readonly rows: number },
  blocks: readonly RunBlock[],
  visit: (block: RunBlock, row: number) => void,
): void {
  const end = request.firstRow + request.rows;
  for (const block of blocks) {
    const from = Math.max(request.firstRow, block.firstRow);
    const to = Math.min(end, block.firstRow + block.rows);
    for (let row = from; row < to; row += 1) visit(block, row - block.firstRow);
  }
}
