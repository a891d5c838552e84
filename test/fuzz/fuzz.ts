// Runs a target by a seed: good messages, broken ones made of them, and noise. The same seed is the same run.
import { Random } from '../protocols/random.ts';
import { mutate, noise } from './mutate.ts';
import { numbersTarget } from './numbers-target.ts';
import { oipTargets } from './oip-target.ts';
import { predictTargets } from './predict-target.ts';
import { floatFrameTarget, runnerTarget } from './runner-target.ts';
import type { FuzzTarget } from './target.ts';
import { tfsTargets } from './tfs-target.ts';

export const TARGETS: readonly FuzzTarget[] = [
  numbersTarget, ...predictTargets, ...oipTargets, ...tfsTargets, floatFrameTarget, runnerTarget,
];

/** Broken messages made of one pair of good ones. */
const BROKEN_PER_GOOD = 12;
const SHOWN_CHARACTERS_MAX = 2_000;

/** A decoder broke its promise. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
  /** The message that did it; null when it was a good one. */
  readonly bytes: Uint8Array | null;

  constructor(target: string, seed: number, round: number, bytes: Uint8Array | null, cause: unknown) {
    const text = Buffer.from(bytes ?? []).toString('latin1').slice(0, SHOWN_CHARACTERS_MAX);
    const shown = bytes === null ? 'a good message' : JSON.stringify(text);
    super(`${target}, seed ${seed}, round ${round}: ${String(cause)}\n  ${shown}`, { cause });
    this.bytes = bytes;
  }
}

/** Runs `rounds` rounds of one target, each with a good message, broken ones and noise; returns how many messages. */
export async function fuzz(target: FuzzTarget, seed: number, rounds: number): Promise<number> {
  const random = new Random(seed);
  let other: Uint8Array = Buffer.from('{}');
  let messages = 0;
  for (let round = 0; round < rounds; round += 1) {
    let bytes: Uint8Array | null = null;
    try {
      const good = await target.good(random);
      messages += 1;
      for (let count = 0; count <= BROKEN_PER_GOOD; count += 1) {
        bytes = count === BROKEN_PER_GOOD ? noise(random) : mutate(good, other, random);
        messages += 1;
        await target.check(bytes, random);
      }
      other = good;
    } catch (error) {
      throw new FuzzFailure(target.name, seed, round, bytes, error);
    }
  }
  return messages;
}
