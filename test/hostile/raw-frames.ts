// WebSocket frames as bytes, right and wrong ones.

export interface FrameParts {
  /** 1 text, 2 binary, 0 continuation, 8 close, 9 ping, 10 pong; the others mean nothing. */
  readonly opcode?: number;
  readonly payload?: string | Uint8Array;
  readonly isLast?: boolean;
  readonly isMasked?: boolean;
  /** The three reserved bits. */
  readonly reserved?: number;
  /** What the frame says of its length; by default the truth. */
  readonly claimed?: number | bigint;
}

const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78]);

export function rawFrame(parts: FrameParts = {}): Buffer {
  const { opcode = 1, payload = '', isLast = true, isMasked = true, reserved = 0 } = parts;
  const bytes = Buffer.from(payload as string);
  const claimed = BigInt(parts.claimed ?? bytes.length);
  const first = (isLast ? 0x80 : 0) | (reserved << 4) | opcode;
  const mask = isMasked ? 0x80 : 0;
  let head: Buffer;
  if (claimed < 126n) {
    head = Buffer.of(first, mask | Number(claimed));
  } else if (claimed < 65_536n) {
    head = Buffer.of(first, mask | 126, 0, 0);
    head.writeUInt16BE(Number(claimed), 2);
  } else {
    head = Buffer.concat([Buffer.of(first, mask | 127), Buffer.alloc(8)]);
    head.writeBigUInt64BE(claimed, 2);
  }
  if (!isMasked) return Buffer.concat([head, bytes]);
  return Buffer.concat([head, MASK, bytes.map((byte, at) => byte ^ MASK[at & 3]!)]);
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string | Uint8Array = ''): Buffer {
  return Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason as string)]);
}
