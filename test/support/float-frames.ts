// Frames of `lastgood.f32` as a client writes and reads them; written from the protocol, not from the product's code.

/** A request: the id and the rows behind it. */
export function floatFrame(id: number, values: readonly number[]): Buffer {
  const frame = Buffer.alloc(4 + values.length * 4);
  frame.writeUInt32LE(id, 0);
  values.forEach((value, index) => frame.writeFloatLE(value, 4 + index * 4));
  return frame;
}

export interface FloatAnswer {
  readonly id: number;
  readonly status: number;
  readonly values: readonly number[];
  /** The code of an error. */
  readonly code: string | undefined;
  readonly error: string | undefined;
}

export function readFloatAnswer(frame: Buffer): FloatAnswer {
  const id = frame.readUInt32LE(0);
  const status = frame.readUInt32LE(4);
  if (status === 200) {
    const values = Array.from({ length: (frame.length - 8) / 4 }, (_, index) => frame.readFloatLE(8 + index * 4));
    return { id, status, values, code: undefined, error: undefined };
  }
  const { code, error } = JSON.parse(frame.toString('utf8', 8)) as { readonly code: string; readonly error: string };
  return { id, status, values: [], code, error };
}
