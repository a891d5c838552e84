// Cuts the bytes of a file or of stdin into lines as they come: memory does not grow with them. A line has a limit.
import { badLine } from './record-line.ts';

/** Characters of one line: a baseline of ten thousand rows with a hundred outputs is far below. */
const LINE_CHARACTERS_MAX = 256 * 1024 * 1024;
const NEW_LINE = 0x0a;
/** Some editors begin a file with it. */
const BYTE_ORDER_MARK = '\ufeff';

/**
 * Calls `visit` for every line of `pieces` with its number, from 1, and waits for it when it says so; calls `progress`
 * after every piece. `path` is for error messages.
 */
export async function readLines(
  { path, pieces }: { readonly path: string; readonly pieces: AsyncIterable<Buffer> },
  visit: (line: string, number: number) => Promise<void> | undefined,
  progress: (bytes: number) => void,
): Promise<void> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let number = 0;
  let bytes = 0;
  const take = async (text: string): Promise<void> => {
    const start = number === 0 && text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
    for (let from = start; from < text.length; ) {
      const end = text.indexOf('\n', from);
      const to = end < 0 ? text.length : end;
      number += 1;
      const later = visit(text.slice(from, to), number);
      if (later !== undefined) await later;
      from = to + 1;
    }
  };
  for await (const piece of pieces) {
    bytes += piece.length;
    const end = piece.lastIndexOf(NEW_LINE);
    if (end < 0) {
      rest.push(piece);
      restBytes += piece.length;
      if (restBytes > LINE_CHARACTERS_MAX) throw badLine(path, number + 1, new Error('it has no end'));
    } else {
      // Whole lines only, so that no character is cut in two.
      await take(Buffer.concat([...rest, piece.subarray(0, end + 1)]).toString('utf8'));
      rest = [piece.subarray(end + 1)];
      restBytes = rest[0]!.length;
    }
    progress(bytes);
  }
  await take(Buffer.concat(rest).toString('utf8'));
}
