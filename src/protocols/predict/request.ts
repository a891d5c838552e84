// Decodes the body of POST /predict and frames of the lastgood.json WebSocket into rows. Worker thread.
// Two paths with one meaning. The fast one scans the bytes and only ever finishes on a well-formed body whose values
// all fit; at anything else it gives up, and the whole body is read, which says what it is and what is wrong with it.
import { lastgoodError } from '../../base/errors.ts';
import { SCAN_MODES, scanArray, scanRow } from '../json/array-scan.ts';
import type { ScanMode } from '../json/array-scan.ts';
import { readJsonObject } from '../json/json-values.ts';
import { FloatScanner } from '../json/number-scan.ts';
import { idIn } from '../json/refusal.ts';
import { describeValue } from '../json/value.ts';
import type { JsonValue } from '../json/value.ts';
import { EXTRA_DIMENSIONS_MAX, storeRow } from './values.ts';
import type { InputRows, RowBatch } from '../../domain/row-batch.ts';

const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;

const KEY_FEATURES = Buffer.from('features');
const KEY_INSTANCES = Buffer.from('instances');
const KEY_ID = Buffer.from('id');

type Stored = 'stored' | 'shapeChanged' | 'unusual';

/** Whose requests are decoded, and how many rows one of them may have. */
export interface RequestLimits {
  readonly model: string;
  readonly rowsMax: number;
}

const NO_LIMITS: RequestLimits = { model: '', rowsMax: Infinity };

interface FastInput {
  readonly rows: InputRows;
  readonly key: Buffer;
  readonly mode: ScanMode;
  /** Product of the row's known dimensions; the only open one, if any, takes what is left. */
  readonly known: number;
}

/** Decodes requests of one model into its batch. One per worker; the fields describe the last request. */
export class PredictDecoder {
  /** Rows of the request. */
  rows = 0;
  /** The request had `features`, so its answer is a `prediction` and not `predictions`. */
  isSingle = true;
  /** The frame's id as JSON text, also when decoding failed after it was found; null when there is none. */
  id: string | null = null;
  readonly #batch: RowBatch;
  readonly #limits: RequestLimits;
  readonly #fast: readonly FastInput[] | null;
  readonly #scanner = new FloatScanner();
  #keyStart = 0;
  #keyEnd = 0;

  constructor(batch: RowBatch, limits = NO_LIMITS) {
    this.#batch = batch;
    this.#limits = limits;
    const inputs = batch.inputs.map(fastInput);
    this.#fast = inputs.every((input) => input !== null) ? inputs : null;
  }

  /**
   * Appends the rows of `bytes` to the batch (its `rows` counter included) and returns true, or returns false when
   * rows of another shape wait there: run them and call again. Throws INVALID_JSON, INVALID_REQUEST, ROW_LENGTH,
   * ROW_VALUE or ROWS_TOO_MANY, and the batch is as it was.
   */
  decode(bytes: Uint8Array, isFrame: boolean): boolean {
    this.id = null;
    this.rows = 0;
    let stored: Stored = this.#fast === null ? 'unusual' : this.#scan(bytes, isFrame);
    if (stored === 'unusual') {
      this.rows = 0;
      stored = this.#parse(bytes, isFrame);
    }
    if (stored === 'shapeChanged') return false;
    this.#batch.rows += this.rows;
    return true;
  }

