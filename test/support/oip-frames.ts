// Frames of `oip.v2` as a client writes and reads them; written from the protocol, not from the product's code.

/** A frame of this JSON (text as it is, anything else stringified) with raw bytes behind it. */
export function oipFrame(json: unknown, ...tensors: readonly Uint8Array[]): Buffer {
  const text = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, ...tensors]);
}

export interface OipMessage {
  readonly json: Readonly<Record<string, unknown>>;
  readonly tail: Buffer;
}

export function readOipFrame(frame: Buffer): OipMessage {
  const end = 4 + frame.readUInt32LE(0);
  return { json: JSON.parse(frame.toString('utf8', 4, end)) as Record<string, unknown>, tail: frame.subarray(end) };
}