  #scan(bytes: Uint8Array, isFrame: boolean): Stored {
    const scanner = this.#scanner.reset(bytes);
    if (scanner.space() !== OPEN_BRACE) return 'unusual';
    scanner.at += 1;
    let hasRows = false;
    let others = 0;
    for (;;) {
      if (!this.#key()) return 'unusual';
      const isFeatures = this.#keyIs(KEY_FEATURES);
      if (isFeatures || this.#keyIs(KEY_INSTANCES)) {
        if (hasRows) return 'unusual';
        hasRows = true;
        this.isSingle = isFeatures;
        const stored = isFeatures ? this.#row() : this.#instances(isFrame);
        if (stored !== 'stored') return stored;
      } else {
        // A member may be there only once, and of few that is seen here.
        const isId = isFrame && this.#keyIs(KEY_ID);
        if (isId ? this.id !== null : (others += 1) > 1) return 'unusual';
        if (!this.#scalar(isId)) return 'unusual';
      }
      const byte = scanner.space();
      scanner.at += 1;
      if (byte === CLOSE_BRACE) break;
      if (byte !== COMMA) return 'unusual';
    }
    return hasRows && scanner.space() === -1 ? 'stored' : 'unusual';
  }

  // Reads `"key" :` and stands before the value. Escapes and bytes beyond ASCII are left to the other path.
  #key(): boolean {
    const scanner = this.#scanner;
    if (scanner.space() !== QUOTE || !this.#simpleText()) return false;
    this.#keyEnd = scanner.at - 1;
    if (scanner.space() !== COLON) return false;
    scanner.at += 1;
    scanner.space();
    return true;
  }

  // At a quote: passes the text and leaves its first byte in #keyStart.
  #simpleText(): boolean {
    const scanner = this.#scanner;
    const { bytes } = scanner;
    let at = scanner.at + 1;
    this.#keyStart = at;
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        scanner.at = at + 1;
        return true;
      }
      if (byte === BACKSLASH || byte < 0x20 || byte >= 0x80) return false;
    }
    return false;
  }

  #keyIs(name: Buffer): boolean {
    const start = this.#keyStart;
    if (this.#keyEnd - start !== name.length) return false;
    const { bytes } = this.#scanner;
    for (let index = 0; index < name.length; index += 1) {
      if (bytes[start + index] !== name[index]) return false;
    }
    return true;
  }

  // Passes a text, a number or null; as the frame's id it is kept as it was written.
  #scalar(isId: boolean): boolean {
    const scanner = this.#scanner;
    const start = scanner.at;
    if (scanner.space() === QUOTE) {
      if (!this.#simpleText()) return false;
    } else {
      scanner.number(false);
      if (scanner.failedAt >= 0) return false;
    }
    if (isId) this.id = scanner.text(start, scanner.at);
    return true;
  }

  #instances(isFrame: boolean): Stored {
    const scanner = this.#scanner;
    if (scanner.space() !== OPEN_BRACKET) return 'unusual';
    scanner.at += 1;
    for (;;) {
      const stored = this.#row();
      if (stored !== 'stored') return stored;
      if (this.rows > this.#limits.rowsMax) {
        // The id of a frame may stand behind its rows.
        if (isFrame) return 'unusual';
        throw this.#tooManyRows();
      }
      const byte = scanner.space();
      scanner.at += 1;
      if (byte === CLOSE_BRACKET) return 'stored';
      if (byte !== COMMA) return 'unusual';
    }
  }

  #row(): Stored {
    const inputs = this.#fast!;
    const byte = this.#scanner.space();
    let stored: Stored = 'unusual';
    if (byte === OPEN_BRACE) stored = this.#namedRow(inputs);
    else if (byte === OPEN_BRACKET && inputs.length === 1) stored = this.#values(inputs[0]!);
    if (stored === 'stored') this.rows += 1;
    return stored;
  }

  #namedRow(inputs: readonly FastInput[]): Stored {
    const scanner = this.#scanner;
    scanner.at += 1;
    // Names in the signature's order need no search; other orders and repeated names go to the other path.
    for (const input of inputs) {
      if (!this.#key() || !this.#keyIs(input.key) || scanner.space() !== OPEN_BRACKET) return 'unusual';
      const stored = this.#values(input);
      if (stored !== 'stored') return stored;
      const isLast = input === inputs[inputs.length - 1];
      if (scanner.space() !== (isLast ? CLOSE_BRACE : COMMA)) return 'unusual';
      scanner.at += 1;
    }
    return 'stored';
  }

  // At the opening bracket of one input's values.
  #values(input: FastInput): Stored {
    const scanner = this.#scanner;
    const { rows: target } = input;
    const row = this.#batch.rows + this.rows;
    const isOpen = target.layout.elements < 0;
    // Each value takes two bytes at least: no row can be longer than what is left of the body.
    const limit = isOpen ? (scanner.bytes.length - scanner.at) >> 1 : target.elements;
    // The first row starts at 0, whatever an open shape will turn out to be.
    const offset = row === 0 ? 0 : row * target.elements;
    target.ensure(offset + limit);
    const start = scanner.at;
    scanner.at += 1;
    const count = scanRow(scanner, target.data, offset, limit, input.mode);
    if (!isOpen && scanner.failedAt >= 0 && scanner.bytes[scanner.failedAt] === OPEN_BRACKET) {
      return this.#nestedValues(input, offset, start);
    }
    if (!isOpen) return count === target.elements ? 'stored' : 'unusual';
    if (count <= 0 || count % input.known !== 0) return 'unusual';
    const shape = target.layout.shape.map((size) => (size < 0 ? count / input.known : size));
    if (this.#batch.fixShape(target, row, shape)) return 'stored';
    return this.rows === 0 ? 'shapeChanged' : 'unusual';
  }

  #nestedValues({ rows: { data, layout: { shape } }, mode }: FastInput, offset: number, start: number): Stored {
    const scanner = this.#scanner;
    scanner.failedAt = -1;
    scanner.at = start;
    const isStored = scanArray(scanner, data, offset, shape, mode, shape.length + EXTRA_DIMENSIONS_MAX);
    return isStored ? 'stored' : 'unusual';
  }

  #tooManyRows(): Error {
    const { model, rowsMax: limit } = this.#limits;
    return lastgoodError('ROWS_TOO_MANY', { model, limit });
  }

  #parse(bytes: Uint8Array, isFrame: boolean): Stored {
    const body = readJsonObject(bytes);
    const { id, features, instances } = body;
    if (isFrame && id !== undefined) {
      this.id = idIn(bytes);
      if (this.id === null && id !== null) {
        throw lastgoodError('INVALID_REQUEST', { reason: `"id" is ${describeValue(id)}; wanted a text or a number` });
      }
    }
    if ((features === undefined) === (instances === undefined)) {
      const found = features === undefined ? 'neither is there' : 'both are there';
      throw lastgoodError('INVALID_REQUEST', { reason: `of "features" and "instances" ${found}; wanted one` });
    }
    this.isSingle = features !== undefined;
    const rows = this.isSingle ? [features] : instances;
    if (!Array.isArray(rows) || rows.length === 0) {
      const got = Array.isArray(rows) ? 'an empty array' : describeValue(rows);
      throw lastgoodError('INVALID_REQUEST', { reason: `"instances" is ${got}; wanted an array of rows` });
    }
    if (rows.length > this.#limits.rowsMax) throw this.#tooManyRows();
    const start = this.#batch.rows;
    for (const value of rows as readonly JsonValue[]) {
      const stored = storeRow(this.#batch, value, start + this.rows, start);
      if (stored !== 'stored') return stored;
      this.rows += 1;
    }
    return 'stored';
  }
}

function fastInput(rows: InputRows): FastInput | null {
  const { shape } = rows.layout;
  const mode = SCAN_MODES[rows.datatype];
  const known = shape.reduce((product, size) => (size < 0 ? product : product * size), 1);
  if (mode === undefined || known === 0 || shape.filter((size) => size < 0).length > 1) return null;
  return { rows, key: Buffer.from(rows.name), mode, known };
}
